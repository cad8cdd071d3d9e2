"""What the image worker reports, written into the tables.

Results come at least once and in any order: applying one twice changes nothing, and a result of an older
source or recipe never replaces a newer one.
"""

import logging
from enum import StrEnum
from typing import Final

from sqlalchemy import select

from chalicelib.db.models import BookImage, Job
from chalicelib.ids import is_id
from chalicelib.resources import Resources
from chalicelib.services import deletions
from chalicelib.services.keys import cutout_prefix
from workers.contracts import (
    ErrorCode,
    ImageResult,
    JobError,
    JobStatus,
    Outputs,
    Problem,
    ResultStatus,
    can_follow,
)

logger = logging.getLogger(__name__)

_SOURCE_CHANGED: Final = JobError(
    code=ErrorCode.SOURCE_CHANGED,
    message="The photo in the bucket is no longer the one that was registered: its upload form was used "
    "again. Call `complete` for the image again, or delete it and upload the photo anew.",
)


class Applied(StrEnum):
    """What a result changed."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    UNCHANGED = "unchanged"
    """The job had ended already."""
    UNKNOWN_JOB = "unknown_job"


def apply(res: Resources, result: ImageResult) -> Applied:
    """Record a result; raises `Problem` where it names objects outside its job's prefix.

    The book needs no change: its primary image shows its cutout as soon as it has one, and stays primary or
    not as people decided meanwhile.
    """
    with res.database.session() as session:
        image = (
            session.scalar(
                select(BookImage)
                .join(Job, Job.image_id == BookImage.id)
                .where(Job.id == result.job_id)
                .with_for_update(of=BookImage)
            )
            if is_id(result.job_id)
            else None
        )
        job = session.get(Job, result.job_id, with_for_update=True) if is_id(result.job_id) else None
        if job is not None and image is None:
            # Its image was deleted while the worker had it; what it wrote since then has no owner.
            deletions.give_up(res, session, [cutout_prefix(job.book_id, job.image_id)])
            return Applied.UNCHANGED
        if image is None or job is None:
            logger.warning("Acknowledged a result of the unknown job %s.", result.job_id)
            return Applied.UNKNOWN_JOB
        status = _status(result, job, image)
        before = JobStatus(job.status)
        # That no result came was a guess: a failure that comes late says more.
        late = before is status is JobStatus.FAILED and job.error_code == ErrorCode.NO_RESULT
        if not late and (before is status or not can_follow(before, status)):
            return Applied.UNCHANGED
        now = res.clock()
        if status is JobStatus.SUCCEEDED and result.outputs is not None:
            _require_own_keys(result.outputs, cutout_prefix(image.book_id, image.id))
            image.outputs = result.outputs.model_dump(mode="json")
            image.subject = result.subject.model_dump(mode="json") if result.subject else None
            image.quality = result.quality.model_dump(mode="json") if result.quality else None
            image.processed_at = now
        job.status = status
        job.result = result.model_dump(mode="json")
        error = _SOURCE_CHANGED if _found_changed(result, status) else result.error
        job.error_code = error.code if error else None
        job.error_message = error.message[:2000] if error else None
        job.finished_at = now
        job.next_attempt_at = job.deadline_at = job.send_error = None
        return Applied(status.value)


def _status(result: ImageResult, job: Job, image: BookImage) -> JobStatus:
    """The result's status, unless the image has a newer source or recipe than the job.

    A worker that found another object than the newest that is recorded has failed at it.
    """
    if job.source_etag != image.etag or job.recipe_name != image.recipe_name:
        return JobStatus.SUPERSEDED
    match result.status:
        case ResultStatus.SUCCEEDED:
            return JobStatus.SUCCEEDED
        case ResultStatus.FAILED:
            return JobStatus.FAILED
        case ResultStatus.SUPERSEDED:
            # Nothing newer is recorded, so no other job speaks for the image.
            return JobStatus.FAILED


def _found_changed(result: ImageResult, status: JobStatus) -> bool:
    """Whether the worker found another object than the newest that is recorded."""
    return status is JobStatus.FAILED and result.status is ResultStatus.SUPERSEDED


def _require_own_keys(outputs: Outputs, prefix: str) -> None:
    for stored in (outputs.cutout, outputs.display, outputs.thumbnail):
        if not stored.key.startswith(prefix):
            raise Problem(
                f"The result names {stored.key}.",
                why=f"The outputs of this job lie under {prefix}.",
                fix="Find out who wrote to the results queue.",
            )
