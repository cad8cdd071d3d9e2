"""Jobs: made with their image in one transaction, sent after its commit, sent again until a result comes.

The table is the outbox: whatever stops between commit and sending, the sweep finds the row and sends it. A
message may be sent twice; the worker overwrites the same bytes, and the second result changes nothing.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from chalicelib.aws import error_code
from chalicelib.db.models import SET_ASIDE, BookImage, ImageStatus, Job
from chalicelib.faults import NotFoundError
from chalicelib.ids import is_id, new_id
from chalicelib.resources import Resources
from chalicelib.services.keys import cutout_prefix
from chalicelib.settings import IMAGE_WORKER
from workers.contracts import ImageJob, JobStatus, Recipe, S3Object
from workers.contracts.status import OPEN_STATUSES

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 5
"""How often a job is sent before it is given up as `no_result`."""

SEND_GRACE: Final = timedelta(seconds=60)
"""How long the sweep leaves a new job to the request that made it."""

MOST_RETRIED: Final = 200
"""How many jobs one call starts anew."""

PRIMARY_PRIORITY: Final = 0
_BACKOFF_FIRST = 30
_BACKOFF_MOST = 15 * 60
_BATCH = 10


@dataclass
class SendReport:
    """Which jobs the queue took, and which it refused and why."""

    sent: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def backoff(refusals: int) -> timedelta:
    """How long to wait after so many refusals in a row: 30 s, 60 s, … up to 15 minutes."""
    return timedelta(seconds=min(_BACKOFF_FIRST * 2 ** (max(refusals, 1) - 1), _BACKOFF_MOST))


def current(session: Session, image: BookImage) -> Job | None:
    """The one job that counts for the image's present source and recipe."""
    return session.scalar(
        select(Job).where(
            Job.image_id == image.id,
            Job.source_etag == image.etag,
            Job.recipe_name == image.recipe_name,
            Job.status.not_in(SET_ASIDE),
        )
    )


def request(session: Session, image: BookImage, *, primary: bool, now: datetime) -> str | None:
    """See to it that a stored image has a job on its way; the caller holds the image's lock or has just
    made it.

    Returns the id of the job that is to be sent after the commit, None where one is on its way or done.
    Jobs of an older source or recipe are superseded.
    """
    session.execute(
        update(Job)
        .where(
            Job.image_id == image.id,
            Job.status.not_in(SET_ASIDE),
            (Job.source_etag != image.etag) | (Job.recipe_name != image.recipe_name),
        )
        .values(status=JobStatus.SUPERSEDED, finished_at=now)
    )
    priority = PRIMARY_PRIORITY if primary else 10 + image.position
    job = current(session, image)
    if job is None:
        job = new_job(image, priority=priority, now=now)
        session.add(job)
        return job.id
    job.priority = min(job.priority, priority)
    if job.status == JobStatus.FAILED:
        revive(job, now)
        return job.id
    return job.id if job.status in (JobStatus.PENDING, JobStatus.QUEUE_FAILED) else None


def new_job(image: BookImage, *, priority: int, now: datetime) -> Job:
    """A pending job for the image's present source and recipe."""
    return Job(
        id=new_id(),
        image_id=image.id,
        book_id=image.book_id,
        status=JobStatus.PENDING,
        priority=priority,
        source_etag=image.etag,
        recipe=image.recipe,
        recipe_name=image.recipe_name,
        next_attempt_at=now + SEND_GRACE,
    )


def revive(job: Job, now: datetime) -> None:
    """Start a failed or refused job anew, with all its attempts before it."""
    job.status = JobStatus.PENDING
    job.attempts = 0
    job.refusals = 0
    job.next_attempt_at = now + SEND_GRACE
    job.deadline_at = job.finished_at = job.error_code = job.error_message = job.send_error = None


def send(res: Resources, job_ids: Sequence[str]) -> SendReport:
    """Send the messages of committed jobs, most urgent first, and record what became of each.

    Never raises for the queue's sake: a refusal is recorded as `queue_failed` with its error and the time
    of the next try. Jobs that ended meanwhile are left out.
    """
    report = SendReport()
    if not job_ids:
        return report
    with res.database.session() as session:
        rows = session.execute(
            select(Job, BookImage)
            .join(BookImage, BookImage.id == Job.image_id)
            .where(Job.id.in_(job_ids), Job.status.in_(OPEN_STATUSES), BookImage.status == ImageStatus.STORED)
            .order_by(Job.priority, Job.id)
        )
        messages, unreadable = [], {}
        for job, image in rows:
            try:
                messages.append(_message(res, job, image))
            except ValidationError as error:
                # Another release wrote it; the others' jobs go on, and this one when that release is back.
                logger.error("Job %s cannot be read by this release: %s", job.id, error)
                unreadable[job.id] = "This release cannot read the job: another one wrote it."
    _record_refused(res, unreadable)
    report.refused.update(unreadable)
    for start in range(0, len(messages), _BATCH):
        batch = messages[start : start + _BATCH]
        unreachable = _send_batch(res, batch, report)
        if unreachable:
            rest = [message.job_id for message in messages[start + _BATCH :]]
            _record_refused(res, dict.fromkeys(rest, unreachable))
            report.refused.update(dict.fromkeys(rest, unreachable))
            break
    return report


