"""The roles' sessions at work in a deployed stack: application, workers, and Lambda in their names."""

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
from botocore.exceptions import ClientError

from local.loopback import database
from local.provider.connection import Aws
from tests.platform.iam.application import ITEM, JPEG
from tests.platform.iam.world import Stack
from tests.platform.program import ROOT
from workers.contracts import Engine, ImageJob, Quality, S3Object, Subject
from workers.image_processor.cutout import Cutout
from workers.image_processor.cutout.encode import encode
from workers.image_processor.handler import Worker
from workers.image_processor.settings import Settings
from workers.image_processor.storage import Storage


def application(stack: Stack) -> None:
    """Its functions, and what Lambda does for them."""
    bucket = stack.outputs["images_bucket"]
    for number in (1, 2):
        key = f"listings/{ITEM}/image_0{number}.jpg"
        stack.aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=JPEG)
    stack.aws.call("sqs", "send_message", QueueUrl=stack.queue_url("image_processing_dlq"), MessageBody="{}")
    secret = stack.aws.call(
        "secretsmanager", "get_secret_value", SecretId=stack.outputs["api_key_secret_arn"]
    )
    target = json.loads(stack.outputs["api"]["environment"]["BMX_DATABASE"])
    session = stack.session("api", "application")
    environment = {
        **os.environ,
        **stack.outputs["api"]["environment"],
        "BMX_DATABASE": json.dumps(database(target, stack.emulated.paths, stack.aws)),
        **session.to_sdk_environment(),
    }
    key = json.loads(secret["SecretString"])["current"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.platform.iam.application", key],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]

    lambdas = Aws(stack.session("api", "lambda"))
    _poll(stack, lambdas, stack.queue_url("image_results"))
    for function in ("", "-image_results"):
        group = f"/aws/lambda/bluemoxon-{stack.name}{function}"
        attempt(lambdas, "logs", "create_log_group", logGroupName=group)
        _write_logs(lambdas, group)
    _join_network(stack, lambdas)


def image_worker(stack: Stack) -> None:
    """The image worker's own service, with a photo that is not there, one that is none, and a cutout."""
    bucket, results = stack.outputs["images_bucket"], stack.queue_url("image_results")
    stack.aws.call("s3", "put_object", Bucket=bucket, Key="books/b/image_01.jpg", Body=b"no photo")
    etag = stack.aws.call("s3", "head_object", Bucket=bucket, Key="books/b/image_01.jpg")["ETag"].strip('"')
    aws = Aws(stack.session("image-processing", "worker"))
    worker = Worker(aws.client("s3"), aws.client("sqs"), Settings(results, ROOT))
    for key in ("books/b/gone.jpg", "books/b/image_01.jpg"):
        worker.answer(worker.run(_job(bucket, key, etag), None))
    Storage(aws.client("s3")).write(_job(bucket, key, etag), _cutout())
    lambdas = Aws(stack.session("image-processing", "lambda"))
    _poll(stack, lambdas, stack.queue_url("image_processing"))
    _write_logs(lambdas, f"/aws/lambda/bluemoxon-{stack.name}-image-processing")


def price_check(stack: Stack) -> None:
    """The worker with secrets: what its declaration says that it does."""
    bucket = stack.outputs["images_bucket"]
    name = f"bluemoxon-{stack.name}/dealers"
    stack.aws.call("secretsmanager", "create_secret", Name=name, SecretString="{}")
    aws = Aws(stack.session("price-check", "worker"))
    aws.call("secretsmanager", "get_secret_value", SecretId=name)
    aws.call("s3", "get_object", Bucket=bucket, Key="books/b/image_01.jpg")
    assert aws.find("s3", "get_object", Bucket=bucket, Key="books/b/gone.jpg") is None
    aws.call("s3", "put_object", Bucket=bucket, Key="prices/1.json", Body=b"{}")
    aws.call("sqs", "send_message", QueueUrl=stack.queue_url("image_results"), MessageBody="{}")
    lambdas = Aws(stack.session("price-check", "lambda"))
    _poll(stack, lambdas, stack.queue_url("price_check"))
    _write_logs(lambdas, f"/aws/lambda/bluemoxon-{stack.name}-price-check")


def attempt(aws: Aws, service: str, operation: str, **parameters: Any) -> Any:
    """A call whose answer the emulator may not know: whatever it says, the role must be let pass."""
    try:
        return getattr(aws.client(service), operation)(**parameters)
    except ClientError as error:
        if "not authorized" in str(error):
            raise
        return None


def _poll(stack: Stack, aws: Aws, url: str) -> None:
    """What Lambda's poller does with a queue."""
    stack.aws.call("sqs", "send_message", QueueUrl=url, MessageBody="{}")
    aws.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
    received = aws.call("sqs", "receive_message", QueueUrl=url).get("Messages", [])
    # The emulator's own poller, which asks nobody, may have been faster.
    handle = received[0]["ReceiptHandle"] if received else "taken"
    attempt(aws, "sqs", "delete_message", QueueUrl=url, ReceiptHandle=handle)


def _write_logs(aws: Aws, group: str) -> None:
    attempt(aws, "logs", "create_log_stream", logGroupName=group, logStreamName="s")
    events = [{"timestamp": 1, "message": "m"}]
    attempt(aws, "logs", "put_log_events", logGroupName=group, logStreamName="s", logEvents=events)


def _join_network(stack: Stack, aws: Aws) -> None:
    """What Lambda does for a function that is in a network."""
    subnet = stack.outputs["api"]["subnet_ids"][0]
    aws.call("ec2", "describe_subnets", SubnetIds=[subnet])
    made = aws.call("ec2", "create_network_interface", SubnetId=subnet)["NetworkInterface"]
    interface = {"NetworkInterfaceId": made["NetworkInterfaceId"]}
    aws.call("ec2", "describe_network_interfaces", NetworkInterfaceIds=[made["NetworkInterfaceId"]])
    # The emulator authorises the next two and then does not know them.
    attempt(aws, "ec2", "assign_private_ip_addresses", SecondaryPrivateIpAddressCount=1, **interface)
    attempt(aws, "ec2", "unassign_private_ip_addresses", PrivateIpAddresses=["10.0.0.9"], **interface)
    aws.call("ec2", "delete_network_interface", **interface)


def _job(bucket: str, key: str, etag: str) -> ImageJob:
    source = S3Object(bucket=bucket, key=key, etag=etag)
    return ImageJob(job_id="j", image_id="i", book_id="b", source=source, destination_prefix="books/b/i/")


def _cutout() -> Cutout:
    image = encode(np.zeros((2, 2, 4), np.uint8), "webp")
    subject = Subject(box=(0, 0, 1, 1), coverage=0.5, luminance=0.5)
    engine = Engine(model="m", precision="p", version="1")
    return Cutout(image, image, image, subject, Quality(), engine, {})
