"""S3 and SQS in-process, and the messages of a batch."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from workers.contracts import ImageJob, ImageResult, Recipe, S3Object, parse_result
from workers.image_processor import handler as worker_handler

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

BUCKET = "photos-of-books"


@dataclass(frozen=True)
class Context:
    """Lambda's context as far as the handler looks at it."""

    remaining_ms: int = 60_000
    function_name: str = "image-processor"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is stopped."""
        return self.remaining_ms


@dataclass(frozen=True)
class Aws:
    """A bucket and a result queue."""

    s3: "S3Client"
    sqs: "SQSClient"
    result_queue_url: str

    def job(self, job_id: str, data: bytes, recipe: Recipe | None = None) -> ImageJob:
        """Put a photo and name it in a job."""
        key = f"books/b1/{job_id}.jpg"
        etag = self.s3.put_object(Bucket=BUCKET, Key=key, Body=data)["ETag"].strip('"')
        return ImageJob(
            job_id=job_id,
            image_id="i1",
            book_id="b1",
            source=S3Object(bucket=BUCKET, key=key, etag=etag),
            destination_prefix="books/b1/cutouts/i1/",
            recipe=recipe or Recipe(),
        )

    def run(self, *bodies: str | ImageJob, context: Context | None = None) -> list[str]:
        """Hand the messages over as one batch; positions of those to be delivered again."""
        records = [
            {
                "messageId": str(index),
                "receiptHandle": "r",
                "body": body if isinstance(body, str) else body.model_dump_json(),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-west-2:000000000000:jobs",
                "awsRegion": "us-west-2",
            }
            for index, body in enumerate(bodies)
        ]
        event: dict[str, Any] = json.loads(json.dumps({"Records": records}))
        answer = worker_handler.handler(event, context or Context())  # type: ignore[arg-type]
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def results(self) -> list[ImageResult]:
        """Every result sent so far, taken off the queue."""
        found: list[ImageResult] = []
        while batch := self.sqs.receive_message(
            QueueUrl=self.result_queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0
        ).get("Messages", []):
            for message in batch:
                found.append(parse_result(message["Body"]))
                self.sqs.delete_message(
                    QueueUrl=self.result_queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
        return found

    def content(self, key: str) -> bytes:
        """What lies under a key."""
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


@contextmanager
def local_aws() -> Iterator[Aws]:
    """moto's S3 and SQS with the worker's clients made inside it."""
    with mock_aws():
        s3, sqs = boto3.client("s3", "us-west-2"), boto3.client("sqs", "us-west-2")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        url = sqs.create_queue(QueueName="results")["QueueUrl"]
        worker_handler.worker.cache_clear()
        yield Aws(s3, sqs, url)
    worker_handler.worker.cache_clear()