def _message(res: Resources, job: Job, image: BookImage) -> ImageJob:
    return ImageJob(
        job_id=job.id,
        image_id=image.id,
        book_id=image.book_id,
        source=S3Object(bucket=res.settings.images_bucket, key=image.key, etag=job.source_etag),
        destination_prefix=cutout_prefix(image.book_id, image.id),
        recipe=Recipe.model_validate(job.recipe),
    )


def _send_batch(res: Resources, batch: Sequence[ImageJob], report: SendReport) -> str | None:
    """Send up to ten; returns the error where the queue as a whole could not be used."""
    from botocore.exceptions import BotoCoreError, ClientError

    entries: list[SendMessageBatchRequestEntryTypeDef] = [
        {"Id": str(index), "MessageBody": message.model_dump_json()} for index, message in enumerate(batch)
    ]
    begun = res.clock()
    try:
        url = res.clients.queue_url(res.settings.queues[IMAGE_WORKER].queue)
        answer = res.clients.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    except (ClientError, BotoCoreError) as error:
        reason = f"{error_code(error)}: {error}"[:1000]
        refused = {message.job_id: reason for message in batch}
        _record_refused(res, refused)
        report.refused.update(refused)
        return reason
    sent = [batch[int(entry["Id"])].job_id for entry in answer.get("Successful", [])]
    refused = {
        batch[int(entry["Id"])].job_id: f"{entry['Code']}: {entry.get('Message', '')}"[:1000]
        for entry in answer.get("Failed", [])
    }
    _record_sent(res, sent, begun)
    _record_refused(res, refused)
    report.sent.extend(sent)
    report.refused.update(refused)
    return None


def _record_sent(res: Resources, job_ids: Sequence[str], begun: datetime) -> None:
    """`begun` is when the sending was: a worker may have answered since, and the job be finished already."""
    if not job_ids:
        return
    now = res.clock()
    with res.database.session() as session:
        session.execute(
            update(Job)
            .where(Job.id.in_(job_ids), Job.status.in_(OPEN_STATUSES))
            .values(
                status=JobStatus.QUEUED,
                attempts=Job.attempts + 1,
                refusals=0,
                send_error=None,
                next_attempt_at=None,
                queued_at=now,
                deadline_at=now + timedelta(seconds=res.settings.queues[IMAGE_WORKER].result_deadline),
            )
        )
        session.execute(
            update(Job)
            .where(Job.id.in_(job_ids), Job.status.not_in(OPEN_STATUSES), Job.finished_at >= begun)
            .values(attempts=Job.attempts + 1, queued_at=begun)
        )


def _record_refused(res: Resources, reasons: dict[str, str]) -> None:
    if not reasons:
        return
    now = res.clock()
    with res.database.session() as session:
        jobs = session.scalars(
            select(Job).where(Job.id.in_(reasons), Job.status.in_(OPEN_STATUSES)).with_for_update()
        )
        for job in jobs:
            job.status = JobStatus.QUEUE_FAILED
            job.refusals += 1
            job.send_error = reasons[job.id]
            job.next_attempt_at = now + backoff(job.refusals)
            job.deadline_at = None


def get(res: Resources, job_id: str) -> Job:
    """One job; raises `NotFoundError`."""
    with res.database.session() as session:
        job = session.get(Job, job_id) if is_id(job_id) else None
    if job is None:
        raise NotFoundError("job", job_id)
    return job


def page(
    res: Resources,
    *,
    status: JobStatus | None,
    book_id: str | None,
    image_id: str | None,
    before: str | None,
    limit: int,
) -> list[Job]:
    """Jobs, newest first, one more than `limit` where there are more."""
    query = select(Job).order_by(Job.id.desc()).limit(limit + 1)
    if status is not None:
        query = query.where(Job.status == status)
    if book_id is not None:
        query = query.where(Job.book_id == book_id)
    if image_id is not None:
        query = query.where(Job.image_id == image_id)
    if before is not None:
        query = query.where(Job.id < before)
    with res.database.session() as session:
        return list(session.scalars(query))
