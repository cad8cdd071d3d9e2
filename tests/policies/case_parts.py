"""What the rules' cases are made of: resources as plain inputs."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rules import types
from rules.model import Resource, Stack
from rules.values import UNKNOWN, Inputs, Value

DIGEST = "@sha256:" + "0123456789abcdef" * 4
STRONG = "kR8vQz2mWx7LpT4nYc9HdB3sVf6GjE1a"
TODAY = datetime.date(2026, 3, 1)
QUEUE_ARN = "arn:aws:sqs:us-west-2:000000000000:bluemoxon-x-work"
DLQ_ARN = QUEUE_ARN + "-dlq"
TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sqs:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
TAGS = {"bluemoxon:project": "bluemoxon", "bluemoxon:stack": "x"}
PUBLIC_ACCESS = dict.fromkeys(
    ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
)


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:x::bluemoxon::{type_}::{name}"


def resource(
    type_: str,
    inputs: Mapping[str, Value] | None = None,
    *,
    name: str = "thing",
    protect: bool = False,
    ignore: tuple[str, ...] = (),
    sources: Mapping[str, tuple[Resource, ...]] | None = None,
) -> Resource:
    """A resource as a rule sees it; `sources`: property to the resources it is computed from."""
    return Resource(
        type_,
        name,
        urn(type_, name),
        Inputs(inputs or {}),
        protect,
        ignore,
        {key: tuple(one.urn for one in found) for key, found in (sources or {}).items()},
    )


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, on: str | list[str] = QUEUE_ARN, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


@dataclass(frozen=True)
class Case:
    """`bad` and `good` variants; for a resource rule single resources, for a stack rule whole stacks."""

    bad: tuple[Resource | Stack, ...]
    good: tuple[Resource | Stack, ...]
    unknown: tuple[Resource | Stack, ...] = field(default=())
    """The good variants with what the rule reads not known yet."""

    def and_bad(self, *more: Resource | Stack) -> "Case":
        """The case with more that breaks the rule."""
        return replace(self, bad=(*self.bad, *more))


def one(type_: str, bad: list[dict[str, Any]], good: list[dict[str, Any]], *unknown: str) -> Case:
    """A rule about the inputs of one type; `unknown`: properties that may be unknown."""
    return Case(
        tuple(resource(type_, inputs) for inputs in bad),
        tuple(resource(type_, inputs) for inputs in good),
        tuple(resource(type_, {**good[0], name: UNKNOWN}) for name in unknown),
    )


PASSWORD = resource(types.RANDOM_PASSWORD, {"length": 32}, name="database", protect=True)
OTHER_PASSWORD = resource(types.RANDOM_PASSWORD, {"length": 32}, name="new", protect=True)
SECRET = resource(types.SECRET, {"name": "bluemoxon-x/database"}, name="database")


def database(*sources: Resource, tags: Mapping[str, Value] | None = None, **inputs: Value) -> Resource:
    given: dict[str, Value] = {"password": STRONG, "tags": tags or {}, **inputs}
    return resource(types.DATABASE, given, name="database", sources={"password": sources})


def version(*sources: Resource) -> Resource:
    return resource(
        types.SECRET_VERSION,
        {"secretString": "{}"},
        name="database",
        sources={"secretId": (SECRET,), "secretString": sources},
    )


DLQ = resource(types.QUEUE, {"name": "bluemoxon-x-work-dlq", "messageRetentionSeconds": 1209600}, name="dlq")


def queue(**inputs: Value) -> Resource:
    given: dict[str, Value] = {"name": "bluemoxon-x-work", "visibilityTimeoutSeconds": 360, **inputs}
    return resource(types.QUEUE, given, name="work", sources={"redrivePolicy": (DLQ,)})


def consumer(work: Resource, timeout: Value = 60, window: Value = 0, *, written_out: bool = False) -> Stack:
    """A queue with the function that takes from it; `written_out`: joined by ARNs, not by dependencies."""
    function = resource(types.FUNCTION, {"timeout": timeout, "name": "worker"}, name="worker")
    inputs: dict[str, Value] = {"maximumBatchingWindowInSeconds": window}
    if written_out:
        inputs |= {"eventSourceArn": QUEUE_ARN, "functionName": "worker"}
    joined = {} if written_out else {"eventSourceArn": (work,), "functionName": (function,)}
    return Stack([work, DLQ, function, resource(types.EVENT_SOURCE, inputs, sources=joined)])


def alarm(
    actions: Value = ("arn:aws:sns:us-west-2:0:t",),
    watched: Value = "bluemoxon-x-work-dlq",
    metric: str = "ApproximateNumberOfMessagesVisible",
    of: Resource | None = None,
    **more: Value,
) -> Resource:
    """An alarm on a queue, by name or computed from the queue `of`."""
    dimensions: Value = watched if watched is UNKNOWN else {"QueueName": watched}
    inputs: dict[str, Value] = {"alarmActions": actions, "dimensions": dimensions, "metricName": metric}
    return resource(types.ALARM, {**inputs, **more}, sources={"dimensions": (of,)} if of else {})


def attached(type_: str, to: Resource, by: str) -> Resource:
    return resource(type_, {}, sources={by: (to,)})


LOGS = resource(types.LOG_GROUP, {"name": "/aws/lambda/worker"}, name="logs")
LOGS_OF_ANOTHER = resource(types.LOG_GROUP, {"name": "/aws/lambda/another"}, name="logs")
PEOPLE = {
    "minimumLength": 12,
    "requireLowercase": True,
    "requireUppercase": True,
    "requireNumbers": True,
    "temporaryPasswordValidityDays": 3,
}
BUCKET = resource(types.BUCKET, {"bucket": "photos"}, name="images")
BUCKET_PARTS = [
    attached(part, BUCKET, "bucket")
    for part in (
        types.BUCKET_PUBLIC_ACCESS,
        types.BUCKET_VERSIONING,
        types.BUCKET_ENCRYPTION,
        types.BUCKET_POLICY,
    )
]
REDRIVE = {"deadLetterTargetArn": DLQ_ARN, "maxReceiveCount": 3}
TO_LOST = {"deadLetterTargetArn": "arn:aws:sqs:us-west-2:000000000000:lost", "maxReceiveCount": 3}
SEEN = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")
TAKEN = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
OTHER = QUEUE_ARN + "-other"
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole"}
GITHUB = {
    **TRUST,
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Principal": {"Federated": "arn:aws:iam::1:oidc"},
}
