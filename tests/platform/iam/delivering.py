"""CI at work under its role: Pulumi, Chalice, pushed images, and what AWS's own provider reads besides."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import schema
from local.postgres import instances
from local.provider.connection import Aws, AwsError
from operations import api_key
from operations.release.application import Application
from operations.release.kept import InBucket
from operations.target import Target
from tests.platform.iam.working import attempt
from tests.platform.iam.world import STATE_BUCKET, Stack
from workers.contracts import Problem

REMOVALS = "pulumi-removals"
"""The session that asks for them."""

APP = '''"""An application with one thing of each kind that BlueMoxon's has."""
from chalice import Chalice, Rate

app = Chalice(app_name="bluemoxon")

@app.route("/")
def index():
    return {}

@app.on_sqs_message(queue="%(queue)s", name="image_results")
def image_results(event):
    pass

@app.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(event):
    pass

@app.lambda_function(name="migrate")
def migrate(event, context):
    return {}
'''


def pull_request(stack: Stack) -> None:
    """A worker more and other settings, applied after somebody changed things by hand: CI's `pulumi up`."""
    _by_hand(stack)
    project = stack.project
    project.declare_price_check()
    project.add_price_check(stack.name)
    project.change(
        stack.name,
        logs={"retention_days": 14},
        storage={"upload_origins": ["https://other.example"], "old_versions_days": 45},
        alarms={"emails": [*project.area(stack.name, "alarms")["emails"], "one@bluemoxon.example"]},
        images={"image_processing": {"digest": "sha256:" + "2" * 64}},
    )
    stack.deploy_as_workflow()


def _by_hand(stack: Stack) -> None:
    """What CI puts right again: drift in roles, functions, mappings, queues, buckets, topics and alarms."""
    aws, name = stack.aws, f"bluemoxon-{stack.name}"
    role = f"{name}-image-processing"
    aws.call("iam", "delete_role_permissions_boundary", RoleName=f"{name}-api")
    aws.call("iam", "update_role_description", RoleName=role, Description="changed")
    aws.call("iam", "tag_role", RoleName=role, Tags=[{"Key": "by", "Value": "hand"}])
    function = aws.call("lambda", "get_function", FunctionName=role)["Configuration"]["FunctionArn"]
    aws.call("lambda", "update_function_configuration", FunctionName=role, MemorySize=256)
    aws.call("lambda", "tag_resource", Resource=function, Tags={"by": "hand"})
    mapping = _mapping(stack, role)["UUID"]
    aws.call("lambda", "update_event_source_mapping", UUID=mapping, BatchSize=7)
    queue = stack.queue_url("image_results")
    aws.call("sqs", "set_queue_attributes", QueueUrl=queue, Attributes={"VisibilityTimeout": "7"})
    aws.call("sqs", "tag_queue", QueueUrl=queue, Tags={"by": "hand"})
    bucket = stack.outputs["images_bucket"]
    aws.call("s3", "delete_bucket_tagging", Bucket=bucket)
    topic = stack.outputs["alarm_topic_arn"]
    aws.call(
        "sns", "set_topic_attributes", TopicArn=topic, AttributeName="DisplayName", AttributeValue="changed"
    )
    aws.call("sns", "untag_resource", ResourceArn=topic, TagKeys=["bluemoxon:stack"])


def pulumi_state(stack: Stack) -> None:
    """What Pulumi's S3 backend does with a stack's state and its lock.

    By boto3: over plain HTTP, Go's SDK sends checksums that the emulator refuses.
    """
    region = {"LocationConstraint": stack.emulated.emulator.connection.region}
    stack.aws.call("s3", "create_bucket", Bucket=STATE_BUCKET, CreateBucketConfiguration=region)
    aws = Aws(stack.workflow_session("pulumi-state"))
    state = {"Bucket": STATE_BUCKET, "Key": f".pulumi/stacks/bluemoxon/{stack.name}.json"}
    lock = {"Bucket": STATE_BUCKET, "Key": f".pulumi/locks/organization/bluemoxon/{stack.name}/1.json"}
    aws.call("s3", "list_objects_v2", Bucket=STATE_BUCKET, Prefix=".pulumi/locks/")
    aws.call("s3", "put_object", Body=b"{}", **lock)
    aws.call("s3", "put_object", Body=b"{}", **state)
    aws.call("s3", "get_object", **state)
    aws.call("s3", "delete_object", **lock)


def chalice_deploy(stack: Stack, folder: Path) -> None:
    """`chalice deploy`, once for what is new and once more for what is there, then `chalice delete`."""
    app = folder / "chalice"
    (app / ".chalice").mkdir(parents=True)
    (app / "requirements.txt").write_text("")
    api = stack.outputs["api"]
    (app / "app.py").write_text(APP % {"queue": f"bluemoxon-{stack.name}-image-results"})
    settings: dict[str, Any] = {
        "manage_iam_role": False,
        "iam_role_arn": api["role_arn"],
        "subnet_ids": api["subnet_ids"],
        "security_group_ids": api["security_group_ids"],
    }
    for tags in ({"first": "1"}, {"second": "2"}):
        config = {
            "version": "2.0",
            "app_name": "bluemoxon",
            "stages": {stack.name: {**settings, "tags": tags}},
        }
        (app / ".chalice" / "config.json").write_text(json.dumps(config))
        _chalice(app, stack, "deploy")
    _chalice(app, stack, "delete")


def _chalice(app: Path, stack: Stack, command: str) -> None:
    session = stack.workflow_session("chalice")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("chalice")), command, "--stage", stack.name],
        env={**os.environ, **session.to_sdk_environment()},
        cwd=app,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def push_image(stack: Stack) -> None:
    """What `docker push` and a look at the pushed image ask of ECR."""
    aws = Aws(stack.workflow_session("docker"))
    here = {"repositoryName": f"bluemoxon-{stack.name}-image-processing"}
    layer, digest = "sha256:" + "a" * 64, {"imageDigest": "sha256:" + "b" * 64}
    attempt(aws, "ecr", "get_authorization_token")
    attempt(aws, "ecr", "batch_check_layer_availability", layerDigests=[layer], **here)
    attempt(aws, "ecr", "initiate_layer_upload", **here)
    part = {"uploadId": "u", "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": b"x"}
    attempt(aws, "ecr", "upload_layer_part", **part, **here)
    attempt(aws, "ecr", "complete_layer_upload", uploadId="u", layerDigests=[layer], **here)
    attempt(aws, "ecr", "put_image", imageManifest="{}", imageTag="t", **here)
    attempt(aws, "ecr", "batch_get_image", imageIds=[digest], **here)
    attempt(aws, "ecr", "describe_images", **here)
    attempt(aws, "ecr", "get_download_url_for_layer", layerDigest=layer, **here)


def release(stack: Stack) -> None:
    """What a release asks of AWS besides `pulumi up` and `chalice deploy`: its records, the migration, the
    queues' mappings, the API's key."""
    aws = Aws(stack.workflow_session("release"))
    paths = stack.emulated.paths
    target = Target(stack.name, paths, (), {}, paths.state / "project", aws, known=stack.outputs)
    application = Application(target, InBucket(aws.client("s3"), STATE_BUCKET, f"chalice/{stack.name}/"))
    with pytest.raises(Problem, match="was not deployed yet"):
        application.deployed()
    function = f"function:bluemoxon-{stack.name}-migrate"
    made = [
        {"resource_type": "rest_api", "rest_api_id": "api"},
        {"resource_type": "lambda_function", "name": "migrate", "lambda_arn": f"arn:{function}"},
    ]
    application.kept.write(f"{stack.name}.json", {"resources": made})
    # `chalice delete` took the function away again
    assert not application.can_migrate()
    with pytest.raises(ClientError, match="ResourceNotFound"):
        schema.migrate(aws.client("lambda"), application.deployed().functions[schema.FUNCTION])
    assert application.report_batch_failures() == []
    made.append(
        {
            "resource_type": "lambda_function",
            "name": "api",
            "lambda_arn": f"arn:function:bluemoxon-{stack.name}",
        }
    )
    application.kept.write(f"{stack.name}.json", {"resources": made})
    application.keep_logs(30)
    with pytest.raises(Problem, match="cannot be set"):
        application.shape_gateway_errors()  # `chalice delete` took the API away again
    assert api_key.read(target, stack.outputs)


def provider_reads(stack: Stack) -> None:
    """What Pulumi's provider for AWS reads at a refresh and the one for the emulator does not.

    Taken from its source (`resource…Read`): the real one cannot be run here.
    """
    aws, name = Aws(stack.workflow_session("pulumi-aws")), f"bluemoxon-{stack.name}"
    role, function = f"{name}-image-processing", f"{name}-image-processing"
    aws.call("iam", "list_attached_role_policies", RoleName=role)
    aws.call("iam", "list_role_policies", RoleName=role)
    aws.call("lambda", "list_versions_by_function", FunctionName=function)
    aws.call("lambda", "list_event_source_mappings", FunctionName=function)
    aws.call("lambda", "list_tags", Resource=_mapping(stack, function)["EventSourceMappingArn"])
    pool = stack.outputs["api"]["environment"]["BMX_USER_POOL_ID"]
    aws.call("cognito-idp", "get_user_pool_mfa_config", UserPoolId=pool)
    aws.call("secretsmanager", "get_resource_policy", SecretId=stack.outputs["api_key_secret_arn"])
    alarm = f"arn:aws:cloudwatch:us-west-2:{stack.account}:alarm:{name}-image-processing-dlq-not-empty"
    aws.call("cloudwatch", "list_tags_for_resource", ResourceARN=alarm)
    attempt(
        aws,
        "budgets",
        "list_tags_for_resource",
        ResourceARN=f"arn:aws:budgets::{stack.account}:budget/{name}-monthly",
    )
    if instances(stack.emulated.paths.postgres):
        attempt(aws, "rds", "describe_db_instances", DBInstanceIdentifier=name)


def removals(stack: Stack) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """A worker's removal from a stack, but for its repository, which CI may not delete: service, operation,
    parameters, in an order in which the things that IAM looks at are still there."""
    name = f"bluemoxon-{stack.name}-price-check"
    yield "lambda", "delete_event_source_mapping", {"UUID": _mapping(stack, name)["UUID"]}
    yield "lambda", "delete_function", {"FunctionName": name}
    yield "iam", "list_instance_profiles_for_role", {"RoleName": name}
    yield "iam", "delete_role_policy", {"RoleName": name, "PolicyName": "worker"}
    yield "iam", "delete_role", {"RoleName": name}
    yield "cloudwatch", "delete_alarms", {"AlarmNames": [f"{name}-dlq-not-empty"]}
    yield "sqs", "delete_queue", {"QueueUrl": stack.queue_url("price_check")}
    yield "logs", "delete_log_group", {"logGroupName": f"/aws/lambda/{name}"}


def rehearse_removals(stack: Stack) -> None:
    """Ask for the removals while CI's role has no right, so that nothing happens but their requests."""
    role = stack.role("deploy")
    nothing = {"Effect": "Deny", "Action": "*", "Resource": "*", "Sid": "Nothing"}
    wanted = list(removals(stack))
    stack.put(role, {**role.document, "Statement": [nothing]})
    try:
        aws = Aws(stack.workflow_session(REMOVALS))
        for service, operation, parameters in wanted:
            with pytest.raises(AwsError, match="explicit deny"):
                aws.call(service, operation, **parameters)
    finally:
        stack.put(role, role.document)


def _mapping(stack: Stack, function: str) -> dict[str, Any]:
    found = stack.aws.call("lambda", "list_event_source_mappings", FunctionName=function)
    mapping: dict[str, Any] = found["EventSourceMappings"][0]
    return mapping
