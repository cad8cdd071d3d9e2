"""One application per test: its own database, bucket, queues and secrets."""

import importlib
import json
import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from psycopg import sql

from chalicelib import resources
from chalicelib.db.migrate import migrate
from local.postgres import PostgresInstance
from tests.app.api import Api
from tests.app.postgres import MASTER, MASTER_PASSWORD, running_instance
from tests.app.world import QUEUES, REGION, World

if TYPE_CHECKING:
    from chalice.app import Chalice

TEMPLATE = "migrated"
_SESSION = boto3.session.Session(
    aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION
)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresInstance]:
    with running_instance() as started:
        yield started


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    # A new session reads the services' descriptions again, which takes longer than most tests.
    monkeypatch.setattr(boto3.session, "Session", lambda: _SESSION)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", _SESSION)
    with mock_aws():
        yield


@pytest.fixture(scope="session")
def migrated_template(server: PostgresInstance) -> str:
    """A database with the schema, to copy from; copying takes a tenth of migrating."""
    with server.superuser() as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(TEMPLATE), sql.Identifier(MASTER))
        )
    with mock_aws():
        world = World.create(server, TEMPLATE, role=MASTER, password=MASTER_PASSWORD)
        migrate(world.res.database)
        world.res.database.dispose()
    return TEMPLATE


@pytest.fixture
def empty_world(server: PostgresInstance, aws: None) -> Iterator[World]:
    """Everything but the schema."""
    yield from _world(server, template="template0")


@pytest.fixture
def world(server: PostgresInstance, migrated_template: str, aws: None) -> Iterator[World]:
    yield from _world(server, template=migrated_template)


def _world(server: PostgresInstance, *, template: str) -> Iterator[World]:
    name = f"t{uuid.uuid4().hex}"
    password = f"pa ss'@/{uuid.uuid4().hex}"
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with server.superuser() as admin:
        admin.execute(
            sql.SQL("CREATE ROLE {name} LOGIN IN ROLE {master} PASSWORD {password}").format(
                master=sql.Identifier(MASTER), password=sql.Literal(password), **names
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
        with server.superuser() as admin:
            admin.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))
            admin.execute(sql.SQL("DROP ROLE {name}").format(**names))


@pytest.fixture
def chalice_app(monkeypatch: pytest.MonkeyPatch) -> "Chalice":
    """The application as Chalice imports it."""
    monkeypatch.setenv("BMX_QUEUES", json.dumps(QUEUES))
    # mypy would take `app` for the folder of that name.
    app: Chalice = importlib.import_module("app").app
    return app


@pytest.fixture
def api(world: World, chalice_app: "Chalice") -> Api:
    return Api(chalice_app)


@pytest.fixture
def book(world: World, api: Api) -> Any:
    world.put_listing("atlas", "image_01.jpg", "image_02.jpg")
    return api.json("POST", "/books", {"listing_item_id": "atlas", "title": "An atlas"}, status=201)
