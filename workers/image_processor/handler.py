"""The Lambda function: image jobs in from SQS, outputs to S3, results out to SQS.

A job that is at fault itself, or whose photo is, is answered (`failed`, `superseded`) and acknowledged:
another try would end the same. Anything else raises, SQS delivers the message again, and after the queue's
last try it lies in the dead-letter queue. So does a message without a job id: there is nobody to answer.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from workers.contracts import (
    ErrorCode,
    ImageJob,
    ImageResult,
    JobError,
    Problem,
    Recipe,
    ResultStatus,
    job_id_of,
    parse_job,
)
from workers.image_processor import metrics
from workers.image_processor.heap import keep_freed_memory
from workers.image_processor.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

logger = Logger(service="image-processor")
keep_freed_memory()

START_BUDGET_MS = 30_000
"""A message is not begun with less time left: the slowest accepted photo would run into the function's
timeout.
"""

STEP_BUDGET_MS = 5_000
"""Nor is a step of the cutting with less than this: it stops by itself and says so, before Lambda stops it
in silence.
"""

WRITE_BUDGET_MS = 3_000
"""Nor are outputs and result, so that a try that cannot end leaves its message to the next one."""


class OutOfTimeError(Problem):
    """The function's time is nearly over; the message is left for another invocation."""


@dataclass(frozen=True)
class Worker:
    """What the handler needs, made once per process."""

    s3: "S3Client"
    sqs: "SQSClient"
    settings: Settings

    def run(self, job: ImageJob, context: LambdaContext | None) -> ImageResult:
        """The result of a job; raises for faults that can pass."""
        from workers.image_processor.cutout import ImageFaultError, cut_out
        from workers.image_processor.models import MissingModelError, ModelStore, UnknownModelError
        from workers.image_processor.storage import SourceChangedError, Storage

        _require_time(context, START_BUDGET_MS)
        storage = Storage(self.s3)
        try:
            data = storage.read(job.source)
            cutout = cut_out(
                data,
                job.recipe,
                ModelStore(self.settings.model_dir),
                checkpoint=lambda: _require_time(context, STEP_BUDGET_MS),
            )
        except SourceChangedError as error:
            return _refused(job.job_id, ResultStatus.SUPERSEDED, ErrorCode.SOURCE_CHANGED, error)
        except ImageFaultError as error:
            return _refused(job.job_id, ResultStatus.FAILED, error.code, error)
        except (UnknownModelError, MissingModelError) as error:
            if job.recipe.model == Recipe().model and isinstance(error, MissingModelError):
                # The image lacks what every image has to hold: not the job's fault, nor its end.
                raise
            return _refused(job.job_id, ResultStatus.FAILED, ErrorCode.UNKNOWN_MODEL, error)
        _require_time(context, WRITE_BUDGET_MS)
        return ImageResult(
            job_id=job.job_id,
            status=ResultStatus.SUCCEEDED,
            outputs=storage.write(job, cutout),
            subject=cutout.subject,
            engine=cutout.engine,
            quality=cutout.quality,
            timings_ms=cutout.timings_ms,
        )

    def answer(self, result: ImageResult) -> None:
        """Send a result; raises botocore's exception when the queue does not take it."""
        self.sqs.send_message(QueueUrl=self.settings.result_queue_url, MessageBody=result.model_dump_json())


@cache
def worker() -> Worker:
    """The process's worker, made at its first message; `AWS_ENDPOINT_URL` is honoured by boto3 itself."""
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
    session = boto3.session.Session()
    return Worker(
        s3=session.client("s3", config=config),
        sqs=session.client("sqs", config=config),
        settings=Settings.from_environment(),
    )


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work through an SQS batch; `batchItemFailures` of the answer names what is to be delivered again."""

    def handle(record: SQSRecord) -> None:
        _handle(record, context)

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return dict(
        process_partial_response(event=event, record_handler=handle, processor=processor, context=context)
    )


def _handle(record: SQSRecord, context: LambdaContext | None) -> None:
    job = _parsed(record)
    if job is None:
        return
    with logger.append_context_keys(job_id=job.job_id, image_id=job.image_id):
        try:
            result = worker().run(job, context)
            worker().answer(result)
        except Exception as error:
            # No metric of Lambda's shows it: a batch with failed messages is a successful invocation.
            logger.exception("image job left for another try", fault=type(error).__name__)
            metrics.record_left(job.job_id, type(error).__name__)
            raise
        logger.info(
            "image job answered",
            status=result.status.value,
            error=result.error.code.value if result.error else None,
            quality=result.quality.level if result.quality else None,
            reasons=result.quality.reasons if result.quality else None,
            timings_ms=result.timings_ms,
        )
        metrics.record(result)


def _parsed(record: SQSRecord) -> ImageJob | None:
    """The message's job; None where it could only be answered. Raises where there is nobody to answer."""
    try:
        return parse_job(record.body)
    except ValueError as error:
        # pydantic's errors are ValueErrors; their text would repeat the message's content.
        job_id = job_id_of(record.body)
        logger.error(
            "message is not an image job",
            message_id=record.message_id,
            job_id=job_id,
            fault=type(error).__name__,
        )
        if job_id is None:
            raise
        fields = (
            sorted({".".join(map(str, fault["loc"])) for fault in error.errors()})
            if (isinstance(error, ValidationError))
            else []
        )
        problem = Problem(
            f"The job's message cannot be understood{': ' + ', '.join(fields) if fields else ''}.",
            fix="Deploy the worker and the application of the same release, then try again.",
        )
        result = _refused(job_id, ResultStatus.FAILED, ErrorCode.INVALID_JOB, problem)
        worker().answer(result)
        metrics.record(result)
        return None
    except Problem as error:
        logger.error("message of an unknown version", message_id=record.message_id, fault=error.what)
        raise


def _refused(job_id: str, status: ResultStatus, code: ErrorCode, problem: Problem) -> ImageResult:
    return ImageResult(job_id=job_id, status=status, error=JobError(code=code, message=str(problem)))


def _require_time(context: LambdaContext | None, needed_ms: int) -> None:
    """Raise `OutOfTimeError` with less than `needed_ms` left; without a context there is no limit."""
    if context is not None and context.get_remaining_time_in_millis() < needed_ms:
        raise OutOfTimeError(
            "The function's time is nearly over.",
            why=f"{needed_ms / 1000:.0f} seconds are wanted.",
            fix="The message is delivered again; raise the function's timeout if this is frequent.",
        )
