"""CloudWatch Logs: log groups."""
# ruff: noqa: S105

from local.provider import tags
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.values import Properties
from workers.contracts import Problem


class LogGroup(ResourceType):
    """A log group; its id is its name."""

    token = "aws:cloudwatch/logGroup:LogGroup"
    replace_on = frozenset({"name", "namePrefix", "logGroupClass", "region"})
    name_property = "name"

    def make(self, ctx: Context, inputs: Properties) -> str:
        optional = {"kmsKeyId": inputs.get("kmsKeyId"), "logGroupClass": inputs.get("logGroupClass")}
        ctx.aws.call(
            "logs",
            "create_log_group",
            logGroupName=inputs["name"],
            tags=ctx.all_tags(inputs),
            **{key: value for key, value in optional.items() if value},
        )
        return str(inputs["name"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if days := new.get("retentionInDays"):
            ctx.aws.call("logs", "put_retention_policy", logGroupName=identifier, retentionInDays=days)
        elif (old or {}).get("retentionInDays"):
            ctx.aws.call("logs", "delete_retention_policy", logGroupName=identifier)
        if old is not None:
            wanted = ctx.all_tags(new)
            arn = self._arn(ctx, identifier)
            if gone := tags.removed(old, wanted):
                ctx.aws.call("logs", "untag_resource", resourceArn=arn, tagKeys=gone)
            if wanted:
                ctx.aws.call("logs", "tag_resource", resourceArn=arn, tags=wanted)
        return None

    def _arn(self, ctx: Context, name: str) -> str:
        return ctx.arn("logs", f"log-group:{name}")

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.call("logs", "describe_log_groups", logGroupNamePrefix=identifier)
        found = [group for group in reply["logGroups"] if group["logGroupName"] == identifier]
        if not found:
            return None
        tagging = ctx.aws.call("logs", "list_tags_for_resource", resourceArn=self._arn(ctx, identifier))
        return {
            "name": identifier,
            "arn": self._arn(ctx, identifier),
            "retentionInDays": found[0].get("retentionInDays", 0),
            "kmsKeyId": found[0].get("kmsKeyId"),
            "logGroupClass": found[0].get("logGroupClass", "STANDARD"),
            "skipDestroy": bool(state.get("skipDestroy")),
            "tags": tags.own(ctx.default_tags, tagging.get("tags") or {}),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        if state.get("deletionProtectionEnabled"):
            raise Problem(
                f"The log group {identifier} is protected from deletion.",
                fix="Set deletion_protection_enabled=False and apply that first.",
            )
        if not state.get("skipDestroy"):
            ctx.aws.find("logs", "delete_log_group", logGroupName=identifier)


TYPES = (LogGroup,)
