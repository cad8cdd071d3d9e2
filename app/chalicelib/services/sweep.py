"""The minute's round: send what was not sent, send again what got no result, give up after enough tries;
then delete uploads that nobody completed, objects that nobody owns, and records whose time is over.

A message that waits behind others, or for workers that stand still, is not lost: its job is left alone.
Several rounds at once share the work: each takes rows that no other holds, and puts off their next turn
before it sends, so that nothing is locked while the queue is spoken to.
"""

import logging
import time
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel
from sqlalchemy import and_, func, or_, select

from chalicelib.db.models import Job
from chalicelib.resources import Resources
from chalicelib.services import audit, deletions, health, idempotency, images, jobs
from chalicelib.settings import IMAGE_WORKER
from workers.contracts import ErrorCode, JobStatus

logger = logging.getLogger(__name__)

_LEASE = timedelta(minutes=2)
_CLAIM = 100
_BUDGET_SECONDS = 40.0


class SweepReport(BaseModel):
    """How many jobs were sent, refused again and given up, how many uploads and how many keys and prefixes
    without an owner were deleted, how many idempotency keys and audit entries had their time.
    """

    sent: int = 0
    refused: int = 0
    gave_up: int = 0
    abandoned_uploads: int = 0
    deletions: int = 0
    forgotten: int = 0


def run(res: Resources) -> SweepReport:
    """One round; stops early when it has used its time, or the queue refuses."""
    report = SweepReport()
    ends = time.monotonic() + _BUDGET_SECONDS
    reached = _reached(res)
    while time.monotonic() < ends:
        claimed, gave_up = _claim(res, reached)
        report.gave_up += gave_up
        sending = jobs.send(res, claimed)
        report.sent += len(sending.sent)
        report.refused += len(sending.refused)
        if sending.refused or len(claimed) + gave_up < _CLAIM:
            break
    report.abandoned_uploads = _delete_abandoned(res)
    report.deletions = deletions.run(res, seconds=ends - time.monotonic())
    report.forgotten = idempotency.forget_old(res) + audit.forget_old(res)
    return report


def _delete_abandoned(res: Resources) -> int:
    """Tidying up never fails the round: the next one tries again."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return images.delete_abandoned(res)
    except (ClientError, BotoCoreError) as error:
        logger.warning("Abandoned uploads were not deleted: %s", error)
        return 0


def _claim(res: Resources, reached: datetime | None) -> tuple[list[str], int]:
    """Take due jobs: the ids to send, and how many were given up. `reached` as `_reached` gives it."""
    now = res.clock()
    overdue = and_(Job.status == JobStatus.QUEUED, Job.deadline_at <= now)
    if reached is not None:
        # The workers have not come to what was sent later: its messages still wait.
        overdue = and_(overdue, Job.queued_at < reached)
    due = or_(
        and_(Job.status.in_((JobStatus.PENDING, JobStatus.QUEUE_FAILED)), Job.next_attempt_at <= now), overdue
    )
    claimed: list[str] = []
    gave_up = 0
    with res.database.session() as session:
        rows = session.scalars(
            select(Job)
            .where(due)
            .order_by(Job.priority, Job.id)
            .limit(_CLAIM)
            .with_for_update(skip_locked=True)
        )
        for job in rows:
            if job.status == JobStatus.QUEUED and job.attempts >= jobs.MAX_ATTEMPTS:
                job.status = JobStatus.FAILED
                job.error_code = ErrorCode.NO_RESULT
                job.error_message = f"Sent {job.attempts} times, and no result came back."
                job.finished_at = now
                job.deadline_at = None
                gave_up += 1
                continue
            if job.status == JobStatus.QUEUED:
                job.deadline_at = now + _LEASE
            else:
                job.next_attempt_at = now + _LEASE
            claimed.append(job.id)
    return claimed, gave_up


def _reached(res: Resources) -> datetime | None:
    """How far the workers have come while messages wait: the latest sending that was answered a deadline ago.
    None where nothing is overdue or nothing waits, so that what is overdue is lost.

    Answers of just now say little: messages come in any order, and those of one batch one after another. Of a
    job that was sent more than once it is not known which sending was answered.
    """
    now = res.clock()
    deadline = timedelta(seconds=res.settings.queues[IMAGE_WORKER].result_deadline)
    overdue = select(Job.id).where(Job.status == JobStatus.QUEUED, Job.deadline_at <= now).limit(1)
    with res.database.session() as session:
        if session.scalar(overdue) is None or not _messages_wait(res):
            return None
        # A job that was started anew or given up keeps its older result.
        answered = session.scalar(
            select(func.max(Job.queued_at)).where(
                Job.status.in_((JobStatus.SUCCEEDED, JobStatus.FAILED)),
                Job.result.is_not(None),
                func.coalesce(Job.error_code, "") != ErrorCode.NO_RESULT,
                Job.attempts <= 1,
                Job.finished_at <= now - deadline,
            )
        )
    return answered or datetime.min.replace(tzinfo=UTC)


def _messages_wait(res: Resources) -> bool:
    queue = res.settings.queues[IMAGE_WORKER].queue
    depth = health.examine_queue(res.clients.sqs, res.settings.account, queue)
    if depth.status is not health.QueueStatus.OK:
        logger.warning("Whether messages wait is not known: %s", depth.message)
    # Those in flight too: a worker has them, or they are hidden until their next try.
    return bool(depth.visible or depth.in_flight)
