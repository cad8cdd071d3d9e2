"""Who may do what at run time: the statements of every role, from the declaration.

With `infra.deploy_grants` (what CI may do), the one place with action lists.
"""

from collections.abc import Iterable, Sequence

from infra.naming import Deployment
from infra.policies import Statement, deny_plain_http
from infra.workers import Worker

# `GetQueueAttributes` is for the queue's depth. Sending does not imply it, and without it SQS answers "no
# such queue".
SEND_AND_INSPECT = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")
INSPECT = ("sqs:GetQueueUrl", "sqs:GetQueueAttributes")
# Lambda's poller takes messages in the function's name; it looks at the queue's attributes too.
TAKE = ("sqs:ReceiveMessage", "sqs:DeleteMessage")
CONSUME = (*TAKE, "sqs:GetQueueAttributes")
# Dead letters are looked at and let go (`ChangeMessageVisibility`), or sent to their queue and deleted.
TEND_DEAD_LETTERS = (*INSPECT, *TAKE, "sqs:ChangeMessageVisibility")
READ_SECRET = ("secretsmanager:GetSecretValue",)
WRITE_SECRET = ("secretsmanager:PutSecretValue",)
# Lambda asks for the first on every resource: the network interfaces do not exist yet.
VPC_ACCESS = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
)
VPC_ADDRESSES = ("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses")

BOOKS = "books/"
LISTINGS = "listings/"


def container_worker(worker: Worker, deployment: Deployment) -> list[Statement]:
    """A container worker's role: its queue, its prefixes, where results go, its log group, named secrets."""
    config = worker.queue_config(deployment)
    function_logs = deployment.arn(
        "logs", f"log-group:{deployment.log_group(deployment.function(worker.name))}:*"
    )
    statements = [
        Statement("ConsumeOwnQueue", CONSUME, [config.arn]),
        Statement("WriteOwnLogs", ("logs:CreateLogStream", "logs:PutLogEvents"), [function_logs]),
        *_objects("Read", "s3:GetObject", worker.reads, deployment),
        *_objects("Write", "s3:PutObject", worker.writes, deployment),
    ]
    if worker.reads:
        statements.append(_see_missing_objects(deployment))
    if worker.results_to:
        results = deployment.queue_arn(deployment.queue(worker.results_to))
        statements.append(Statement("SendResults", ("sqs:SendMessage",), [results]))
    if worker.secrets:
        secrets = [deployment.secret_arn(name) for name in worker.secrets]
        statements.append(Statement("ReadSecrets", READ_SECRET, secrets))
    return statements


def api(
    workers: Iterable[Worker],
    deployment: Deployment,
    *,
    secret_arns: Sequence[str],
    api_key_secret_arn: str,
    user_pool_arn: str,
    in_vpc: bool,
) -> list[Statement]:
    """The role of all Chalice functions: the API, the handlers of its queues, and its schedules."""
    configs = [worker.queue_config(deployment) for worker in workers]
    consumed = [config.arn for config in configs if config.consumer == "chalice"]
    statements = [
        Statement("SendAndInspect", SEND_AND_INSPECT, [config.arn for config in configs]),
        Statement(
            "TendDeadLetters", TEND_DEAD_LETTERS, [deployment.queue_arn(config.dlq) for config in configs]
        ),
        Statement("ReadSecrets", READ_SECRET, secret_arns),
        # An administrator rotates the key by a call of the API.
        Statement("RotateApiKey", WRITE_SECRET, [api_key_secret_arn]),
        *_objects("Read", "s3:GetObject", (BOOKS, LISTINGS), deployment),
        *_objects("Write", "s3:PutObject", (BOOKS,), deployment),
        *_objects("Delete", "s3:DeleteObject", (BOOKS,), deployment),
        _see_missing_objects(deployment),
        Statement("InspectUserPool", ("cognito-idp:DescribeUserPool",), [user_pool_arn]),
        Statement(
            "WriteLogs",
            ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
            function_logs(deployment),
        ),
    ]
    if consumed:
        # The attributes of every queue are given above.
        statements.append(Statement("ConsumeResults", TAKE, consumed))
    if in_vpc:
        interfaces = deployment.arn("ec2", "network-interface/*")
        statements.append(Statement("JoinNetwork", VPC_ACCESS, ["*"]))
        statements.append(Statement("AddressInterfaces", VPC_ADDRESSES, [interfaces]))
    return statements


def queue_policy(queue_arn: str) -> list[Statement]:
    """A queue's own policy."""
    return [deny_plain_http("sqs:*", [queue_arn])]


def bucket_policy(deployment: Deployment) -> list[Statement]:
    """The images bucket's own policy."""
    bucket = deployment.images_bucket()
    return [deny_plain_http("s3:*", [deployment.bucket_arn(bucket), deployment.bucket_arn(bucket, "*")])]


def alarm_topic_policy(topic_arn: str, deployment: Deployment) -> list[Statement]:
    """Alarms and budgets of this account may be published to the topic."""
    return [
        Statement(
            "PublishAlarms",
            ["sns:Publish"],
            [topic_arn],
            principals={"Service": ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]},
            conditions={"StringEquals": {"aws:SourceAccount": deployment.account_id}},
        )
    ]


def repository_policy(function_arn: str) -> list[Statement]:
    """Lambda may pull the image for the one function that runs it."""
    return [
        Statement(
            "LambdaPullsImage",
            ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            principals={"Service": ["lambda.amazonaws.com"]},
            conditions={"StringEquals": {"aws:SourceArn": function_arn}},
        )
    ]


def _objects(verb: str, action: str, prefixes: Sequence[str], deployment: Deployment) -> list[Statement]:
    bucket = deployment.images_bucket()
    resources = [deployment.bucket_arn(bucket, f"{prefix}*") for prefix in prefixes]
    return [Statement(f"{verb}Objects", (action,), resources)] if resources else []


def _see_missing_objects(deployment: Deployment) -> Statement:
    # Without ListBucket, S3 answers 403 for an object that is not there, and a missing photo looks like a
    # missing right. A condition on the prefix would not do: a GetObject has none.
    return Statement("ListImages", ("s3:ListBucket",), [deployment.bucket_arn(deployment.images_bucket())])


def function_logs(deployment: Deployment) -> list[str]:
    """The log groups of all functions of the stack: the API's, and those with a name after it."""
    base = deployment.log_group(deployment.chalice_function())
    return [deployment.arn("logs", f"log-group:{base}:*"), deployment.arn("logs", f"log-group:{base}-*:*")]
