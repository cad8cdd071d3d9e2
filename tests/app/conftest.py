"""One application per test: its own database, bucket, queues and secrets."""

import importlib
import json
import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg
import pytest
from moto import mock_aws
from psycopg import sql

from chalicelib import resources
from chalicelib.db.migrate import migrate
from tests.app.postgres import ADMIN, ADMIN_PASSWORD, Server, running_server
from tests.app.world import QUEUES, REGION, World

if TYPE_CHECKING:
    from chalice.app import Chalice

TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running_server() as started:
        yield started


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


def _admin(server: Server) -> "psycopg.Connection":
    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=ADMIN,
        password=ADMIN_PASSWORD,
        dbname="postgres",
        autocommit=True,
    )


@pytest.fixture(scope="session")
def migrated_template(server: Server) -> str:
    """A database with the schema, to copy from; copying takes a tenth of migrating."""
    with _admin(server) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    with mock_aws():
        world = World.create(server, TEMPLATE, role=ADMIN, password=ADMIN_PASSWORD)
        migrate(world.res.database)
        world.res.database.dispose()
    return TEMPLATE


@pytest.fixture
def empty_world(server: Server, aws: None) -> Iterator[World]:
    """Everything but the schema."""
    yield from _world(server, template="template0")


@pytest.fixture
def world(server: Server, migrated_template: str, aws: None) -> Iterator[World]:
    yield from _world(server, template=migrated_template)


def _world(server: Server, *, template: str) -> Iterator[World]:
    name = f"t{uuid.uuid4().hex}"
    password = f"pa ss'@/{uuid.uuid4().hex}"
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with _admin(server) as admin:
        admin.execute(
            sql.SQL("CREATE ROLE {name} LOGIN SUPERUSER PASSWORD {password}").format(
                password=sql.Literal(password), **names
            )
        )
        admin.execute(sql.SQL("CREATE DATABASE {name} OWNER {name} TEMPLATE {template}").format(**names))
    made = World.create(server, name, role=name, password=password)
    resources.use(made.res)
    try:
        yield made
    finally:
        resources.use(None)
        made.res.database.dispose()
        with _admin(server) as admin:
            admin.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))
            admin.execute(sql.SQL("DROP ROLE {name}").format(**names))


@pytest.fixture
def chalice_app(monkeypatch: pytest.MonkeyPatch) -> "Chalice":
    """The application as Chalice imports it."""
    monkeypatch.setenv("BMX_QUEUES", json.dumps(QUEUES))
    # mypy would take `app` for the folder of that name.
    app: Chalice = importlib.import_module("app").app
    return app
