"""Cases of the types that every stack uses."""

import json

from local.provider.values import Properties
from tests.platform.provider.cases import Case, policy, trust


def _queue(seconds: int, **tags: str) -> Properties:
    return {"name": "q", "visibilityTimeoutSeconds": seconds, "sqsManagedSseEnabled": True, "tags": tags}


CORE = (
    Case(
        "aws:sqs/queue:Queue",
        lambda _: {
            "name": "q",
            "visibilityTimeoutSeconds": 60,
            "sqsManagedSseEnabled": True,
            "tags": {"a": "1"},
        },
        lambda _: {
            "name": "q",
            "visibilityTimeoutSeconds": 90,
            "sqsManagedSseEnabled": True,
            "tags": {"b": "2"},
        },
        replace={"name": "other"},
        expect=("arn", "url", "tagsAll", "region"),
    ),
    Case(
        "aws:sqs/queuePolicy:QueuePolicy",
        lambda made: {
            "queueUrl": made["queue"]["url"],
            "policy": policy("sqs:*", made["queue"]["arn"], Principal={"AWS": "000000000000"}),
        },
        lambda made: {
            "queueUrl": made["queue"]["url"],
            "policy": policy("sqs:SendMessage", made["queue"]["arn"], Principal={"AWS": "000000000000"}),
        },
        replace={"queueUrl": "http://elsewhere/000000000000/other"},
        needs=("queue",),
    ),
    Case(
        "aws:sqs/redrivePolicy:RedrivePolicy",
        lambda made: {
            "queueUrl": made["queue"]["url"],
            "redrivePolicy": json.dumps({"deadLetterTargetArn": made["queue"]["arn"], "maxReceiveCount": 3}),
        },
        lambda made: {
            "queueUrl": made["queue"]["url"],
            "redrivePolicy": json.dumps({"deadLetterTargetArn": made["queue"]["arn"], "maxReceiveCount": 5}),
        },
        needs=("queue",),
    ),
    Case(
        "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
        lambda made: {
            "queueUrl": made["queue"]["url"],
            "redriveAllowPolicy": json.dumps({"redrivePermission": "denyAll"}),
        },
        lambda made: {
            "queueUrl": made["queue"]["url"],
            "redriveAllowPolicy": json.dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": [made["queue"]["arn"]]}
            ),
        },
        needs=("queue",),
    ),
    Case(
        "aws:iam/role:Role",
        lambda _: {"name": "r", "assumeRolePolicy": trust("lambda.amazonaws.com"), "tags": {"a": "1"}},
        lambda _: {
            "name": "r",
            "assumeRolePolicy": trust("ecs.amazonaws.com"),
            "description": "changed",
            "tags": {"b": "2"},
        },
        replace={"name": "other", "path": "/x/"},
        expect=("arn", "uniqueId"),
    ),
    Case(
        "aws:iam/rolePolicy:RolePolicy",
        lambda made: {"name": "p", "role": made["role"]["name"], "policy": policy("s3:GetObject")},
        lambda made: {"name": "p", "role": made["role"]["name"], "policy": policy("s3:PutObject")},
        replace={"name": "other", "role": "other"},
        needs=("role",),
    ),
    Case(
        "aws:iam/policy:Policy",
        lambda _: {"name": "p", "policy": policy("s3:GetObject"), "description": "d", "tags": {"a": "1"}},
        lambda _: {"name": "p", "policy": policy("s3:PutObject"), "description": "d", "tags": {"b": "2"}},
        replace={"name": "other", "description": "other"},
        expect=("arn", "policyId"),
    ),
    Case(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        lambda made: {"role": made["role"]["name"], "policyArn": made["policy"]["arn"]},
        replace={"role": "other", "policyArn": "arn:aws:iam::aws:policy/Other"},
        needs=("role", "policy"),
    ),
    Case(
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        lambda _: {
            "url": "https://token.actions.githubusercontent.com",
            "clientIdLists": ["sts.amazonaws.com"],
            "thumbprintLists": ["a" * 40],
        },
        replace={"url": "https://elsewhere.example.com"},
        expect=("arn",),
    ),
    Case(
        "aws:s3/bucket:Bucket",
        lambda _: {"bucket": "test-bucket", "forceDestroy": True, "tags": {"a": "1"}},
        lambda _: {"bucket": "test-bucket", "forceDestroy": True, "tags": {"b": "2"}},
        replace={"bucket": "other"},
        expect=("arn", "bucketDomainName", "bucketRegionalDomainName"),
    ),
    Case(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        lambda made: {"bucket": made["bucket"]["id"], "blockPublicAcls": True, "blockPublicPolicy": True},
        lambda made: {"bucket": made["bucket"]["id"], "blockPublicAcls": True, "ignorePublicAcls": True},
        replace={"bucket": "other"},
        needs=("bucket",),
    ),
    Case(
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        lambda made: {"bucket": made["bucket"]["id"], "rule": {"objectOwnership": "BucketOwnerEnforced"}},
        lambda made: {"bucket": made["bucket"]["id"], "rule": {"objectOwnership": "BucketOwnerPreferred"}},
        replace={"bucket": "other"},
        needs=("bucket",),
    ),
    Case(
        "aws:s3/bucketVersioning:BucketVersioning",
        lambda made: {"bucket": made["bucket"]["id"], "versioningConfiguration": {"status": "Enabled"}},
        lambda made: {"bucket": made["bucket"]["id"], "versioningConfiguration": {"status": "Suspended"}},
        replace={"bucket": "other"},
        needs=("bucket",),
        stays=True,
    ),
    Case(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        lambda made: {
            "bucket": made["bucket"]["id"],
            "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
        },
        lambda made: {
            "bucket": made["bucket"]["id"],
            "rules": [
                {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}, "bucketKeyEnabled": True}
            ],
        },
        replace={"bucket": "other"},
        needs=("bucket",),
        stays=True,  # S3 always encrypts: what stays is its own setting
    ),
    Case(
        "aws:s3/bucketPolicy:BucketPolicy",
        lambda made: {
            "bucket": made["bucket"]["id"],
            "policy": policy("s3:*", made["bucket"]["arn"] + "/*", "Deny", Principal="*"),
        },
        lambda made: {
            "bucket": made["bucket"]["id"],
            "policy": policy("s3:GetObject", made["bucket"]["arn"] + "/*", "Deny", Principal="*"),
        },
        replace={"bucket": "other"},
        needs=("bucket",),
    ),
    Case(
        "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
        lambda made: {
            "bucket": made["bucket"]["id"],
            "corsRules": [
                {"allowedMethods": ["GET", "POST"], "allowedOrigins": ["*"], "allowedHeaders": ["*"]}
            ],
        },
        lambda made: {
            "bucket": made["bucket"]["id"],
            "corsRules": [{"allowedMethods": ["PUT"], "allowedOrigins": ["*"], "maxAgeSeconds": 300}],
        },
        replace={"bucket": "other"},
        needs=("bucket",),
    ),
    Case(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        lambda made: {
            "bucket": made["bucket"]["id"],
            "rules": [
                {
                    "id": "old",
                    "status": "Enabled",
                    "filter": {},
                    "expiration": {"expiredObjectDeleteMarker": True},
                    "noncurrentVersionExpiration": {"noncurrentDays": 30},
                    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
                },
                {
                    "id": "listings",
                    "status": "Enabled",
                    "filter": {"prefix": "listings/"},
                    "expiration": {"days": 90},
                },
            ],
        },
        lambda made: {
            "bucket": made["bucket"]["id"],
            "rules": [
                {"id": "old", "status": "Disabled", "filter": {}, "expiration": {"days": 10}},
            ],
        },
        replace={"bucket": "other"},
        needs=("bucket",),
    ),
    Case(
        "aws:secretsmanager/secret:Secret",
        lambda _: {"name": "s/1", "description": "a", "recoveryWindowInDays": 0, "tags": {"a": "1"}},
        lambda _: {"name": "s/1", "description": "b", "recoveryWindowInDays": 0, "tags": {"b": "2"}},
        replace={"name": "s/2"},
        expect=("arn",),
    ),
    Case(
        "aws:secretsmanager/secretVersion:SecretVersion",
        lambda made: {"secretId": made["secret"]["id"], "secretString": "one"},
        replace={"secretString": "two", "secretId": "other"},
        needs=("secret",),
        expect=("arn", "versionId", "versionStages"),
        stays=True,
    ),
    Case(
        "aws:secretsmanager/secretPolicy:SecretPolicy",
        lambda made: {
            "secretArn": made["secret"]["arn"],
            "policy": policy("secretsmanager:*", "*", "Deny", Principal="*"),
        },
        lambda made: {
            "secretArn": made["secret"]["arn"],
            "policy": policy("secretsmanager:GetSecretValue", "*", "Deny", Principal="*"),
        },
        replace={"secretArn": "arn:aws:secretsmanager:us-west-2:000000000000:secret:other-AbCdEf"},
        needs=("secret",),
    ),
    Case(
        "aws:cloudwatch/logGroup:LogGroup",
        lambda _: {"name": "/aws/lambda/x", "retentionInDays": 14, "tags": {"a": "1"}},
        lambda _: {"name": "/aws/lambda/x", "retentionInDays": 30, "tags": {"b": "2"}},
        replace={"name": "/other"},
        expect=("arn",),
    ),
    Case(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        lambda made: {
            "name": "a",
            "namespace": "AWS/SQS",
            "metricName": "ApproximateNumberOfMessagesVisible",
            "dimensions": {"QueueName": "q"},
            "statistic": "Maximum",
            "period": 60,
            "evaluationPeriods": 1,
            "threshold": 0,
            "comparisonOperator": "GreaterThanThreshold",
            "treatMissingData": "notBreaching",
            "alarmActions": [made["topic"]["arn"]],
        },
        lambda _: {
            "name": "a",
            "namespace": "AWS/SQS",
            "metricName": "ApproximateNumberOfMessagesVisible",
            "dimensions": {"QueueName": "q"},
            "statistic": "Maximum",
            "period": 300,
            "evaluationPeriods": 2,
            "threshold": 5,
            "comparisonOperator": "GreaterThanThreshold",
        },
        replace={"name": "other"},
        needs=("topic",),
        expect=("arn",),
    ),
    Case(
        "aws:cloudwatch/dashboard:Dashboard",
        lambda _: {"dashboardName": "d", "dashboardBody": json.dumps({"widgets": []})},
        lambda _: {"dashboardName": "d", "dashboardBody": json.dumps({"widgets": [_text("d")]})},
        replace={"dashboardName": "other"},
        expect=("dashboardArn",),
    ),
    Case(
        "aws:sns/topic:Topic",
        lambda _: {"name": "t", "displayName": "one", "tags": {"a": "1"}},
        lambda _: {"name": "t", "displayName": "two", "tags": {"b": "2"}},
        replace={"name": "other"},
        expect=("arn", "owner"),
    ),
    Case(
        "aws:sns/topicPolicy:TopicPolicy",
        lambda made: {
            "arn": made["topic"]["arn"],
            "policy": policy("sns:Publish", made["topic"]["arn"], Principal={"Service": "a.amazonaws.com"}),
        },
        lambda made: {
            "arn": made["topic"]["arn"],
            "policy": policy("sns:Publish", made["topic"]["arn"], Principal={"Service": "b.amazonaws.com"}),
        },
        replace={"arn": "arn:aws:sns:us-west-2:000000000000:other"},
        needs=("topic",),
        stays=True,
    ),
    Case(
        "aws:sns/topicSubscription:TopicSubscription",
        lambda made: {"topic": made["topic"]["arn"], "protocol": "sqs", "endpoint": made["queue"]["arn"]},
        lambda made: {
            "topic": made["topic"]["arn"],
            "protocol": "sqs",
            "endpoint": made["queue"]["arn"],
            "rawMessageDelivery": True,
        },
        replace={"endpoint": "arn:aws:sqs:us-west-2:000000000000:other"},
        needs=("topic", "queue"),
        expect=("arn",),
    ),
    Case(
        "aws:ecr/repository:Repository",
        lambda _: {
            "name": "repo",
            "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfigurations": [{"encryptionType": "AES256"}],
            "tags": {"a": "1"},
        },
        lambda _: {
            "name": "repo",
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": False},
            "encryptionConfigurations": [{"encryptionType": "AES256"}],
            "tags": {"b": "2"},
        },
        replace={"name": "other"},
        expect=("arn", "repositoryUrl", "registryId"),
    ),
    Case(
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        lambda made: {"repository": made["repository"]["id"], "policy": _expire(10)},
        lambda made: {"repository": made["repository"]["id"], "policy": _expire(20)},
        replace={"repository": "other"},
        needs=("repository",),
    ),
    Case(
        "aws:ecr/repositoryPolicy:RepositoryPolicy",
        lambda made: {"repository": made["repository"]["id"], "policy": policy("ecr:*", None, Principal="*")},
        lambda made: {
            "repository": made["repository"]["id"],
            "policy": policy("ecr:BatchGetImage", None, Principal="*"),
        },
        replace={"repository": "other"},
        needs=("repository",),
    ),
)


def _expire(count: int) -> str:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
    return json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})


def _text(markdown: str) -> Properties:
    return {"type": "text", "properties": {"markdown": markdown}}
