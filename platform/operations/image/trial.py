"""An image tried with a real message: photo in S3, job on its queue, outputs in S3, result on the other one.

An emulator of its own plays AWS, with the queues, the role and the function that the declaration gives the
worker; its event source mapping calls the function, and Lambda's Runtime API hands the event to the image.
"""

import io
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from tempfile import TemporaryDirectory
from typing import Any

from infra import grants
from infra.container_worker import environment
from infra.naming import Deployment, Kind
from infra.policies import document, service_trust
from infra.workers import Worker, container_of, select
from local.emulator import Emulator
from local.files import tail
from local.image_function import RoleCredentials, function_environment, make_server
from local.paths import Paths
from local.ports import HOST, Ports
from local.processes import Processes
from local.provider.connection import LOCAL_ACCOUNT, LOCAL_REGION, Aws
from local.reporting import Reporter
from local.runtime_api import FunctionError, RuntimeApi
from operations.image.sandbox import sandbox
from operations.image.tools import Tool
from workers.contracts.messages import ImageJob, ImageResult, S3Object, parse_result
from workers.contracts.problem import Problem

WORKER = "image_processing"
"""The one worker that takes photos."""

_EVENT_SECONDS = 60.0


@dataclass(frozen=True)
class Trial:
    """What came of it. Times in seconds from the start of the image's process."""

    result: ImageResult
    ready: float
    """When its runtime client asked for the first event."""
    first_result: float
    """When it had answered it."""


