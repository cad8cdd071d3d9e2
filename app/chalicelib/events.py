"""What AWS calls besides the API: parse the event, call the service, reply."""

import logging
from collections.abc import Iterable
from typing import TypedDict

from pydantic import ValidationError

from chalicelib.resources import Resources
from workers.contracts import Problem, parse_result

logger = logging.getLogger(__name__)


class NothingAppliedError(Problem):
    """Not one message of a batch could be applied; the queue keeps all of it."""


class BatchItemFailure(TypedDict):
    itemIdentifier: str


class BatchReply(TypedDict):
    """Lambda's partial batch response: what is named comes again, the rest is deleted from the queue."""

    batchItemFailures: list[BatchItemFailure]


def apply_results(res: Resources, records: Iterable[tuple[str, str]]) -> BatchReply:
    """Apply a batch of results, given as message id and body.

    A message that cannot be applied is left to the queue, which moves it to the dead-letter queue in the
    end: nothing that the worker reported is dropped because this release did not understand it. Lambda reads
    the reply only where the mapping has ReportBatchItemFailures, so a batch of which nothing could be applied
    raises instead: that keeps a batch of one in the queue whatever the mapping has.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from chalicelib.services import results

    records, failures = list(records), list[BatchItemFailure]()
    for message_id, body in records:
        try:
            result = parse_result(body)
            applied = results.apply(res, result)
            logger.info("Result of job %s: %s.", result.job_id, applied)
        except ValidationError as error:
            # The error would quote the message, which may be long.
            logger.error("Message %s is no image result (%d errors).", message_id, error.error_count())
            failures.append({"itemIdentifier": message_id})
        except (Problem, SQLAlchemyError) as error:
            logger.error("Message %s could not be applied: %s", message_id, error)
            failures.append({"itemIdentifier": message_id})
    if failures and len(failures) == len(records):
        raise NothingAppliedError(
            f"None of {len(records)} results could be applied.",
            why="The log above says of each message why.",
            fix="The queue delivers them again; after the last try they lie in the dead-letter queue.",
        )
    return {"batchItemFailures": failures}
