"""SQS: queues, their policies and redrive settings."""
# ruff: noqa: ARG002, S105

from typing import ClassVar

from local.provider import tags
from local.provider.connection import Reply
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.values import Properties, Value

_ATTRIBUTES = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoQueue": "FifoQueue",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
_DEFAULTS: Properties = {
    "delaySeconds": 0,
    "maxMessageSize": 1_048_576,
    "messageRetentionSeconds": 345_600,
    "receiveWaitTimeSeconds": 0,
    "visibilityTimeoutSeconds": 30,
    "kmsMasterKeyId": "",
    "contentBasedDeduplication": False,
    "policy": "",
    "redrivePolicy": "",
    "redriveAllowPolicy": "",
}
_CREATE_ONLY = ("fifoQueue",)


def _to_attribute(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _from_attribute(text: str) -> Value:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return int(text) if text.isdigit() else text


def _attributes(ctx: Context, url: str) -> dict[str, str] | None:
    reply = ctx.aws.find("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
    return None if reply is None else reply.get("Attributes", {})


class Queue(ResourceType):
    """A queue; its id is its URL. Policy and redrive settings may live in resources of their own."""

    token = "aws:sqs/queue:Queue"
    replace_on = frozenset({"name", "namePrefix", "fifoQueue", "region"})
    name_property = "name"
    json_properties = frozenset({"policy", "redrivePolicy", "redriveAllowPolicy"})
    computed_inputs = json_properties | {
        "kmsDataKeyReusePeriodSeconds",
        "sqsManagedSseEnabled",
        "deduplicationScope",
        "fifoThroughputLimit",
    }

    def automatic_name(self, prefix: str, values: Properties, seed: bytes) -> str:
        """A FIFO queue's name ends in `.fifo`."""
        return super().automatic_name(prefix, values, seed) + (".fifo" if values.get("fifoQueue") else "")

    def make(self, ctx: Context, inputs: Properties) -> str:
        wanted = {
            _ATTRIBUTES[key]: _to_attribute(value) for key, value in inputs.items() if key in _ATTRIBUTES
        }
        if not inputs.get("fifoQueue"):
            wanted.pop("FifoQueue", None)
        reply = ctx.aws.call(
            "sqs", "create_queue", QueueName=inputs["name"], Attributes=wanted, tags=ctx.all_tags(inputs)
        )
        return str(reply["QueueUrl"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is None:
            return None
        wanted = {key: new.get(key, _DEFAULTS.get(key)) for key in _ATTRIBUTES if key not in _CREATE_ONLY}
        changed = {
            _ATTRIBUTES[key]: _to_attribute(value)
            for key, value in wanted.items()
            if value is not None
            and value != old.get(key)
            and (key in new or key not in self.computed_inputs)
            and not (value == _DEFAULTS.get(key) and not old.get(key))
        }
        if changed:
            ctx.aws.call("sqs", "set_queue_attributes", QueueUrl=identifier, Attributes=changed)
        wanted_tags = ctx.all_tags(new)
        if gone := tags.removed(old, wanted_tags):
            ctx.aws.call("sqs", "untag_queue", QueueUrl=identifier, TagKeys=gone)
        if wanted_tags:
            ctx.aws.call("sqs", "tag_queue", QueueUrl=identifier, Tags=wanted_tags)
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        found = _attributes(ctx, identifier)
        if found is None:
            return None
        outputs = {key: _from_attribute(found[name]) for key, name in _ATTRIBUTES.items() if name in found}
        for key in self.json_properties & outputs.keys():
            outputs[key] = found[_ATTRIBUTES[key]]
        reply: Reply = ctx.aws.call("sqs", "list_queue_tags", QueueUrl=identifier)
        name = found["QueueArn"].rsplit(":", 1)[1]
        return {
            **_DEFAULTS,
            "fifoQueue": name.endswith(".fifo"),
            **outputs,
            "name": name,
            "url": identifier,
            "arn": found["QueueArn"],
            "tags": tags.own(ctx.default_tags, reply.get("Tags") or {}),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("sqs", "delete_queue", QueueUrl=identifier)


class _QueueAttribute(ResourceType):
    """One attribute of a queue as a resource of its own. Its id is the queue's URL."""

    attribute: ClassVar[str]
    replace_on = frozenset({"queueUrl", "region"})

    @property
    def key(self) -> str:
        """The property that holds the document."""
        return next(iter(self.json_properties))

    def make(self, ctx: Context, inputs: Properties) -> str:
        return str(inputs["queueUrl"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        ctx.aws.call(
            "sqs", "set_queue_attributes", QueueUrl=identifier, Attributes={self.attribute: new[self.key]}
        )
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        found = _attributes(ctx, identifier)
        if not found or not found.get(self.attribute):
            return None
        return {"queueUrl": identifier, self.key: found[self.attribute]}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("sqs", "set_queue_attributes", QueueUrl=identifier, Attributes={self.attribute: ""})


class QueuePolicy(_QueueAttribute):
    """Who may use a queue."""

    token = "aws:sqs/queuePolicy:QueuePolicy"
    attribute = "Policy"
    json_properties = frozenset({"policy"})


class RedrivePolicy(_QueueAttribute):
    """Where a queue's failed messages go."""

    token = "aws:sqs/redrivePolicy:RedrivePolicy"
    attribute = "RedrivePolicy"
    json_properties = frozenset({"redrivePolicy"})


class RedriveAllowPolicy(_QueueAttribute):
    """Which queues may use this one as their DLQ."""

    token = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"
    attribute = "RedriveAllowPolicy"
    json_properties = frozenset({"redriveAllowPolicy"})


TYPES = (Queue, QueuePolicy, RedriveAllowPolicy, RedrivePolicy)
