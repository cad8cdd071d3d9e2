"""Whether everything the application needs is there, and if not, what is wrong with it.

The checks run in parallel, each with its own time limit. A missing permission is told from a missing queue:
SQS answers `NonExistentQueue` for a queue that one may not see.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from chalicelib.aws import error_code, is_denied
from chalicelib.faults import Fault
from chalicelib.resources import Resources
from chalicelib.settings import IMAGE_WORKER
from workers.contracts import Problem

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

CHECK_SECONDS = 8.0

_OLDEST: Final = (
    "SELECT extract(epoch FROM now() - min(queued_at))::float8 FROM image_jobs WHERE status = 'queued'"
)

_MIGRATE: Final = "Migrate it: bmx deploy --from migrations."


class HealthStatus(StrEnum):
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    NOT_CONFIGURED = "not_configured"


class QueueStatus(StrEnum):
    OK = "ok"
    ACCESS_DENIED = "access_denied"
    MISSING_QUEUE = "missing_queue"
    ERROR = "error"


class Depth(BaseModel):
    """One queue as SQS describes it; counts are approximate, as SQS gives them."""

    name: str
    status: QueueStatus
    visible: int | None = None
    in_flight: int | None = None
    delayed: int | None = None
    message: str = ""


class QueueHealth(Depth):
    """A worker's queue with its dead-letter queue."""

    worker: str
    consumer: str
    latency_ms: float
    oldest_seconds: float | None = Field(
        default=None,
        description="How long the oldest job has been waiting for its result. Known of the image worker, "
        "whose jobs are rows; CloudWatch has every queue's ApproximateAgeOfOldestMessage, with an alarm.",
    )
    dlq: Depth


class Check(BaseModel):
    """One dependency."""

    name: str
    label: str
    status: HealthStatus
    latency_ms: float
    message: str = ""


class Health(BaseModel):
    """Everything; `status` is healthy where no check is unhealthy."""

    status: HealthStatus
    checks: list[Check]
    queues: list[QueueHealth]


class _UnhealthyError(Exception):
    """A check that got an answer, and not a good one."""


class _NotConfiguredError(Exception):
    """A part that this stack does not have."""


def examine(res: Resources) -> Health:
    """Run every check."""
    # Made here: boto3's clients may be shared between threads, making them may not.
    _ = (
        res.clients.s3,
        res.clients.sqs,
        res.clients.secrets,
        res.settings.user_pool_id and res.clients.cognito,
    )
    queues: list[QueueHealth] = []
    waits: list[float] = []
    checks: Mapping[str, tuple[str, Callable[[], str]]] = {
        "database": ("Database", lambda: _database(res, waits)),
        "s3": ("S3 Images", lambda: _bucket(res)),
        "sqs": ("SQS Queues", lambda: _queues(res, queues)),
        "secrets": ("Secrets", lambda: _secrets(res)),
        "cognito": ("Cognito", lambda: _cognito(res)),
    }
    pool = ThreadPoolExecutor(max_workers=len(checks))
    started = time.perf_counter()
    try:
        running = {name: pool.submit(_timed, run) for name, (_, run) in checks.items()}
        done = [_outcome(name, checks[name][0], future, started) for name, future in running.items()]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    _note_waits(queues, waits)
    unhealthy = any(check.status is HealthStatus.UNHEALTHY for check in done)
    return Health(
        status=HealthStatus.UNHEALTHY if unhealthy else HealthStatus.HEALTHY, checks=done, queues=list(queues)
    )


