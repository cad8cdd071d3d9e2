"""Jobs: what became of each image, and another try."""

from chalice.app import Blueprint

from chalicelib import resources
from chalicelib.api import present
from chalicelib.api.routing import Routes
from chalicelib.api.schemas import JobOut, JobPage, JobsQuery
from chalicelib.faults import FaultCode, NotFoundError
from chalicelib.ids import is_id
from chalicelib.services import jobs

blueprint = Blueprint(__name__)
routes = Routes(blueprint)


@routes.route("GET", "/jobs", summary="List jobs, newest first", faults=(FaultCode.NOT_FOUND,))
def list_jobs(query: JobsQuery) -> JobPage:
    before = present.decode_cursor(query.cursor, 1)[0] if query.cursor else None
    if before is not None and not is_id(before):
        raise present.bad_cursor()
    if query.book_id is not None and not is_id(query.book_id):
        raise NotFoundError("book", query.book_id)
    res = resources.current()
    found = jobs.page(res, status=query.status, book_id=query.book_id, before=before, limit=query.limit)
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
    faults=(FaultCode.NOT_FOUND, FaultCode.JOB_NOT_RETRYABLE, FaultCode.CONFLICT),
)
def retry_job(job_id: str) -> JobOut:
    """Where the queue refuses again, the answer is the job with status `queue_failed` and the reason."""
    return present.job(jobs.retry(resources.current(), job_id))
