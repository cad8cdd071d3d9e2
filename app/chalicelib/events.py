"""What AWS calls besides the API: parse the event, call the service, reply."""

import logging
import traceback
from collections.abc import Callable, Iterable
from typing import TypedDict

from pydantic import ValidationError

from chalicelib.resources import Resources
from workers.contracts import Problem, parse_result

logger = logging.getLogger(__name__)


class NothingAppliedError(Problem):
    """Not one message of a batch could be handled; the queue keeps all of it."""


class BatchItemFailure(TypedDict):
    itemIdentifier: str


class BatchReply(TypedDict):
    """Lambda's partial batch response: what is named comes again, the rest is deleted from the queue."""

    batchItemFailures: list[BatchItemFailure]


def each(
    records: Iterable[tuple[str, str]],
    work: Callable[[str], None],
    faults: tuple[type[Exception], ...] = (Exception,),
) -> BatchReply:
    """Do the work of each message of a batch, given as message id and body.

    A message whose work ends in one of `faults` is left to the queue, which delivers it again and moves it to
    the dead-letter queue in the end. Lambda reads the reply only where the mapping has
    ReportBatchItemFailures, so a batch of which nothing was done raises `NothingAppliedError` instead: that
    keeps a batch of one in the queue whatever the mapping has.
    """
    records, failures = list(records), list[BatchItemFailure]()
    for message_id, body in records:
        try:
            work(body)
        except faults as error:
            logger.error("Message %s is left for another try: %s", message_id, _told(error))
            failures.append({"itemIdentifier": message_id})
    if failures and len(failures) == len(records):
        raise NothingAppliedError(
            f"None of {len(records)} messages could be handled.",
            why="The log above says of each why.",
            fix="The queue delivers them again; after the last try they lie in the dead-letter queue.",
        )
    return {"batchItemFailures": failures}


def _told(error: Exception) -> str:
    """What may be logged: the text of an error that nobody worded can quote the message."""
    match error:
        case ValidationError():
            return f"it is not what this release expects ({error.error_count()} errors)."
        case Problem():
            return str(error)
        case _:
            place = traceback.extract_tb(error.__traceback__)[-1]
            state = getattr(getattr(error, "orig", None), "sqlstate", None)
            told = f"{type(error).__name__} in {place.name}, {place.filename}:{place.lineno}"
            return f"{told} (SQLSTATE {state})." if state else f"{told}."


def apply_results(res: Resources, records: Iterable[tuple[str, str]]) -> BatchReply:
    """Apply a batch of the image worker's results: nothing that it reported is dropped because this release
    did not understand it.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from chalicelib.services import results

    def apply(body: str) -> None:
        result = parse_result(body)
        applied = results.apply(res, result)
        logger.info("Result of job %s: %s.", result.job_id, applied)

    return each(records, apply, (ValidationError, Problem, SQLAlchemyError))
