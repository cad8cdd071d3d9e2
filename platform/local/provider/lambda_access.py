"""Lambda: who may invoke a function, and what becomes of failed asynchronous invokes."""
# ruff: noqa: ARG002, S105

import json

from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.shapes import back, camel, pascal, renamed
from local.provider.values import Properties

_PERMISSION = {
    "action": "Action",
    "principal": "Principal",
    "eventSourceToken": "EventSourceToken",
    "functionUrlAuthType": "FunctionUrlAuthType",
    "principalOrgId": "PrincipalOrgID",
    "qualifier": "Qualifier",
    "sourceAccount": "SourceAccount",
    "sourceArn": "SourceArn",
}


class Permission(ResourceType):
    """One statement of a function's policy; its id is the statement's."""

    token = "aws:lambda/permission:Permission"
    replace_on = frozenset({*_PERMISSION, "function", "statementId", "statementIdPrefix", "region"})
    name_property = "statementId"
    name_prefix_property = "statementIdPrefix"

    def make(self, ctx: Context, inputs: Properties) -> str:
        ctx.aws.call(
            "lambda",
            "add_permission",
            FunctionName=inputs["function"],
            StatementId=inputs["statementId"],
            **renamed(inputs, _PERMISSION),
        )
        return str(inputs["statementId"])

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("lambda", "get_policy", FunctionName=state["function"])
        statements = json.loads(reply["Policy"])["Statement"] if reply else []
        if not any(statement.get("Sid") == identifier for statement in statements):
            return None
        return {**state, "statementId": identifier}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("lambda", "remove_permission", FunctionName=state["function"], StatementId=identifier)


_INVOKE = {
    "maximumEventAgeInSeconds": "MaximumEventAgeInSeconds",
    "maximumRetryAttempts": "MaximumRetryAttempts",
}


class FunctionEventInvokeConfig(ResourceType):
    """Retries and destinations of asynchronous invokes; its id is the function's name."""

    token = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
    replace_on = frozenset({"functionName", "qualifier", "region"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        return str(inputs["functionName"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        wanted = renamed(new, _INVOKE)
        if new.get("destinationConfig"):
            wanted["DestinationConfig"] = pascal(new["destinationConfig"])
        ctx.aws.call("lambda", "put_function_event_invoke_config", FunctionName=identifier, **wanted)
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        found = ctx.aws.find("lambda", "get_function_event_invoke_config", FunctionName=identifier)
        if found is None:
            return None
        outputs = {"functionName": identifier, **back(found, _INVOKE)}
        if state.get("destinationConfig"):
            outputs["destinationConfig"] = camel(found.get("DestinationConfig") or {})
        return outputs

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("lambda", "delete_function_event_invoke_config", FunctionName=identifier)


TYPES = (FunctionEventInvokeConfig, Permission)
