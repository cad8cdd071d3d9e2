"""Budgets: when spending is reported."""
# ruff: noqa: ARG002, S105

from typing import Any

from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.values import Properties


class Budget(ResourceType):
    """A cost budget; its id is `account:name`. Its notifications are made anew when they change."""

    token = "aws:budgets/budget:Budget"
    replace_on = frozenset({"accountId", "name", "namePrefix"})
    name_property = "name"
    unordered = frozenset({"notifications"})
    computed_inputs = frozenset({"accountId", "costTypes", "timePeriodEnd", "timePeriodStart"})

    def _budget(self, inputs: Properties) -> dict[str, Any]:
        budget: dict[str, Any] = {
            "BudgetName": inputs["name"],
            "BudgetType": inputs["budgetType"],
            "TimeUnit": inputs["timeUnit"],
        }
        if inputs.get("limitAmount") is not None:
            budget["BudgetLimit"] = {
                "Amount": str(inputs["limitAmount"]),
                "Unit": inputs.get("limitUnit") or "USD",
            }
        if inputs.get("costFilters"):
            budget["CostFilters"] = {one["name"]: one["values"] for one in inputs["costFilters"]}
        return budget

    def make(self, ctx: Context, inputs: Properties) -> str:
        account = str(inputs.get("accountId") or ctx.account)
        ctx.aws.call("budgets", "create_budget", AccountId=account, Budget=self._budget(inputs))
        return f"{account}:{inputs['name']}"

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        account, name = identifier.split(":", 1)
        budget = {"AccountId": account, "BudgetName": name}
        if old is not None:
            ctx.aws.call("budgets", "update_budget", AccountId=account, NewBudget=self._budget(new))
            for one in old.get("notifications") or []:
                ctx.aws.find("budgets", "delete_notification", **budget, Notification=_notification(one))
        for one in new.get("notifications") or []:
            ctx.aws.call(
                "budgets",
                "create_notification",
                **budget,
                Notification=_notification(one),
                Subscribers=_subscribers(one),
            )
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        account, name = identifier.split(":", 1)
        reply = ctx.aws.find("budgets", "describe_budget", AccountId=account, BudgetName=name)
        if reply is None:
            return None
        found = reply["Budget"]
        limit = found.get("BudgetLimit") or {}
        return {
            "name": name,
            "accountId": account,
            "arn": ctx.arn("budgets", f"budget/{name}", region=""),
            "budgetType": found["BudgetType"],
            "timeUnit": found["TimeUnit"],
            "limitAmount": limit.get("Amount"),
            "limitUnit": limit.get("Unit"),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        account, name = identifier.split(":", 1)
        ctx.aws.find("budgets", "delete_budget", AccountId=account, BudgetName=name)


def _notification(one: Properties) -> dict[str, Any]:
    return {
        "ComparisonOperator": one["comparisonOperator"],
        "NotificationType": one["notificationType"],
        "Threshold": float(one["threshold"]),
        "ThresholdType": one["thresholdType"],
    }


def _subscribers(one: Properties) -> list[dict[str, str]]:
    mails = [{"SubscriptionType": "EMAIL", "Address": a} for a in one.get("subscriberEmailAddresses") or []]
    topics = [{"SubscriptionType": "SNS", "Address": a} for a in one.get("subscriberSnsTopicArns") or []]
    return mails + topics


TYPES = (Budget,)
