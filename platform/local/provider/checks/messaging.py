"""SQS and SNS, whose models limit nothing: attributes are texts there. SQS's ranges are those of
"SetQueueAttributes", which the real provider checks too.
"""

import re
from collections.abc import Iterator

from local.provider.checks.documents import JSON
from local.provider.checks.grammars import REDRIVE_ALLOW_POLICY, REDRIVE_POLICY
from local.provider.checks.limits import Limits
from local.provider.checks.policies import RESOURCE_POLICY
from local.provider.checks.rules import Between, Exclusive, Matches, OneOf, Refused, given
from local.provider.values import Properties

_DAY = 86_400
_QUEUE_URL = Matches("queueUrl", r"https?://[^\s]+/\d{12}/[\w.-]+", "the queue's URL")
_PROTOCOLS = {
    "application": r"arn:[^\s]+",
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "email-json": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "firehose": r"arn:[^\s]+",
    "http": r"http://[^\s]+",
    "https": r"https://[^\s]+",
    "lambda": r"arn:[^\s]+",
    "sms": r"\+?\d{4,15}",
    "sqs": r"arn:[^\s]+",
}
"""What each protocol of "Subscribe" takes as its endpoint."""


def _fifo(inputs: Properties) -> Iterator[Refused]:
    name, fifo = inputs.get("name"), inputs.get("fifoQueue", inputs.get("fifoTopic")) is True
    if isinstance(name, str) and name.endswith(".fifo") != fifo:
        yield Refused(
            "name", name, "ends in '.fifo' when the thing is FIFO, and only then: change one of both"
        )
    if not fifo:
        for key in given(inputs, ("deduplicationScope", "fifoThroughputLimit")):
            yield Refused(key, None, "means FIFO queues only: remove it")
        if inputs.get("contentBasedDeduplication") is True:
            yield Refused("contentBasedDeduplication", True, "means FIFO only: remove it")


def _endpoint(inputs: Properties) -> Iterator[Refused]:
    protocol, endpoint = inputs.get("protocol"), inputs.get("endpoint")
    if (
        isinstance(endpoint, str)
        and protocol in _PROTOCOLS
        and not re.fullmatch(_PROTOCOLS[protocol], endpoint)
    ):
        yield Refused(
            "endpoint", endpoint, f"is no endpoint for the protocol {protocol!r}: correct one of both"
        )


LIMITS = {
    "aws:sqs/queue:Queue": Limits(
        documents={
            "policy": RESOURCE_POLICY,
            "redrivePolicy": REDRIVE_POLICY,
            "redriveAllowPolicy": REDRIVE_ALLOW_POLICY,
        },
        rules=(
            Exclusive(("name", "namePrefix")),
            Exclusive(("kmsMasterKeyId", "sqsManagedSseEnabled")),
            Matches("name", r"[\w-]{1,80}|[\w-]{1,75}\.fifo", "1 to 80 letters, digits, - and _"),
            Between("delaySeconds", 0, 900, "seconds"),
            Between("kmsDataKeyReusePeriodSeconds", 60, _DAY, "seconds"),
            Between("maxMessageSize", 1024, 1_048_576, "bytes"),
            Between("messageRetentionSeconds", 60, 14 * _DAY, "seconds"),
            Between("receiveWaitTimeSeconds", 0, 20, "seconds"),
            Between("visibilityTimeoutSeconds", 0, 43_200, "seconds"),
            OneOf("deduplicationScope", ("messageGroup", "queue")),
            OneOf("fifoThroughputLimit", ("perMessageGroupId", "perQueue")),
            _fifo,
        ),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Limits(documents={"policy": RESOURCE_POLICY}, rules=(_QUEUE_URL,)),
    "aws:sqs/redrivePolicy:RedrivePolicy": Limits(
        documents={"redrivePolicy": REDRIVE_POLICY}, rules=(_QUEUE_URL,)
    ),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": Limits(
        documents={"redriveAllowPolicy": REDRIVE_ALLOW_POLICY}, rules=(_QUEUE_URL,)
    ),
    "aws:sns/topic:Topic": Limits(
        documents={"policy": RESOURCE_POLICY, "deliveryPolicy": JSON, "archivePolicy": JSON},
        rules=(
            Exclusive(("name", "namePrefix")),
            Matches("name", r"[\w-]{1,256}|[\w-]{1,251}\.fifo", "1 to 256 letters, digits, - and _"),
            Matches("displayName", r"[^\n]{0,100}", "one line of up to 100 characters"),
            OneOf("signatureVersion", (1, 2)),
            OneOf("tracingConfig", ("PassThrough", "Active")),
            _fifo,
        ),
    ),
    "aws:sns/topicPolicy:TopicPolicy": Limits(documents={"policy": RESOURCE_POLICY}),
    "aws:sns/topicSubscription:TopicSubscription": Limits(
        documents={"deliveryPolicy": JSON, "filterPolicy": JSON, "redrivePolicy": JSON, "replayPolicy": JSON},
        rules=(
            OneOf("protocol", tuple(_PROTOCOLS)),
            OneOf("filterPolicyScope", ("MessageAttributes", "MessageBody")),
            _endpoint,
        ),
    ),
}
