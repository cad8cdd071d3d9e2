"""What the roles are refused: what belongs to others, and what would give them more."""

from collections.abc import Callable
from typing import Any

import pytest

from local.provider.connection import Aws, AwsError
from tests.platform.iam.run import Run

pytestmark = [pytest.mark.engine, pytest.mark.local]

TRUST = '{"Version":"2012-10-17","Statement":[]}'
FREE = "bluemoxon-{stack}-free"
"""A role of the stack that somebody made without the boundary."""

WORKER = [
    ("sqs", "receive_message", {"QueueUrl": "{endpoint}/{account}/bluemoxon-{stack}-eval-runbook"}),
    ("sqs", "send_message", {"QueueUrl": "{queue}", "MessageBody": "{{}}"}),
    (
        "sqs",
        "send_message",
        {"QueueUrl": "{endpoint}/{account}/bluemoxon-other-image-results", "MessageBody": "x"},
    ),
    ("s3", "put_object", {"Bucket": "{bucket}", "Key": "listings/a.jpg"}),
    ("s3", "get_object", {"Bucket": "{bucket}", "Key": "listings/a.jpg"}),
    ("s3", "delete_object", {"Bucket": "{bucket}", "Key": "books/b/image_01.jpg"}),
    ("secretsmanager", "get_secret_value", {"SecretId": "{database}"}),
    ("secretsmanager", "get_secret_value", {"SecretId": "{key}"}),
    ("logs", "create_log_stream", {"logGroupName": "/aws/lambda/bluemoxon-{stack}", "logStreamName": "x"}),
]
API = [
    (
        "sqs",
        "send_message",
        {"QueueUrl": "{endpoint}/{account}/bluemoxon-other-image-processing", "MessageBody": "x"},
    ),
    ("sqs", "receive_message", {"QueueUrl": "{queue}"}),
    ("sqs", "purge_queue", {"QueueUrl": "{queue}"}),
    ("s3", "put_object", {"Bucket": "{bucket}", "Key": "listings/a.jpg"}),
    ("s3", "delete_object", {"Bucket": "{bucket}", "Key": "listings/a.jpg"}),
    ("s3", "get_object", {"Bucket": "{bucket}", "Key": "prices/1.json"}),
    ("s3", "delete_bucket", {"Bucket": "{bucket}"}),
    ("secretsmanager", "put_secret_value", {"SecretId": "{database}", "SecretString": "x"}),
    ("secretsmanager", "get_secret_value", {"SecretId": "bluemoxon-{stack}/dealers"}),
    ("cognito-idp", "describe_user_pool", {"UserPoolId": "us-west-2_another00"}),
    ("cognito-idp", "delete_user_pool", {"UserPoolId": "{pool}"}),
]
DEPLOY = [
    ("iam", "create_role", {"RoleName": "bluemoxon-{stack}-new", "AssumeRolePolicyDocument": TRUST}),
    ("iam", "put_role_policy", {"RoleName": FREE, "PolicyName": "p", "PolicyDocument": TRUST}),
    ("iam", "delete_role", {"RoleName": "{self}"}),
    ("iam", "update_role_description", {"RoleName": "{self}", "Description": "x"}),
    ("iam", "put_role_permissions_boundary", {"RoleName": "{self}", "PermissionsBoundary": "{boundary}"}),
    ("iam", "tag_role", {"RoleName": "{self}", "Tags": [{"Key": "a", "Value": "b"}]}),
    ("iam", "put_role_policy", {"RoleName": "{self}", "PolicyName": "p", "PolicyDocument": TRUST}),
    ("iam", "update_assume_role_policy", {"RoleName": "bluemoxon-{stack}-api", "PolicyDocument": TRUST}),
    ("iam", "attach_role_policy", {"RoleName": "bluemoxon-{stack}-api", "PolicyArn": "{boundary}"}),
    ("iam", "delete_role_permissions_boundary", {"RoleName": "bluemoxon-{stack}-api"}),
    ("iam", "create_policy_version", {"PolicyArn": "{boundary}", "PolicyDocument": TRUST}),
    (
        "lambda",
        "update_function_configuration",
        {
            "FunctionName": "bluemoxon-{stack}-image-processing",
            "Role": "arn:aws:iam::{account}:role/bluemoxon-other-api",
        },
    ),
    (
        "lambda",
        "create_event_source_mapping",
        {"FunctionName": "bluemoxon-other", "EventSourceArn": "arn:aws:sqs:us-west-2:{account}:q"},
    ),
    ("lambda", "invoke", {"FunctionName": "bluemoxon-{stack}-image-processing"}),
    (
        "events",
        "put_targets",
        {
            "Rule": "bluemoxon-{stack}-x",
            "Targets": [{"Id": "1", "Arn": "arn:aws:sqs:us-west-2:{account}:q", "RoleArn": "{api_role}"}],
        },
    ),
    ("ecr", "delete_repository", {"repositoryName": "bluemoxon-{stack}-image-processing"}),
    ("ecr", "put_image", {"repositoryName": "bluemoxon-other-image-processing", "imageManifest": "{{}}"}),
    ("s3", "put_bucket_policy", {"Bucket": "{bucket}", "Policy": "{{}}"}),
    ("s3", "get_object", {"Bucket": "{bucket}", "Key": "books/b/image_01.jpg"}),
    ("s3", "put_object", {"Bucket": "bluemoxon-pulumi-state", "Key": "other"}),
    ("s3", "put_object", {"Bucket": "bluemoxon-pulumi-state", "Key": "chalice/other/other.json"}),
    ("secretsmanager", "get_secret_value", {"SecretId": "bluemoxon-{stack}/dealers"}),
    ("lambda", "update_function_configuration", {"FunctionName": "bluemoxon-{stack}2", "MemorySize": 128}),
    ("secretsmanager", "put_secret_value", {"SecretId": "{key}", "SecretString": "x"}),
    ("secretsmanager", "get_secret_value", {"SecretId": "bluemoxon-other/api-key"}),
    ("sns", "delete_topic", {"TopicArn": "{topic}"}),
    ("sqs", "delete_queue", {"QueueUrl": "{endpoint}/{account}/bluemoxon-other-image-results"}),
    ("cognito-idp", "delete_user_pool", {"UserPoolId": "{pool}"}),
    ("budgets", "delete_budget", {"AccountId": "{account}", "BudgetName": "bluemoxon-{stack}-monthly"}),
    ("ec2", "create_vpc", {"CidrBlock": "10.9.0.0/16"}),
]
"""Service, operation and parameters; names in braces are filled in."""


