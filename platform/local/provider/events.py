"""EventBridge: rules and their targets."""
# ruff: noqa: ARG002, S105

from local.provider import tags
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.shapes import back, renamed
from local.provider.values import Properties

_RULE = {
    "description": "Description",
    "eventPattern": "EventPattern",
    "roleArn": "RoleArn",
    "scheduleExpression": "ScheduleExpression",
    "state": "State",
}
_TARGET = {"arn": "Arn", "input": "Input", "inputPath": "InputPath", "roleArn": "RoleArn"}
_DEFAULT_BUS = "default"


def _parts(identifier: str) -> tuple[str, str]:
    """Bus and rule of a rule's id, which is `bus/rule`, or the rule alone on the default bus."""
    bus, _, rule = identifier.rpartition("/")
    return bus or _DEFAULT_BUS, rule


class EventRule(ResourceType):
    """A rule; its id is its name, or `bus/name`."""

    token = "aws:cloudwatch/eventRule:EventRule"
    replace_on = frozenset({"eventBusName", "name", "namePrefix", "region"})
    name_property = "name"
    json_properties = frozenset({"eventPattern"})
    computed_inputs = frozenset({"isEnabled", "state"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        bus = inputs.get("eventBusName") or _DEFAULT_BUS
        name = str(inputs["name"])
        return name if bus == _DEFAULT_BUS else f"{bus}/{name}"

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        bus, name = _parts(identifier)
        wanted = ctx.all_tags(new)
        reply = ctx.aws.call(
            "events",
            "put_rule",
            Name=name,
            EventBusName=bus,
            **renamed(new, _RULE),
            **({"Tags": tags.pairs(wanted)} if old is None and wanted else {}),
        )
        if old is not None:
            arn = reply["RuleArn"]
            if gone := tags.removed(old, wanted):
                ctx.aws.call("events", "untag_resource", ResourceARN=arn, TagKeys=gone)
            if wanted:
                ctx.aws.call("events", "tag_resource", ResourceARN=arn, Tags=tags.pairs(wanted))
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        bus, name = _parts(identifier)
        found = ctx.aws.find("events", "describe_rule", Name=name, EventBusName=bus)
        if found is None:
            return None
        listed = ctx.aws.call("events", "list_tags_for_resource", ResourceARN=found["Arn"])
        return {
            **back(found, _RULE),
            "name": name,
            "arn": found["Arn"],
            "eventBusName": bus,
            "tags": tags.own(ctx.default_tags, tags.mapping(listed.get("Tags") or [])),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        bus, name = _parts(identifier)
        ctx.aws.find("events", "delete_rule", Name=name, EventBusName=bus)


class EventTarget(ResourceType):
    """What a rule calls; its id is `rule-target`, as in the real provider."""

    token = "aws:cloudwatch/eventTarget:EventTarget"
    replace_on = frozenset({"eventBusName", "region", "rule", "targetId"})
    name_property = "targetId"
    name_prefix_property = None
    json_properties = frozenset({"input"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        return f"{inputs['rule']}-{inputs['targetId']}"

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        target = {"Id": new["targetId"], **renamed(new, _TARGET)}
        if new.get("deadLetterConfig"):
            target["DeadLetterConfig"] = {"Arn": new["deadLetterConfig"].get("arn")}
        ctx.aws.call(
            "events",
            "put_targets",
            Rule=new["rule"],
            EventBusName=new.get("eventBusName") or _DEFAULT_BUS,
            Targets=[target],
        )
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        bus = state.get("eventBusName") or _DEFAULT_BUS
        reply = ctx.aws.find("events", "list_targets_by_rule", Rule=state["rule"], EventBusName=bus)
        targets = (reply or {}).get("Targets", [])
        found = next((one for one in targets if one["Id"] == state["targetId"]), None)
        if found is None:
            return None
        return {
            **back(found, _TARGET),
            "rule": state["rule"],
            "targetId": state["targetId"],
            "eventBusName": bus,
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find(
            "events",
            "remove_targets",
            Rule=state["rule"],
            EventBusName=state.get("eventBusName") or _DEFAULT_BUS,
            Ids=[state["targetId"]],
        )


TYPES = (EventRule, EventTarget)
