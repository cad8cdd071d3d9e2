"""Cases of the rules about queues."""

import json

from rules import types
from rules.model import Stack
from rules.values import UNKNOWN
from tests.policies.case_parts import (
    DLQ,
    QUEUE_ARN,
    REDRIVE,
    TLS,
    TO_LOST,
    Case,
    alarm,
    allow,
    attached,
    consumer,
    document,
    one,
    queue,
    resource,
)

QUEUES = {
    "queue-has-dlq": one(
        types.QUEUE,
        [{"name": "work"}],
        [
            {"name": "work", "redrivePolicy": json.dumps(REDRIVE)},
            {"name": "work-dlq"},
            {"name": "work-dlq.fifo"},
        ],
        "redrivePolicy",
    ),
    "queue-dlq-is-another": one(
        types.QUEUE,
        [
            {"name": "bluemoxon-x-work-dlq", "redrivePolicy": json.dumps(REDRIVE)},
            {"name": "work.fifo", "redrivePolicy": json.dumps(REDRIVE)},
            {"name": "work", "redrivePolicy": "{}"},
            {"name": "work", "redrivePolicy": "not json"},
        ],
        [{"name": "bluemoxon-x-work", "redrivePolicy": json.dumps(REDRIVE)}, {"name": "work-dlq"}],
        "redrivePolicy",
    ),
    "queue-max-receive": one(
        types.QUEUE,
        [{"redrivePolicy": json.dumps({**REDRIVE, "maxReceiveCount": count})} for count in (1, 1000, None)],
        [{"redrivePolicy": json.dumps(REDRIVE)}, {"redrivePolicy": REDRIVE}],
        "redrivePolicy",
    ),
    "queue-encrypted": one(
        types.QUEUE,
        [{}, {"sqsManagedSseEnabled": False}],
        [{"sqsManagedSseEnabled": True}, {"kmsMasterKeyId": UNKNOWN}],
        "sqsManagedSseEnabled",
    ),
    "queue-fifo-name": one(
        types.QUEUE,
        [{"name": "work", "fifoQueue": True}, {"name": "work.fifo"}],
        [{"name": "work"}, {"name": "work.fifo", "fifoQueue": True}],
        "name",
    ),
    "queue-policy-tls": one(
        types.QUEUE_POLICY,
        [
            {"policy": document(allow("sqs:SendMessage"))},
            {"policy": document({**TLS, "Condition": {"Bool": {"aws:SecureTransport": "true"}}})},
        ],
        [
            {"policy": document(TLS)},
            {"policy": document({**TLS, "Condition": {"Bool": {"aws:SecureTransport": ["false"]}}})},
        ],
        "policy",
    ),
    "redrive-allow-named": one(
        types.REDRIVE_ALLOW,
        [
            {"redriveAllowPolicy": json.dumps(allowed)}
            for allowed in ({"redrivePermission": "allowAll"}, {"redrivePermission": "byQueue"}, {})
        ],
        [
            {
                "redriveAllowPolicy": json.dumps(
                    {"redrivePermission": "byQueue", "sourceQueueArns": [QUEUE_ARN]}
                )
            },
            {"redriveAllowPolicy": {"redrivePermission": "denyAll"}},
        ],
        "redriveAllowPolicy",
    ),
    "queue-policy-principal": one(
        types.QUEUE_POLICY,
        [
            {"policy": document(allow("sqs:*", Principal=who))}
            for who in ("*", {"AWS": "*"}, {"AWS": ["a", "*"]})
        ],
        [
            {"policy": document(TLS, allow("sqs:SendMessage", Principal={"AWS": "arn:aws:iam::1:role/api"}))},
            {
                "policy": document(
                    allow("sqs:*", Principal="*", Condition={"ArnEquals": {"aws:SourceArn": QUEUE_ARN}})
                )
            },
        ],
        "policy",
    ),
    "queue-tls-only": Case(
        bad=(
            Stack([queue()]),
            Stack([queue(), attached(types.QUEUE_POLICY, DLQ, "queueUrl")]),
            # The policy that the provider read is that of a QueuePolicy which the program no longer has.
            Stack([queue(policy=document(TLS))]),
        ),
        good=(
            Stack([DLQ, attached(types.QUEUE_POLICY, DLQ, "queueUrl")]),
            Stack([resource(types.QUEUE, {"policy": document(TLS)}, sources={"policy": ()})]),
        ),
    ),
    "queue-visibility": Case(
        bad=(
            consumer(queue(visibilityTimeoutSeconds=359)),
            consumer(queue(), window=1),
            consumer(queue(visibilityTimeoutSeconds=None)),
            consumer(queue(visibilityTimeoutSeconds=359), written_out=True),
        ),
        good=(consumer(queue()), consumer(queue(visibilityTimeoutSeconds=361), window=1), Stack([queue()])),
        unknown=(consumer(queue(), timeout=UNKNOWN), consumer(queue(visibilityTimeoutSeconds=UNKNOWN))),
    ),
    "dlq-retention": Case(
        bad=(
            Stack(
                [
                    resource(types.QUEUE, {"messageRetentionSeconds": 3600}, name="dlq"),
                    queue(messageRetentionSeconds=7200),
                ]
            ),
            Stack(
                [
                    resource(types.QUEUE, {"name": "lost", "messageRetentionSeconds": 3600}, name="lost"),
                    resource(
                        types.QUEUE, {"name": "work", "redrivePolicy": json.dumps(TO_LOST)}, name="work"
                    ),
                ]
            ),
        ),
        good=(Stack([DLQ, queue()]),),
        unknown=(Stack([DLQ, queue(messageRetentionSeconds=UNKNOWN)]),),
    ),
    "dlq-redrive-allow": Case(
        bad=(
            Stack([DLQ]),
            Stack(
                [
                    resource(types.QUEUE, {"name": "lost"}, name="lost"),
                    queue(redrivePolicy=json.dumps(TO_LOST)),
                ]
            ),
        ),
        good=(Stack([DLQ, attached(types.REDRIVE_ALLOW, DLQ, "queueUrl")]), Stack([queue()])),
    ),
    "dlq-alarm": Case(
        bad=(
            Stack([DLQ]),
            Stack([DLQ, alarm(watched="other")]),
            Stack([DLQ, alarm(actions=None)]),
            Stack([DLQ, alarm(actions=[])]),
            Stack([DLQ, alarm(metric="NumberOfMessagesSent")]),
            Stack([DLQ, alarm(actionsEnabled=False)]),
            Stack([DLQ, alarm(threshold=50)]),
            # Neither names anything, which is no reason to take them for each other's.
            Stack([resource(types.QUEUE, {}, name="work-dlq"), alarm(watched=None)]),
        ),
        good=(
            Stack([DLQ, alarm()]),
            Stack([DLQ, alarm(watched=UNKNOWN, of=DLQ)]),
            Stack([DLQ, alarm(watched=UNKNOWN), alarm()]),
            Stack([queue()]),
        ),
        unknown=(Stack([DLQ, alarm(actions=UNKNOWN)]),),
    ),
}
