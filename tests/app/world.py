"""What a test acts on: the application's resources, and the other side of its bucket, queues and secrets."""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError
from psycopg import Connection, sql

from chalicelib.resources import Resources
from chalicelib.settings import Settings
from local.ports import HOST
from local.postgres import PostgresInstance
from workers.contracts import (
    DatabaseTarget,
    Engine,
    ErrorCode,
    ImageJob,
    ImageResult,
    JobError,
    Outputs,
    Queues,
    ResultStatus,
    StoredImage,
    Subject,
    parse_job,
)

REGION: Final = "us-west-2"
BUCKET = "bluemoxon-test-images-123456789012"
API_KEY = "current-key-0123456789"
PREVIOUS_KEY = "previous-key-0123456789"
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 60
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 60
WEBP = b"RIFF\x40\0\0\0WEBPVP8 " + b"\0" * 60


def _queue(name: str, consumer: str) -> dict[str, Any]:
    return {
        "queue": f"bluemoxon-test-{name}",
        "arn": f"arn:aws:sqs:{REGION}:123456789012:bluemoxon-test-{name}",
        "dlq": f"bluemoxon-test-{name}-dlq",
        "consumer": consumer,
        "visibility_timeout": 360,
        "max_receive": 3,
    }


QUEUES = {
    "image_processing": {
        **_queue("image-processing", "container"),
        "models": [
            {"model": "u2net", "precision": "int8"},
            {"model": "rembg-isnet-general-use", "precision": "fp32"},
        ],
    },
    "image_results": _queue("image-results", "chalice"),
    "tracking_worker": _queue("tracking-worker", "external"),
}


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **units: float) -> None:
        self.now += timedelta(**units)


@dataclass
class World:
    """The application, and what surrounds it."""

    res: Resources
    clock: Clock
    server: PostgresInstance
    role: str
    database_secret: str
    key_secret: str

    @classmethod
    def create(cls, server: PostgresInstance, database: str, *, role: str, password: str) -> "World":
        """Make bucket, queues and secrets in the mocked AWS."""
        boto3.client("s3", region_name=REGION).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        sqs = boto3.client("sqs", region_name=REGION)
        for queue in QUEUES.values():
            sqs.create_queue(QueueName=queue["queue"])
            sqs.create_queue(QueueName=queue["dlq"])
        secrets = boto3.client("secretsmanager", region_name=REGION)
        login = json.dumps({"username": role, "password": password})
        database_secret = secrets.create_secret(Name="bluemoxon-test/database", SecretString=login)["ARN"]
        keys = json.dumps({"current": API_KEY, "previous": PREVIOUS_KEY})
        key_secret = secrets.create_secret(Name="bluemoxon-test/api-key", SecretString=keys)["ARN"]
        settings = Settings(
            stack="test",
            region=REGION,
            queues=Queues.model_validate(QUEUES),
            images_bucket=BUCKET,
            database=DatabaseTarget(
                secret_arn=database_secret,
                host=HOST,
                port=server.instance.port,
                name=database,
                sslmode="disable",
            ),
            api_key_secret_arn=key_secret,
            user_pool_id=None,
            user_pool_client_id=None,
            endpoint_url=None,
        )
        clock = Clock()
        return cls(Resources(settings, clock=clock), clock, server, role, database_secret, key_secret)

    def put_listing(self, item: str, *names: str, body: bytes = JPEG) -> None:
        for name in names:
            self.put(f"listings/{item}/{name}", body)

    def put(self, key: str, body: bytes) -> None:
        boto3.client("s3", region_name=REGION).put_object(Bucket=BUCKET, Key=key, Body=body)

    def keys(self, prefix: str) -> list[str]:
        found = boto3.client("s3", region_name=REGION).list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]

    def queue_url(self, worker: str = "image_processing") -> str:
        url: str = boto3.client("sqs", region_name=REGION).get_queue_url(QueueName=QUEUES[worker]["queue"])[
            "QueueUrl"
        ]
        return url

    def messages(self) -> list[ImageJob]:
        """Take all jobs that were sent, in the queue's order."""
        sqs = boto3.client("sqs", region_name=REGION)
        url = self.queue_url()
        taken: list[ImageJob] = []
        while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in batch:
                taken.append(parse_job(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def break_queue(self, monkeypatch: Any) -> None:
        """Make SQS refuse every message."""

        def refuse(**_: Any) -> None:
            raise ClientError(
                {"Error": {"Code": "AccessDenied", "Message": "not allowed"}}, "SendMessageBatch"
            )

        monkeypatch.setattr(self.res.clients.sqs, "send_message_batch", refuse)

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What a second connection sees, that is: what is committed."""
        with self._admin() as admin:
            return admin.execute(statement.encode(), parameters).fetchall()

    def run(self, statement: str, *parameters: Any) -> None:
        with self._admin() as admin:
            admin.execute(statement.encode(), parameters)

    def change_password(self, password: str) -> None:
        """In the database only."""
        with self._admin() as admin:
            admin.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(self.role), sql.Literal(password))
            )

    def write_secret(self, arn: str, content: dict[str, Any] | str) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        boto3.client("secretsmanager", region_name=REGION).put_secret_value(SecretId=arn, SecretString=text)

    def _admin(self) -> AbstractContextManager[Connection[tuple[object, ...]]]:
        assert self.res.settings.database is not None
        return self.server.superuser(self.res.settings.database.name)


def succeeded(job: ImageJob, *, prefix: str | None = None) -> ImageResult:
    """What the worker would report for a job it has done."""
    base = (job.destination_prefix if prefix is None else prefix) + f"0123456789abcdef-{job.recipe.name}/"

    def stored(name: str, content_type: str) -> StoredImage:
        return StoredImage(
            key=base + name, content_type=content_type, width=10, height=8, bytes=99, sha256="a" * 64
        )

    return ImageResult(
        job_id=job.job_id,
        status=ResultStatus.SUCCEEDED,
        outputs=Outputs(
            cutout=stored("cutout.webp", "image/webp"),
            display=stored("display.webp", "image/webp"),
            thumbnail=stored("thumbnail.webp", "image/webp"),
        ),
        subject=Subject(box=(0, 0, 10, 8), coverage=0.5, luminance=0.4),
        engine=Engine(model="u2net", precision="int8", version="1"),
    )


def failed(job: ImageJob, code: ErrorCode = ErrorCode.CORRUPT_IMAGE) -> ImageResult:
    """What the worker would report for an image it cannot cut out."""
    return ImageResult(
        job_id=job.job_id, status=ResultStatus.FAILED, error=JobError(code=code, message="It ends early.")
    )
