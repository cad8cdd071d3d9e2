"""For every rule: resources that break it and resources that keep it, as plain inputs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rules import types
from rules.model import Resource, Stack
from rules.values import UNKNOWN, Inputs, Value

DIGEST = "@sha256:" + "0123456789abcdef" * 4
STRONG = "kR8vQz2mWx7LpT4nYc9HdB3sVf6GjE1a"
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


def consumer(work: Resource, timeout: Value = 60, window: Value = 0) -> Stack:
    function = resource(types.FUNCTION, {"timeout": timeout}, name="worker")
    mapping = resource(
        types.EVENT_SOURCE,
        {"maximumBatchingWindowInSeconds": window},
        sources={"eventSourceArn": (work,), "functionName": (function,)},
    )
    return Stack([work, DLQ, function, mapping])


def alarm(actions: Value = ("arn:aws:sns:us-west-2:0:t",), watched: str = "bluemoxon-x-work-dlq") -> Resource:
    return resource(types.ALARM, {"alarmActions": actions, "dimensions": {"QueueName": watched}})


def attached(type_: str, to: Resource, by: str) -> Resource:
    return resource(type_, {}, sources={by: (to,)})


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
SEEN = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole"}

CREDENTIALS = {
    "password-guessable": one(
        types.DATABASE,
        [
            {"password": text}
            for text in (
                "Passw0rd123",
                "changeme-please",
                "staging-db-password",
                "aaaaaaaaaaaaaaaaaaaaaaaa",
                "",
            )
        ]
        + [{"passwordWo": "letmein12345678"}, {"masterPassword": "hunter2"}],
        [{"password": STRONG}, {"manageMasterUserPassword": True}],
        "password",
    ),
    "password-too-short": one(
        types.DATABASE_CLUSTER,
        [{"masterPassword": "x9$Kq"}, {"masterPasswordWo": ""}],
        [{"masterPassword": STRONG}],
        "masterPassword",
    ),
    "database-password-source": Case(
        bad=(Stack([database()]), Stack([database(passwordWo=STRONG)])),
        good=(
            Stack([PASSWORD, database(PASSWORD)]),
            Stack([database(tags={types.CREDENTIALS_TAG: "existing"})]),
            Stack([resource(types.DATABASE, {"manageMasterUserPassword": True})]),
        ),
        unknown=(Stack([PASSWORD, database(PASSWORD, password=UNKNOWN)]),),
    ),
    "password-one-source": Case(
        bad=(
            Stack([SECRET, PASSWORD, OTHER_PASSWORD, version(OTHER_PASSWORD), database(PASSWORD)]),
            Stack([SECRET, PASSWORD, version(PASSWORD), database()]),
            Stack([PASSWORD, database(PASSWORD)]),
        ),
        good=(
            Stack([SECRET, PASSWORD, version(PASSWORD), database(PASSWORD)]),
            Stack([database()]),
            Stack([SECRET, PASSWORD, version(PASSWORD)]),
        ),
        unknown=(Stack([SECRET, PASSWORD, version(PASSWORD), database(PASSWORD, password=UNKNOWN)]),),
    ),
    "database-password-guarded": Case(
        bad=(
            resource(types.DATABASE, {"password": STRONG}),
            resource(types.DATABASE, {"password": STRONG, "passwordWo": STRONG}, ignore=("password",)),
            resource(types.DATABASE_CLUSTER, {"masterPassword": STRONG}, ignore=("password",)),
        ),
        good=(
            resource(types.DATABASE, {"password": STRONG}, ignore=("password",)),
            resource(types.DATABASE, {"password": STRONG}, ignore=("*",)),
            resource(types.DATABASE_CLUSTER, {"manageMasterUserPassword": True}),
        ),
        unknown=(resource(types.DATABASE, {"password": UNKNOWN}, ignore=("password",)),),
    ),
    "credentials-protected": Case(
        bad=tuple(resource(type_) for type_ in (types.DATABASE, types.RANDOM_PASSWORD, types.SECRET_VERSION)),
        good=(resource(types.DATABASE, protect=True), resource(types.SECRET, protect=True)),
    ),
    "secret-version-guarded": Case(
        bad=(resource(types.SECRET_VERSION, {"secretString": STRONG}),),
        good=(resource(types.SECRET_VERSION, {"secretString": STRONG}, ignore=("secretString",)),),
        unknown=(resource(types.SECRET_VERSION, {"secretString": UNKNOWN}, ignore=("secretString",)),),
    ),
    "random-password-strength": one(types.RANDOM_PASSWORD, [{"length": 12}, {}], [{"length": 32}], "length"),
    "random-password-keepers": one(
        types.RANDOM_PASSWORD, [{"length": 32, "keepers": {"version": "1"}}], [{"length": 32}]
    ),
    "secret-recovery-window": one(
        types.SECRET,
        [{"recoveryWindowInDays": 0}, {"forceOverwriteReplicaSecret": True}],
        [{"recoveryWindowInDays": 30}, {}],
        "recoveryWindowInDays",
    ),
    "secret-not-empty": one(
        types.SECRET_VERSION,
        [{}, {"secretString": " "}, {"secretString": '{"current": "", "previous": null}'}],
        [{"secretString": json.dumps({"current": STRONG, "previous": None})}, {"secretBinary": "aGVsbG8="}],
        "secretString",
    ),
    "secret-guessable": one(
        types.SECRET_VERSION,
        [{"secretString": '{"username": "app", "password": "changeme"}'}, {"secretString": "placeholder"}],
        [{"secretString": json.dumps({"username": "app", "password": STRONG})}, {"secretString": STRONG}],
        "secretString",
    ),
    "credential-in-the-open": one(
        types.QUEUE,
        [
            {"tags": {"note": "db password=abcd1234"}},
            {"tags": {"dsn": "postgresql://app:s3cr3tpw@db/app"}},
            {"description": "AKIAABCDEFGHIJKLMNOP"},
        ],
        [{"tags": TAGS, "password": "password=abcd1234", "secretString": '{"password": "abcd1234"}'}],
        "tags",
    ),
}

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
        [{"policy": document(TLS)}],
        "policy",
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
        bad=(Stack([queue()]), Stack([queue(), attached(types.QUEUE_POLICY, DLQ, "queueUrl")])),
        good=(Stack([DLQ, attached(types.QUEUE_POLICY, DLQ, "queueUrl")]),),
    ),
    "queue-visibility": Case(
        bad=(
            consumer(queue(visibilityTimeoutSeconds=359)),
            consumer(queue(), window=1),
            consumer(queue(visibilityTimeoutSeconds=None)),
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
        ),
        good=(Stack([DLQ, queue()]),),
        unknown=(Stack([DLQ, queue(messageRetentionSeconds=UNKNOWN)]),),
    ),
    "dlq-redrive-allow": Case(
        bad=(Stack([DLQ]),),
        good=(Stack([DLQ, attached(types.REDRIVE_ALLOW, DLQ, "queueUrl")]), Stack([queue()])),
    ),
    "dlq-alarm": Case(
        bad=(Stack([DLQ]), Stack([DLQ, alarm(watched="other")]), Stack([DLQ, alarm(actions=None)])),
        good=(Stack([DLQ, alarm()]), Stack([queue()])),
        unknown=(Stack([DLQ, alarm(actions=UNKNOWN)]),),
    ),
}

FUNCTIONS = {
    "function-image-digest": one(
        types.FUNCTION,
        [{"imageUri": "repo:latest"}, {"imageUri": "repo"}, {"packageType": "Image"}],
        [{"imageUri": "repo" + DIGEST}, {"packageType": "Zip", "s3Key": "code.zip"}],
        "imageUri",
    ),
    "function-no-placeholder": one(
        types.FUNCTION,
        [
            {"imageUri": "public.ecr.aws/lambda/python:3.11"},
            {"imageUri": "r@sha256:" + "0" * 64},
            {"s3Key": "placeholder.zip"},
        ],
        [{"imageUri": "repo" + DIGEST}, {"handler": "workers.handler"}],
        "imageUri",
    ),
    "function-environment-empty": one(
        types.FUNCTION,
        [{"environment": {"variables": {"BMX_API_KEY_SECRET_ARN": text}}} for text in ("", "  ", None)],
        [{"environment": {"variables": {"BMX_STACK": "x", "BMX_DATABASE": "", "URL": UNKNOWN}}}, {}],
        "environment",
    ),
    "function-environment-secret": one(
        types.FUNCTION,
        [
            {"environment": {"variables": {name: UNKNOWN}}}
            for name in ("DB_PASSWORD", "API_KEY", "DATABASE_URL", "AUTH_TOKEN")
        ],
        [
            {
                "environment": {
                    "variables": {"DB_SECRET_ARN": "a", "BMX_API_KEY_SECRET_ARN": "b", "TOKENIZER": "c"}
                }
            }
        ],
        "environment",
    ),
    "mapping-partial-failures": one(
        types.EVENT_SOURCE,
        [{"batchSize": 5}, {}],
        [{"batchSize": 5, "functionResponseTypes": ["ReportBatchItemFailures"]}, {"batchSize": 1}],
        "batchSize",
        "functionResponseTypes",
    ),
    "mapping-concurrency": one(
        types.EVENT_SOURCE, [{}], [{"scalingConfig": {"maximumConcurrency": 2}}], "scalingConfig"
    ),
    "log-retention": one(
        types.LOG_GROUP, [{}, {"retentionInDays": 0}], [{"retentionInDays": 30}], "retentionInDays"
    ),
}

PERMISSIONS = {
    "sender-may-inspect": one(
        types.ROLE_POLICY,
        [
            {"policy": document(allow("sqs:SendMessage"))},
            {"policy": document(allow("sqs:SendMessage", "sqs:GetQueueUrl"))},
            {"policy": document(allow(*SEEN), allow("sqs:SendMessage", on=DLQ_ARN))},
        ],
        [
            {"policy": document(allow(*SEEN))},
            {"policy": document(allow("sqs:SendMessage"), allow("sqs:Get*", on=[QUEUE_ARN]))},
            {"policy": document(allow("s3:GetObject"))},
        ],
        "policy",
    ),
    "consumer-complete": one(
        types.ROLE_POLICY,
        [{"policy": document(allow("sqs:ReceiveMessage", "sqs:GetQueueAttributes"))}],
        [{"policy": document(allow("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"))}],
        "policy",
    ),
    "no-star-action": one(
        types.POLICY,
        [
            {"policy": document(allow("*"))},
            {"policy": document(allow("s3:*"))},
            {"policy": document({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})},
        ],
        [{"policy": document(allow("s3:GetObject"), TLS)}],
        "policy",
    ),
    "no-star-resource": one(
        types.ROLE_POLICY,
        [
            {"policy": document(allow("s3:GetObject", on="*"))},
            {"policy": document(allow("a:B", on=["x", "*"]))},
        ],
        [{"policy": document(allow("cloudwatch:PutMetricData", on="*"), allow("s3:GetObject"))}],
        "policy",
    ),
    "no-admin-policy": one(
        types.ROLE_ATTACHMENT,
        [
            {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
            {"managedPolicyArns": ["a/PowerUserAccess"]},
        ],
        [{"policyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"}],
        "policyArn",
    ),
    "trust-nobody-unknown": one(
        types.ROLE,
        [{"assumeRolePolicy": document({**TRUST, "Principal": {"AWS": "*"}})}],
        [{"assumeRolePolicy": document({**TRUST, "Principal": {"Service": "lambda.amazonaws.com"}})}],
        "assumeRolePolicy",
    ),
}

DATA = {
    "database-private": one(
        types.DATABASE, [{"publiclyAccessible": True}], [{"publiclyAccessible": False}], "publiclyAccessible"
    ),
    "database-encrypted": one(
        types.DATABASE, [{}, {"storageEncrypted": False}], [{"storageEncrypted": True}], "storageEncrypted"
    ),
    "database-backups": one(
        types.DATABASE,
        [{}, {"backupRetentionPeriod": 0}],
        [{"backupRetentionPeriod": 14}],
        "backupRetentionPeriod",
    ),
    "database-deletion-protection": one(
        types.DATABASE,
        [{}, {"deletionProtection": False}],
        [{"deletionProtection": True}],
        "deletionProtection",
    ),
    "database-final-snapshot": one(
        types.DATABASE,
        [{}, {"skipFinalSnapshot": True, "finalSnapshotIdentifier": "f"}],
        [{"skipFinalSnapshot": False, "finalSnapshotIdentifier": "f"}],
        "skipFinalSnapshot",
    ),
    "database-tls": one(
        types.DATABASE_PARAMETERS,
        [{"parameters": [{"name": "rds.force_ssl", "value": "0"}]}],
        [{"parameters": [{"name": "rds.force_ssl", "value": "1"}]}, {}],
        "parameters",
    ),
    "bucket-public-access": one(
        types.BUCKET_PUBLIC_ACCESS,
        [{}, {**PUBLIC_ACCESS, "ignorePublicAcls": False}],
        [PUBLIC_ACCESS],
        "blockPublicAcls",
    ),
    "bucket-versioning": one(
        types.BUCKET_VERSIONING,
        [{"versioningConfiguration": {"status": "Suspended"}}, {}],
        [{"versioningConfiguration": {"status": "Enabled"}}],
        "versioningConfiguration",
    ),
    "bucket-force-destroy": one(
        types.BUCKET, [{"forceDestroy": True}], [{"forceDestroy": False}, {}], "forceDestroy"
    ),
    "bucket-policy-tls": one(
        types.BUCKET_POLICY,
        [
            {"policy": document(allow("s3:GetObject", Principal={"AWS": "arn:aws:iam::1:role/api"}))},
            {"policy": document({**TLS, "Action": "s3:*"}, allow("s3:GetObject", Principal="*"))},
        ],
        [{"policy": document({**TLS, "Action": "s3:*"})}],
        "policy",
    ),
    "bucket-complete": Case(
        bad=tuple(
            Stack([BUCKET, *BUCKET_PARTS[:index], *BUCKET_PARTS[index + 1 :]])
            for index in range(len(BUCKET_PARTS))
        ),
        good=(Stack([BUCKET, *BUCKET_PARTS]), Stack([])),
    ),
    "repository-immutable": one(
        types.REPOSITORY,
        [
            {"imageTagMutability": "MUTABLE", "imageScanningConfiguration": {"scanOnPush": True}},
            {"imageTagMutability": "IMMUTABLE"},
            {
                "imageTagMutability": "IMMUTABLE",
                "imageScanningConfiguration": {"scanOnPush": True},
                "forceDelete": True,
            },
        ],
        [{"imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": {"scanOnPush": True}}],
        "imageTagMutability",
    ),
    "key-rotation": one(
        types.KEY,
        [{}, {"enableKeyRotation": True, "deletionWindowInDays": 1}],
        [{"enableKeyRotation": True}],
        "enableKeyRotation",
    ),
    "people-passwords": one(
        types.USER_POOL,
        [{}, {"passwordPolicy": {"minimumLength": 8}}],
        [{"passwordPolicy": {"minimumLength": 12}}],
        "passwordPolicy",
    ),
    "data-protected": Case(
        bad=(resource(types.BUCKET), resource(types.USER_POOL), resource(types.KEY)),
        good=(resource(types.BUCKET, protect=True),),
    ),
    "required-tags": one(
        types.QUEUE, [{}, {"tags": {"bluemoxon:project": "bluemoxon"}}], [{"tags": TAGS}], "tags"
    ),
}

CASES: dict[str, Case] = {**CREDENTIALS, **QUEUES, **FUNCTIONS, **PERMISSIONS, **DATA}