@dataclass(frozen=True)
class Surroundings:
    """The worker's part of a stack, in an emulator."""

    aws: Aws
    configuration: Mapping[str, Any]
    """The function's, as Lambda has it."""
    bucket: str
    queue_url: str
    results_url: str
    port: int
    """Where the emulator looks for the function."""

    @property
    def function(self) -> str:
        """The function's name."""
        return str(self.configuration["FunctionName"])

    def session(self) -> dict[str, str]:
        """A session of the function's role, as variables."""
        role = RoleCredentials(self.aws, str(self.configuration["Role"])).current()
        return {
            "AWS_ACCESS_KEY_ID": role["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": role["SecretAccessKey"],
            "AWS_SESSION_TOKEN": role["Token"],
        }

    def send(self, photo: bytes, job_id: str, *, key: str = "books/trial/image_01.jpg") -> ImageJob:
        """Put a photo and queue its job."""
        etag = self.aws.call("s3", "put_object", Bucket=self.bucket, Key=key, Body=photo)["ETag"].strip('"')
        job = ImageJob(
            job_id=job_id,
            image_id="trial",
            book_id="trial",
            source=S3Object(bucket=self.bucket, key=key, etag=etag),
            destination_prefix="books/trial/cutouts/",
        )
        self.aws.call("sqs", "send_message", QueueUrl=self.queue_url, MessageBody=job.model_dump_json())
        return job

    def result(self, seconds: float) -> ImageResult | None:
        """The next result within that time, taken off the queue."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            reply = self.aws.call("sqs", "receive_message", QueueUrl=self.results_url, WaitTimeSeconds=1)
            for message in reply.get("Messages", []):
                handle = message["ReceiptHandle"]
                self.aws.call("sqs", "delete_message", QueueUrl=self.results_url, ReceiptHandle=handle)
                return parse_result(message["Body"])
        return None


@dataclass(frozen=True)
class Running:
    """An image that was started."""

    process: "Popen[bytes]"
    api: RuntimeApi
    started: float
    log: Path


def sample_photo() -> bytes:
    """A generated photo of a book of 2 megapixels, as a camera would save it."""
    from PIL import Image

    from workers.samples.generator import generate

    out = io.BytesIO()
    Image.fromarray(generate(7, size=(1632, 1224), pose="lying").image).save(out, "JPEG", quality=92)
    return out.getvalue()


def trial(tool: Tool, reference: str, paths: Paths, report: Reporter, photo: bytes) -> Trial:
    """Start the image and let it answer one job. Raises `Problem` with what it said where it does not."""
    with surroundings(paths, WORKER, report) as around:
        around.send(photo, "trial")
        report.say(f"Starting {reference}")
        with running(tool, reference, around) as run:
            result = None
            until = time.monotonic() + float(around.configuration["Timeout"])
            while result is None and run.process.poll() is None and time.monotonic() < until:
                result = around.result(1.0)
            if result is None or run.api.first_asked is None or run.api.first_answered is None:
                said = " | ".join(tail(run.log, 6)) or "It said nothing."
                raise Problem(f"{reference} gave no result.", why=said[-1500:])
            return Trial(result, run.api.first_asked - run.started, run.api.first_answered - run.started)


@contextmanager
def running(tool: Tool, reference: str, around: Surroundings) -> Iterator[Running]:
    """The image as the emulator's function. It is started when there is an event for it, so that the time to
    its first result is its own; it ends with the block."""
    with ExitStack() as stack:
        api = stack.enter_context(RuntimeApi(around.function, str(around.configuration["FunctionArn"])))
        server = make_server(around.port, api)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        variables = {
            **function_environment(around.configuration, around.aws.connection),
            **around.session(),
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "TZ": ":UTC",
        }
        box = stack.enter_context(sandbox(tool, reference, variables))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bmx-image-")))
        if not api.wait_for_event(_EVENT_SECONDS):
            raise Problem("The emulator did not hand the job to the function.")
        log = folder / "image.log"
        started = time.monotonic()
        process = box.start(log)
        stack.callback(_end, process)
        threading.Thread(target=_watch, args=(process, api), daemon=True).start()
        yield Running(process, api, started, log)


def _watch(process: "Popen[bytes]", api: RuntimeApi) -> None:
    """As Lambda says it when a runtime ends while it is wanted."""
    code = process.wait()
    api.fail(FunctionError("Runtime.ExitError", f"the runtime ended with code {code}"))


def _end(process: "Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def surroundings(paths: Paths, worker: str, report: Reporter) -> Iterator[Surroundings]:
    """The worker's bucket, queues, role and function in an emulator that is gone afterwards."""
    declared = next(one for one in select([worker]) if one.name == worker)
    deployment = Deployment("trial", LOCAL_ACCOUNT, LOCAL_REGION)
    with TemporaryDirectory(prefix="bmx-trial-") as folder:
        home = Paths(home=Path(folder), cache=paths.cache, repo=paths.repo)
        home.ensure()
        processes, ports = Processes(home.run, home.home), Ports(home.ports)
        emulator = Emulator(home, processes, ports)
        function = deployment.function(worker)
        try:
            port = ports.get("function")
            aws = Aws(emulator.start(report, {function: f"http://{HOST}:{port}"}))
            yield _make(aws, declared, deployment, port)
        finally:
            emulator.stop()
            processes.sweep()


def _make(aws: Aws, worker: Worker, deployment: Deployment, port: int) -> Surroundings:
    container = container_of(worker.name)
    bucket, function = deployment.images_bucket(), deployment.function(worker.name)
    where = {"LocationConstraint": deployment.region}
    aws.call("s3", "create_bucket", Bucket=bucket, CreateBucketConfiguration=where)
    visibility = {"VisibilityTimeout": str(worker.visibility_timeout)}
    queue_url, results_url = (
        aws.call("sqs", "create_queue", QueueName=name, Attributes=visibility)["QueueUrl"]
        for name in (deployment.queue(worker.name), deployment.queue(worker.results_to or "results"))
    )
    role = deployment.name(Kind.ROLE, worker.name)
    trust = service_trust("lambda.amazonaws.com")
    arn = aws.call("iam", "create_role", RoleName=role, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    policy = document(*grants.container_worker(worker, deployment))
    aws.call("iam", "put_role_policy", RoleName=role, PolicyName="worker", PolicyDocument=policy)
    aws.call(
        "lambda",
        "create_function",
        FunctionName=function,
        PackageType="Image",
        Code={"ImageUri": f"{LOCAL_ACCOUNT}.dkr.ecr.{LOCAL_REGION}.amazonaws.com/trial@sha256:{'0' * 64}"},
        Role=arn,
        Timeout=container.timeout,
        MemorySize=container.memory,
        Environment={"Variables": environment(deployment, worker, bucket, results_url)},
    )
    aws.call(
        "lambda",
        "create_event_source_mapping",
        FunctionName=function,
        EventSourceArn=deployment.queue_arn(deployment.queue(worker.name)),
        BatchSize=container.batch_size,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    configuration = aws.call("lambda", "get_function_configuration", FunctionName=function)
    return Surroundings(aws, configuration, bucket, queue_url, results_url, port)