@pytest.mark.parametrize(
    ("part", "forbidden"),
    [("image-processing", WORKER), ("price-check", WORKER), ("api", API), ("deploy", DEPLOY)],
)
def test_a_role_is_refused_what_is_not_its_own(
    each: Run, part: str, forbidden: list[tuple[str, str, dict[str, Any]]]
) -> None:
    names = things(each)
    aws = Aws(each.session(each.stack.role_name(part)))
    fill = filler(names)
    passed = []
    for service, operation, parameters in forbidden:
        try:
            aws.call(service, operation, **fill(parameters))
        except AwsError as error:
            if "not authorized to perform" in str(error):
                continue
        passed.append(f"{service} {operation} {parameters}")
    assert passed == []


def test_ci_does_not_see_the_login_of_a_database_elsewhere(prod: Run) -> None:
    aws = Aws(prod.session(prod.stack.role_name("deploy")))
    with pytest.raises(AwsError, match="not authorized to perform: secretsmanager:GetSecretValue"):
        aws.call("secretsmanager", "get_secret_value", SecretId=prod.stack.outputs["database"]["secret_arn"])


def test_a_role_cannot_be_taken_on_by_another_workflow(each: Run) -> None:
    with pytest.raises(AwsError, match="Not authorized to perform sts:AssumeRoleWithWebIdentity"):
        each.stack.workflow_session("stranger", environment="elsewhere")


def things(run: Run) -> dict[str, str]:
    """The names that the forbidden calls speak of; `FREE` is made."""
    stack, outputs = run.stack, run.stack.outputs
    environment = outputs["api"]["environment"]
    names = {
        "stack": stack.name,
        "account": stack.account,
        "endpoint": stack.emulated.emulator.endpoint,
        "bucket": outputs["images_bucket"],
        "queue": stack.queue_url("image_processing"),
        "topic": outputs["alarm_topic_arn"],
        "key": outputs["api_key_secret_arn"],
        "database": outputs["database"]["secret_arn"],
        "pool": environment["BMX_USER_POOL_ID"],
        "api_role": outputs["api"]["role_arn"],
        "self": stack.role_name("deploy"),
        "boundary": f"arn:aws:iam::{stack.account}:policy/{stack.role_name('boundary')}",
    }
    stack.aws.find("iam", "delete_role", RoleName=FREE.format(**names))
    stack.aws.call("iam", "create_role", RoleName=FREE.format(**names), AssumeRolePolicyDocument=TRUST)
    return names


def filler(names: dict[str, str]) -> Callable[[Any], Any]:
    """Fills names into texts, however deep they lie; a document stays as it is."""

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [fill(item) for item in value]
        return value.format(**names) if isinstance(value, str) and value != TRUST else value

    return fill