def examine_queue(client: "SQSClient", account: str, name: str) -> Depth:
    """One queue's status and counts."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
    except ClientError as error:
        if is_denied(error):
            return _denied(name, "sqs:GetQueueUrl")
        if "NonExistentQueue" not in error_code(error) and "QueueDoesNotExist" not in error_code(error):
            return Depth(name=name, status=QueueStatus.ERROR, message=error_code(error))
        return _hidden_or_missing(client, account, name)
    except BotoCoreError as error:
        return Depth(name=name, status=QueueStatus.ERROR, message=str(error))
    return _attributes(client, name, url)


def _hidden_or_missing(client: "SQSClient", account: str, name: str) -> Depth:
    """SQS says that there is no such queue; asked for its attributes, it admits a missing permission."""
    probed = _attributes(client, name, f"{client.meta.endpoint_url.rstrip('/')}/{account}/{name}")
    if probed.status is QueueStatus.OK:
        return _denied(name, "sqs:GetQueueUrl")
    return probed


def _attributes(client: "SQSClient", name: str, url: str) -> Depth:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        found = client.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        ).get("Attributes", {})
    except ClientError as error:
        if is_denied(error):
            return _denied(name, "sqs:GetQueueAttributes")
        code = error_code(error)
        if "NonExistentQueue" in code or "QueueDoesNotExist" in code:
            return Depth(
                name=name,
                status=QueueStatus.MISSING_QUEUE,
                message=f"There is no queue {name} in this account and region.",
            )
        return Depth(name=name, status=QueueStatus.ERROR, message=code)
    except BotoCoreError as error:
        return Depth(name=name, status=QueueStatus.ERROR, message=str(error))
    return Depth(
        name=name,
        status=QueueStatus.OK,
        visible=int(found["ApproximateNumberOfMessages"]),
        in_flight=int(found["ApproximateNumberOfMessagesNotVisible"]),
        delayed=int(found["ApproximateNumberOfMessagesDelayed"]),
    )


def _denied(name: str, action: str) -> Depth:
    return Depth(
        name=name,
        status=QueueStatus.ACCESS_DENIED,
        message=f"The application's role lacks {action} on {name}.",
    )


def look_at_queues(res: Resources) -> list[QueueHealth]:
    """As in `examine`, without the other checks."""
    queues = examine_queues(res)
    try:
        with res.database.begin() as connection:
            _note_waits(queues, list(connection.scalars(text(_OLDEST))))
    except (Fault, SQLAlchemyError) as error:
        # Without a schema, too: the queues need no database.
        logger.warning("How long jobs wait is not known: %s", type(error).__name__)
    return queues


def _note_waits(queues: Sequence[QueueHealth], waits: Sequence[float | None]) -> None:
    for queue in queues:
        if queue.worker == IMAGE_WORKER and waits and waits[0] is not None:
            queue.oldest_seconds = round(waits[0], 1)


def examine_queues(res: Resources) -> list[QueueHealth]:
    """Every worker's queue with its dead-letter queue, all asked at the same time: each that does not answer
    takes nearly as long as a check may.
    """
    client = res.clients.sqs
    workers = sorted(res.settings.queues.root.items())

    def examined(name: str) -> tuple[Depth, float]:
        started = time.perf_counter()
        return examine_queue(client, res.settings.account, name), _since(started)

    with ThreadPoolExecutor(max_workers=2 * len(workers)) as pool:
        queues = pool.map(examined, [config.queue for _, config in workers])
        dead = pool.map(examined, [config.dlq for _, config in workers])
    return [
        QueueHealth(
            **depth.model_dump(), worker=worker, consumer=config.consumer, latency_ms=latency, dlq=dlq
        )
        for (worker, config), (depth, latency), (dlq, _) in zip(workers, queues, dead, strict=True)
    ]


def _queues(res: Resources, into: list[QueueHealth]) -> str:
    into.extend(examine_queues(res))
    bad = [it.message for it in into if it.status is not QueueStatus.OK]
    bad += [it.dlq.message for it in into if it.dlq.status is not QueueStatus.OK]
    if bad:
        raise _UnhealthyError(" ".join(bad))
    dead = sum(it.dlq.visible or 0 for it in into)
    return f"{len(into)} queues" + (f", {dead} dead-lettered messages" if dead else "")


def _database(res: Resources, waits: list[float]) -> str:
    """Logs in anew: a pooled connection would outlive a changed password. Notes how long the oldest job
    waits. A schema of a later release is well: a rollback leaves it.
    """
    from chalicelib.db import migrate

    if res.settings.database is None:
        raise _NotConfiguredError("This stack has no database.")
    with res.database.connect() as connection:
        row = connection.execute("SELECT current_setting('server_version')").fetchone()
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            raise _UnhealthyError(f"The database has no schema. {_MIGRATE}")
        versions = {it[0] for it in connection.execute("SELECT version_num FROM alembic_version")}
        if not versions or versions & migrate.older_revisions():
            found = ", ".join(sorted(versions)) or "none"
            wanted = migrate.newest_revision()
            raise _UnhealthyError(
                f"The schema is of revision {found}, this release needs {wanted}. {_MIGRATE}"
            )
        waits.extend(it[0] for it in connection.execute(_OLDEST) if it[0] is not None)
    return f"PostgreSQL {row[0] if row else ''}".strip()


def _bucket(res: Resources) -> str:
    bucket = res.settings.images_bucket
    res.clients.s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
    return bucket


def _secrets(res: Resources) -> str:
    res.api_keys.read()
    return "API key set"


def _cognito(res: Resources) -> str:
    if res.settings.user_pool_id is None:
        raise _NotConfiguredError("This stack has no user pool.")
    pool = res.clients.cognito.describe_user_pool(UserPoolId=res.settings.user_pool_id)["UserPool"]
    return str(pool.get("Name", res.settings.user_pool_id))


def _timed(run: Callable[[], str]) -> tuple[HealthStatus, str, float]:
    """Status, message and milliseconds; turns the faults of a dependency into its status."""
    import psycopg
    from botocore.exceptions import BotoCoreError, ClientError

    started = time.perf_counter()
    status = HealthStatus.UNHEALTHY
    try:
        message = run()
        status = HealthStatus.HEALTHY
    except _NotConfiguredError as error:
        status, message = HealthStatus.NOT_CONFIGURED, str(error)
    except _UnhealthyError as error:
        message = str(error)
    except Problem as error:
        message = str(error)
    except ClientError as error:
        operation = error.operation_name
        message = (
            f"The application's role lacks the permission for {operation}."
            if is_denied(error)
            else f"{operation}: {error_code(error)}"
        )
    except (BotoCoreError, psycopg.Error) as error:
        message = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    except Exception as error:
        # One check that fails in a way nobody thought of must not hide what the others found.
        logger.exception("A health check failed unexpectedly")
        message = f"Unforeseen: {type(error).__name__}; it has been logged."
    return status, message, _since(started)


def _outcome(
    name: str, label: str, future: "Future[tuple[HealthStatus, str, float]]", started: float
) -> Check:
    try:
        left = CHECK_SECONDS - (time.perf_counter() - started)
        status, message, latency = future.result(timeout=max(left, 0))
    except FutureTimeoutError:
        status, message, latency = (
            HealthStatus.UNHEALTHY,
            f"No answer within {CHECK_SECONDS:.0f} s.",
            _since(started),
        )
    return Check(name=name, label=label, status=status, latency_ms=latency, message=message)


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
