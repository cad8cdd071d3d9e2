"""Jobs: what became of each image, and another try."""

from chalice.app import Blueprint

from chalicelib import resources
from chalicelib.api import present
from chalicelib.api.routing import Routes
from chalicelib.api.schemas import JobOut, JobPage, JobsQuery, JobsRetried, JobsRetry, NotRetried
from chalicelib.faults import FaultCode, NotFoundError
from chalicelib.ids import is_id
from chalicelib.services import jobs, retrying
from workers.contracts import JobStatus

blueprint = Blueprint(__name__)
routes = Routes(blueprint, "Jobs")


@routes.route("GET", "/jobs", summary="List jobs, newest first", faults=(FaultCode.NOT_FOUND,))
def list_jobs(query: JobsQuery) -> JobPage:
    for kind, identifier in (("book", query.book_id), ("image", query.image_id)):
        if identifier is not None and not is_id(identifier):
            raise NotFoundError(kind, identifier)
    res = resources.current()
    found = jobs.page(
        res,
        status=query.status,
        book_id=query.book_id,
        image_id=query.image_id,
        before=_place(query.cursor),
        limit=query.limit,
    )
    shown = found[: query.limit]
    return JobPage(
        items=[present.job(row) for row in shown],
        next_cursor=present.encode_cursor(shown[-1].id) if len(found) > query.limit else None,
    )


@routes.route("GET", "/jobs/{job_id}", summary="One job", faults=(FaultCode.NOT_FOUND,))
def get_job(job_id: str) -> JobOut:
    return present.job(jobs.get(resources.current(), job_id))


@routes.route(
    "POST",
    "/jobs/{job_id}/retry",
    summary="Send a failed, refused or unsent job again",
    names_book="book_id",
    faults=(FaultCode.NOT_FOUND, FaultCode.JOB_NOT_RETRYABLE, FaultCode.CONFLICT),
)
def retry_job(job_id: str) -> JobOut:
    """Where the queue refuses again, the answer is the job with status `queue_failed` and the reason."""
    return present.job(retrying.retry(resources.current(), job_id))


@routes.route(
    "POST", "/jobs/retry", summary="Send all failed or refused jobs again", faults=(FaultCode.NOT_FOUND,)
)
def retry_jobs(body: JobsRetry) -> JobsRetried:
    """As many as the call has time for, oldest first; the next call goes on from `next_cursor`, past those
    that cannot be sent again.
    """
    if body.book_id is not None and not is_id(body.book_id):
        raise NotFoundError("book", body.book_id)
    done = retrying.retry_all(
        resources.current(),
        status=JobStatus(body.status),
        book_id=body.book_id,
        error_code=body.error_code,
        after=_place(body.cursor),
        limit=body.limit,
    )
    return JobsRetried(
        sent=done.sent,
        refused=done.refused,
        not_retried=[NotRetried(job_id=it, reason=why) for it, why in done.not_retried.items()],
        remaining=done.remaining,
        next_cursor=present.encode_cursor(done.last) if done.last else None,
    )


def _place(cursor: str | None) -> str | None:
    """The job that a page ended with; raises `Fault` (`invalid_request`)."""
    if not cursor:
        return None
    job_id = present.decode_cursor(cursor, 1)[0]
    if not is_id(job_id):
        raise present.bad_cursor()
    return job_id
