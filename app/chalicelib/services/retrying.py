"""Sending jobs again by hand: one, or all that failed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import ColumnElement, func, select

from chalicelib.db.models import Book, BookImage, ImageStatus, Job
from chalicelib.faults import Fault, FaultCode, NotFoundError
from chalicelib.ids import is_id
from chalicelib.resources import Resources
from chalicelib.services import importing, jobs
from workers.contracts import ErrorCode, JobStatus

_RETRYABLE: Final = (JobStatus.FAILED, JobStatus.QUEUE_FAILED, JobStatus.PENDING)
_BUDGET_SECONDS: Final = 15.0
"""Copies that are tried again take their time, and API Gateway waits 29 seconds."""


@dataclass
class Retried:
    """What became of a retry of many: jobs sent, jobs refused by the queue, and why others were left.

    `last` is the last job that was looked at, where others come after it.
    """

    sent: int = 0
    refused: int = 0
    not_retried: dict[str, str] = field(default_factory=dict)
    remaining: int = 0
    last: str | None = None


def retry(res: Resources, job_id: str) -> Job:
    """Send a failed or unsent job now; raises `NotFoundError` or `Fault` (`job_not_retryable`).

    A job whose photo could not be copied out of its listing tries the copy again first.
    """
    _revive(res, job_id)
    jobs.send(res, [job_id])
    return jobs.get(res, job_id)


def retry_all(
    res: Resources,
    *,
    status: JobStatus,
    book_id: str | None = None,
    error_code: ErrorCode | None = None,
    after: str | None = None,
    limit: int = jobs.MOST_RETRIED,
) -> Retried:
    """Send jobs of a status again, oldest first, as many as there is time for.

    `after` is where the call before ended: a job that cannot be sent again, or that the queue refuses, is not
    met twice and so never stands before the others.
    """
    which: list[ColumnElement[bool]] = [Job.status == status]
    if book_id is not None:
        which.append(Job.book_id == book_id)
    if error_code is not None:
        which.append(Job.error_code == error_code)
    if after is not None:
        which.append(Job.id > after)
    with res.database.session() as session:
        ids = session.scalars(select(Job.id).where(*which).order_by(Job.id).limit(limit)).all()
        total = session.scalar(select(func.count()).select_from(Job).where(*which)) or 0
    done = Retried()
    revived = _revive_all(res, ids, done)
    report = jobs.send(res, revived)
    done.sent, done.refused = len(report.sent), len(report.refused)
    looked_at = len(revived) + len(done.not_retried)
    # Read by two statements: in between, another call may have sent some of them, or more may have failed.
    done.remaining = max(0, total - looked_at) if looked_at else 0
    done.last = ids[looked_at - 1] if done.remaining else None
    return done


def _revive_all(res: Resources, ids: Sequence[str], done: Retried) -> list[str]:
    ends = time.monotonic() + _BUDGET_SECONDS
    revived: list[str] = []
    for job_id in ids:
        if time.monotonic() > ends:
            break
        try:
            _revive(res, job_id)
        except Fault as fault:
            if fault.code is FaultCode.UNAVAILABLE:
                raise
            done.not_retried[job_id] = str(fault)
            continue
        revived.append(job_id)
    return revived


def _revive(res: Resources, job_id: str) -> None:
    """Start a job anew in a transaction of its own; what `retry` raises."""
    if not is_id(job_id):
        raise NotFoundError("job", job_id)
    with res.database.session() as session:
        job = session.get(Job, job_id)
        if job is None:
            raise NotFoundError("job", job_id)
        book = session.get(Book, job.book_id, with_for_update=True)
        image = session.get(BookImage, job.image_id, with_for_update=True)
        session.refresh(job, with_for_update=True)
        if book is None or image is None or job.status not in _RETRYABLE:
            raise Fault(
                FaultCode.JOB_NOT_RETRYABLE,
                f"The job is {job.status}.",
                why="Only a failed, refused or unsent job can be sent again.",
                details={"status": job.status},
            )
        if image.status == ImageStatus.COPY_FAILED:
            importing.copy_again(res, book, image, job)
        jobs.revive(job, res.clock())
