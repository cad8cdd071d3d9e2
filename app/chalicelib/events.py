"""What AWS calls besides the API: parse the event, call the service, reply."""

import logging
from collections.abc import Iterable
from typing import TypedDict

from pydantic import ValidationError

from chalicelib.resources import Resources
from workers.contracts import Problem, parse_result

logger = logging.getLogger(__name__)


class BatchItemFailure(TypedDict):
    itemIdentifier: str


class BatchReply(TypedDict):
    """Lambda's partial batch response: what is named comes again, the rest is deleted from the queue."""

    batchItemFailures: list[BatchItemFailure]


def apply_results(res: Resources, records: Iterable[tuple[str, str]]) -> BatchReply:
    """Apply a batch of results, given as message id and body.

    A message that cannot be applied is left to the queue, which moves it to the dead-letter queue in the
    end: nothing that the worker reported is dropped because this release did not understand it.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from chalicelib.services import results

    failures: list[BatchItemFailure] = []
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
    return {"batchItemFailures": failures}
