"""aws.rds.Instance: a database whose master password is the one of the role."""

import json
from collections.abc import Iterator

import psycopg
import pytest

from local.postgres import PostgresInstance
from local.provider.context import Context
from local.provider.registry import resource_type
from local.provider.values import Bag, Properties
from tests.platform.provider.lifecycle import Resource, changed
from workers.contracts import Problem

pytestmark = pytest.mark.local

TOKEN = "aws:rds/instance:Instance"
FIRST, SECOND = "first-p'ass;word", "second%20password"


def inputs(**others: object) -> Properties:
    return {
        "identifier": "db",
        "engine": "postgres",
        "engineVersion": "16",
        "instanceClass": "db.t4g.micro",
        "allocatedStorage": 20,
        "dbName": "books",
        "username": "moxon",
        "password": FIRST,
        "port": 5432,
        "skipFinalSnapshot": True,
        **others,
    }


def without_password(**others: object) -> Properties:
    return {key: value for key, value in inputs(**others).items() if key != "password"}


def log_in(outputs: Properties, password: str) -> str:
    with psycopg.connect(
        host=outputs["address"],
        port=outputs["port"],
        user=outputs["username"],
        password=password,
        dbname=outputs["dbName"],
    ) as connection:
        row = connection.execute("select current_user").fetchone()
    assert row is not None
    return str(row[0])


@pytest.fixture
def database(ctx: Context) -> Iterator[Resource]:
    resource = Resource(ctx, TOKEN)
    yield resource
    PostgresInstance(ctx.paths.postgres / "db").drop()


def test_the_master_password_opens_the_database_and_no_other_does(database: Resource) -> None:
    outputs = database.create(inputs(), frozenset({"password"}))
    assert log_in(outputs, FIRST) == "moxon"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        log_in(outputs, SECOND)
    assert outputs["endpoint"] == f"127.0.0.1:{outputs['port']}"
    assert database.identifier == outputs["resourceId"]
    assert "password" in database.outputs.secrets


def test_a_changed_password_changes_the_login(database: Resource) -> None:
    database.create(inputs())
    assert changed(database.diff(inputs(password=SECOND))) == {"password": False}
    outputs = database.update(inputs(password=SECOND))
    assert log_in(outputs, SECOND) == "moxon"
    with pytest.raises(psycopg.OperationalError):
        log_in(outputs, FIRST)


def test_nothing_changes_by_itself(database: Resource) -> None:
    database.create(inputs())
    assert database.refresh()
    assert database.inputs.values == inputs()
    assert changed(database.diff(inputs())) == {}


@pytest.mark.parametrize(
    "change",
    [{"identifier": "other"}, {"username": "other"}, {"dbName": "other"}, {"storageEncrypted": True}],
)
def test_what_aws_replaces_is_replaced(database: Resource, change: Properties) -> None:
    database.inputs = Bag(inputs())
    assert changed(database.diff(inputs(**change))) == {next(iter(change)): True}


def test_rds_keeps_its_own_secret_when_asked_to(ctx: Context, database: Resource) -> None:
    outputs = database.create(without_password(manageMasterUserPassword=True))
    (managed,) = outputs["masterUserSecrets"]

    def value() -> dict[str, str]:
        reply = ctx.aws.call("secretsmanager", "get_secret_value", SecretId=managed["secretArn"])
        found: dict[str, str] = json.loads(reply["SecretString"])
        return found

    assert log_in(outputs, value()["password"]) == value()["username"]
    outputs = database.update(inputs())
    assert log_in(outputs, FIRST) == "moxon"
    assert outputs["masterUserSecrets"] == []


def test_deletion_protection_refuses(database: Resource) -> None:
    database.create(inputs(deletionProtection=True))
    with pytest.raises(Problem, match="protected from deletion"):
        database.delete()
    database.update(inputs(deletionProtection=False))
    database.delete()
    assert not database.refresh()


def test_a_final_snapshot_is_taken_before_the_deletion(ctx: Context, database: Resource) -> None:
    database.create(inputs(skipFinalSnapshot=False))
    with pytest.raises(Problem, match="final snapshot"):
        database.delete()
    database.update(inputs(skipFinalSnapshot=False, finalSnapshotIdentifier="last"))
    database.delete()
    assert (ctx.paths.home / "snapshots" / "last.dump").read_bytes().startswith(b"PGDMP")


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        (without_password(), "password"),
        (inputs(password="short"), "password"),
        (inputs(password="has a space in it"), "password"),
        (inputs(manageMasterUserPassword=True), "password"),
        (inputs(engine="mysql"), "engine"),
    ],
)
def test_what_rds_refuses_is_refused(wrong: Properties, path: str) -> None:
    checked = resource_type(TOKEN).check("db", Bag(wrong), None, b"")
    assert [failure.path for failure in checked.failures] == [path]
