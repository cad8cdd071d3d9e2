"""Cases of the rules about functions and permissions."""

from rules import types
from rules.model import Stack
from rules.values import UNKNOWN
from tests.policies.case_parts import (
    DIGEST,
    DLQ_ARN,
    GITHUB,
    LOGS,
    LOGS_OF_ANOTHER,
    OTHER,
    PASSWORD,
    QUEUE_ARN,
    SECRET,
    SEEN,
    TAKEN,
    TLS,
    TRUST,
    Case,
    allow,
    document,
    one,
    resource,
)

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
            {"code": {}},
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
    "function-environment-generated": Case(
        bad=(
            Stack(
                [resource(types.FUNCTION, {"name": "worker"}, sources={"environment": (PASSWORD,)}), PASSWORD]
            ),
            Stack(
                [
                    resource(types.FUNCTION, {"environment": UNKNOWN}, sources={"environment": (PASSWORD,)}),
                    PASSWORD,
                ]
            ),
        ),
        good=(
            Stack(
                [
                    resource(types.FUNCTION, {"environment": {}}, sources={"environment": (SECRET,)}),
                    SECRET,
                    PASSWORD,
                ]
            ),
            Stack([resource(types.FUNCTION, {"name": "worker"}), PASSWORD]),
        ),
        unknown=(
            Stack(
                [
                    resource(types.FUNCTION, {"environment": UNKNOWN}, sources={"environment": (SECRET,)}),
                    SECRET,
                ]
            ),
        ),
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
    "function-log-group": Case(
        bad=(
            Stack([resource(types.FUNCTION, {"name": "worker"})]),
            Stack([resource(types.FUNCTION, {"name": "worker"}), LOGS_OF_ANOTHER]),
        ),
        good=(
            Stack([resource(types.FUNCTION, {"name": "worker"}), LOGS]),
            Stack([resource(types.FUNCTION, {"loggingConfig": {"logGroup": "/aws/lambda/worker"}}), LOGS]),
            Stack(
                [resource(types.FUNCTION, {}, sources={"loggingConfig": (LOGS_OF_ANOTHER,)}), LOGS_OF_ANOTHER]
            ),
        ),
        unknown=(Stack([resource(types.FUNCTION, {"name": "worker", "loggingConfig": UNKNOWN}), LOGS]),),
    ),
    "function-tracing": one(
        types.FUNCTION,
        [{}, {"tracingConfig": {"mode": "PassThrough"}}],
        [{"tracingConfig": {"mode": "Active"}}],
        "tracingConfig",
    ),
}

PERMISSIONS = {
    "sender-may-inspect": one(
        types.ROLE_POLICY,
        [
            {"policy": document(allow("sqs:SendMessage"))},
            {"policy": document(allow("sqs:SendMessage", "sqs:GetQueueUrl"))},
            {"policy": document(allow(*SEEN), allow("sqs:SendMessage", on=DLQ_ARN))},
            # An application that sends to several queues and takes the results of one.
            {"policy": document(allow("sqs:SendMessage", on=[QUEUE_ARN, OTHER]), allow(*TAKEN, on=OTHER))},
            {"policy": document(allow("sqs:SendMessage", on=OTHER), allow(*TAKEN, on=OTHER))},
        ],
        [
            {"policy": document(allow("sqs:SendMessage", on=OTHER), allow(*TAKEN))},
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
    ).and_bad(resource(types.ROLE, {"inlinePolicies": [{"name": "all", "policy": document(allow("s3:*"))}]})),
    "no-star-resource": one(
        types.ROLE_POLICY,
        [
            {"policy": document(allow("s3:GetObject", on="*"))},
            {"policy": document(allow("a:B", on=["x", "*"]))},
            {"policy": document(allow("s3:GetObject", on="arn:aws:s3:::*"))},
            {"policy": document(allow("sqs:SendMessage", on="arn:aws:sqs:*:*:*"))},
        ],
        [
            {"policy": document(allow("logs:PutLogEvents", on="arn:aws:logs:r:1:log-group:/aws/lambda/w:*"))},
            {"policy": document(allow("cloudwatch:PutMetricData", on="*"), allow("s3:GetObject"))},
        ],
        "policy",
    ),
    "no-admin-policy": one(
        types.ROLE_ATTACHMENT,
        [
            {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
            {"managedPolicyArns": ["a/PowerUserAccess"]},
            {"policyArn": "arn:aws:iam::aws:policy/AmazonSQSFullAccess"},
        ],
        [{"policyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"}],
        "policyArn",
    ),
    "trust-nobody-unknown": one(
        types.ROLE,
        [
            {"assumeRolePolicy": document({**TRUST, "Principal": {"AWS": "*"}})},
            {"assumeRolePolicy": document(GITHUB)},
            {"assumeRolePolicy": document({**GITHUB, "Condition": {"StringLike": {"git:sub": "repo:*"}}})},
        ],
        [
            {"assumeRolePolicy": document({**TRUST, "Principal": {"Service": "lambda.amazonaws.com"}})},
            {
                "assumeRolePolicy": document(
                    {**GITHUB, "Condition": {"StringEquals": {"git:sub": "repo:a/b:*"}}}
                )
            },
        ],
        "assumeRolePolicy",
    ),
    "resource-policy-principal": one(
        types.TOPIC_POLICY,
        [{"policy": document(allow("sns:Publish", Principal=who))} for who in ("*", {"AWS": ["*"]})],
        [
            {"policy": document(allow("sns:Publish", Principal={"Service": "cloudwatch.amazonaws.com"}))},
            {
                "policy": document(
                    allow(
                        "sns:Publish", Principal="*", Condition={"StringEquals": {"aws:SourceAccount": "1"}}
                    )
                )
            },
        ],
        "policy",
    ).and_bad(resource(types.PERMISSION, {"principal": "*"})),
}
