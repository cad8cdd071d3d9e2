"""Whether it works, and what it is made of."""

import logging
from importlib import metadata
from typing import Literal

from chalice.app import Blueprint
from pydantic import BaseModel, Field

from chalicelib import resources
from chalicelib.api.routing import Call, Routes
from chalicelib.faults import Fault, FaultCode
from chalicelib.resources import Resources
from chalicelib.security import Role, identify
from chalicelib.services import health
from chalicelib.services.health import Health, HealthStatus, QueueHealth, QueueStatus
from chalicelib.version import VERSION
from workers.contracts import QueueConfig

logger = logging.getLogger(__name__)

blueprint = Blueprint(__name__)
routes = Routes(blueprint, "System")


class Alive(BaseModel):
    status: Literal["ok"] = "ok"
    version: str


_FOR_ADMINISTRATORS = "An administrator is told why."


class DeepCheck(BaseModel):
    """One dependency; strangers are told its status alone."""

    name: str
    label: str
    status: HealthStatus
    latency_ms: float | None = None
    message: str | None = None


class DeepHealth(BaseModel):
    """Everything; `status` is healthy where no check is unhealthy."""

    status: HealthStatus
    checks: list[DeepCheck]
    queues: list[QueueHealth] | None = Field(default=None, description="Not told to strangers.")


class Queue(QueueConfig):
    """A worker's queue as the stack's declaration has it."""

    worker: str
    result_deadline_seconds: int


class DatabaseInfo(BaseModel):
    host: str
    port: int
    name: str
    sslmode: str
    secret_arn: str
    schema_revision: str | None
    newest_revision: str | None


class InfrastructureConfig(BaseModel):
    """Names and addresses; never a secret."""

    region: str
    images_bucket: str
    queues: list[Queue]
    database: DatabaseInfo | None
    api_key_secret_arn: str
    user_pool_id: str | None


class SystemInfo(BaseModel):
    status: HealthStatus
    stack: str
    versions: dict[str, str]
    infrastructure: InfrastructureConfig
    health: Health


def _status_of(reply: BaseModel) -> int:
    return 503 if isinstance(reply, DeepHealth) and reply.status is HealthStatus.UNHEALTHY else 200


@routes.route("GET", "/health", summary="Whether the application runs", public=True)
def alive() -> Alive:
    """Asks nothing of any dependency."""
    return Alive(version=VERSION)


@routes.route(
    "GET",
    "/health/deep",
    summary="Whether everything it needs works",
    public=True,
    status_of=_status_of,
    faults=(FaultCode.RATE_LIMITED,),
)
def deep(call: Call) -> DeepHealth:
    """503 where a check is unhealthy, with the same body. A part that the stack lacks is `not_configured`.

    Strangers get no names, versions and messages, and an answer that may be some seconds old. What is wrong
    with a check is for administrators: it may name addresses and users.
    """
    res = resources.current()
    caller = identify(call.headers, res)
    if caller is None or caller.role is None:
        found = res.recent_health.get()
        checks = [DeepCheck(name=it.name, label=it.label, status=it.status) for it in found.checks]
        return DeepHealth(status=found.status, checks=checks)
    res.rates.count(caller.caller)
    found = health.examine(res)
    checks = [DeepCheck(**it.model_dump()) for it in found.checks]
    if not caller.role.includes(Role.ADMIN):
        for check in checks:
            if check.status is HealthStatus.UNHEALTHY:
                check.message = _FOR_ADMINISTRATORS
        for depth in (part for queue in found.queues for part in (queue, queue.dlq)):
            if depth.status is not QueueStatus.OK:
                depth.message = _FOR_ADMINISTRATORS
    return DeepHealth(status=found.status, checks=checks, queues=found.queues)


@routes.route("GET", "/admin/system-info", summary="Checks, versions and configuration", role=Role.ADMIN)
def system_info() -> SystemInfo:
    """200 whatever the checks say: it is for looking at what is wrong."""
    res = resources.current()
    found = health.examine(res)
    return SystemInfo(
        status=found.status,
        stack=res.settings.stack,
        versions=_versions(),
        infrastructure=_infrastructure(res),
        health=found,
    )


def _versions() -> dict[str, str]:
    import platform

    from chalice import __version__ as chalice_version

    # Chalice puts its runtime into the package without its metadata.
    versions = {"bluemoxon": VERSION, "python": platform.python_version(), "chalice": chalice_version}
    for name in ("boto3", "psycopg", "pydantic", "sqlalchemy"):
        versions[name] = metadata.version(name)
    return versions


def _infrastructure(res: Resources) -> InfrastructureConfig:
    settings = res.settings
    return InfrastructureConfig(
        region=settings.region,
        images_bucket=settings.images_bucket,
        queues=[
            Queue(**config.model_dump(), worker=worker, result_deadline_seconds=config.result_deadline)
            for worker, config in sorted(settings.queues.root.items())
        ],
        database=_database(res),
        api_key_secret_arn=settings.api_key_secret_arn,
        user_pool_id=settings.user_pool_id,
    )


def _database(res: Resources) -> DatabaseInfo | None:
    from chalicelib.db import migrate

    target = res.settings.database
    if target is None:
        return None
    revision = None
    try:
        with res.database.begin() as connection:
            revision = migrate.current_revision(connection)
    except Fault:
        logger.warning("The schema's revision is not known.")
    return DatabaseInfo(
        host=target.host,
        port=target.port,
        name=target.name,
        sslmode=target.sslmode,
        secret_arn=target.secret_arn,
        schema_revision=revision,
        newest_revision=migrate.newest_revision(),
    )
