"""The budget: somebody hears of it before the month's bill does."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import budgets

from infra.naming import PROJECT, Deployment, Kind
from infra.settings import BudgetSettings
from infra.tags import tags

ACTUAL_PERCENTS = (80, 100)
"""Of the limit, spent."""

FORECAST_PERCENT = 100
"""Of the limit, by the end of the month as AWS foresees it: the earliest of the warnings."""


@dataclass(frozen=True, slots=True)
class BudgetAlarmArgs:
    """How much, and the topic that hears of it. `settings.monthly_usd` is set."""

    deployment: Deployment
    settings: BudgetSettings
    topic_arn: pulumi.Input[str]


class BudgetAlarm(pulumi.ComponentResource):
    """A monthly budget of costs, which tells the alarms' topic. It stops nothing."""

    def __init__(self, name: str, args: BudgetAlarmArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bluemoxon:alarms:BudgetAlarm", name, None, opts)
        deployment = args.deployment
        warnings = [("ACTUAL", percent) for percent in ACTUAL_PERCENTS] + [("FORECASTED", FORECAST_PERCENT)]
        filters = [
            budgets.BudgetCostFilterArgs(
                name="TagKeyValue", values=[f"user:{PROJECT}:stack${deployment.stack}"]
            )
        ]
        budget = budgets.Budget(
            name,
            budgets.BudgetArgs(
                name=deployment.name(Kind.BUDGET, "monthly"),
                budget_type="COST",
                time_unit="MONTHLY",
                limit_amount=str(args.settings.monthly_usd),
                limit_unit="USD",
                cost_filters=filters if args.settings.only_this_stack else None,
                notifications=[
                    budgets.BudgetNotificationArgs(
                        comparison_operator="GREATER_THAN",
                        notification_type=kind,
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                        subscriber_sns_topic_arns=[args.topic_arn],
                    )
                    for kind, percent in warnings
                ],
                tags=tags(deployment.stack, "budget"),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"name": budget.name})
