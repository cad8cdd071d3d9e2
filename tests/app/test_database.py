"""Logins while passwords change, and migrations."""

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from botocore.exceptions import ClientError
from sqlalchemy import MetaData, text

from chalicelib.db import records  # noqa: F401 - its tables belong to the metadata
from chalicelib.db.migrate import current_revision, migrate, newest_revision, older_revisions
from chalicelib.db.models import Base
from chalicelib.db.session import Database
from chalicelib.faults import Fault, FaultCode, MisconfiguredError
from tests.app.world import World

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


def ask(database: Database) -> int:
    with database.session() as session:
        return int(session.execute(text("SELECT 1")).scalar_one())


def test_a_rotated_password_works_without_a_restart(world: World) -> None:
    assert ask(world.res.database) == 1
    world.change_password("new 'pass")
    world.write_secret(world.database_secret, {"username": world.role, "password": "new 'pass"})
    world.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", world.role)
    assert ask(world.res.database) == 1


def test_a_login_refused_by_a_rotation_in_between_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.change_password("new")
    database = world.res.database
    fetch = database._login
    seen: list[str] = []

    def rotate_after_first(stage: str) -> object:
        login = fetch(stage)
        if not seen:
            world.write_secret(world.database_secret, {"username": world.role, "password": "new"})
        seen.append(stage)
        return login

    monkeypatch.setattr(database, "_login", rotate_after_first)
    assert ask(database) == 1
    assert seen == ["AWSCURRENT", "AWSCURRENT"]


def test_a_half_done_rotation_logs_in_with_the_pending_password(world: World) -> None:
    """The database has the new password already, the secret's current version still the old one."""
    import json

    world.change_password("pending")
    content = json.dumps({"username": world.role, "password": "pending"})
    boto3.client("secretsmanager").put_secret_value(
        SecretId=world.database_secret, SecretString=content, VersionStages=["AWSPENDING"]
    )
    assert ask(world.res.database) == 1


def test_a_wrong_password_is_logged_without_showing_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.write_secret(world.database_secret, {"username": world.role, "password": "wrong-secret"})
    with pytest.raises(Fault) as caught:
        ask(world.res.database)
    assert caught.value.code is FaultCode.UNAVAILABLE
    assert "wrong-secret" not in str(caught.value) + caplog.text
    assert "password authentication failed" in caplog.text
    assert world.role not in str(caught.value), "which everybody is told"


@pytest.mark.parametrize(
    ("said", "code"), [("ThrottlingException", "unavailable"), ("AccessDenied", "misconfigured")]
)
def test_a_secret_that_is_not_to_be_had_now_is_no_wrong_configuration(
    world: World, monkeypatch: pytest.MonkeyPatch, said: str, code: str
) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": said}}, "GetSecretValue")

    monkeypatch.setattr(world.res.clients.secrets, "get_secret_value", refuse)
    with pytest.raises(Fault) as caught:
        ask(world.res.database)
    assert caught.value.code == code


@pytest.mark.parametrize("content", ["not json", "[]", '{"username": "x"}'])
def test_a_secret_in_another_format_is_misconfigured(world: World, content: str) -> None:
    world.write_secret(world.database_secret, content)
    with pytest.raises(MisconfiguredError) as caught:
        ask(world.res.database)
    assert content not in str(caught.value)


def test_migrations_run_twice(empty_world: World) -> None:
    first = migrate(empty_world.res.database)
    second = migrate(empty_world.res.database)
    assert (first.before, first.after) == (None, newest_revision())
    assert second.before == second.after == newest_revision()


def test_migrations_run_at_the_same_time(empty_world: World) -> None:
    _ = empty_world.res.database.engine, empty_world.res.clients.secrets
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: migrate(empty_world.res.database), range(3)))
    assert sorted(it.before is None for it in done) == [False, False, True]
    assert {it.after for it in done} == {newest_revision()}


def test_the_migrations_make_the_tables_that_the_models_name(world: World) -> None:
    with world.res.database.begin() as connection:
        assert current_revision(connection) == newest_revision()
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_connection_ends_what_answers_no_more(world: World) -> None:
    """A peer that died without a word costs seconds, not a whole call; an abandoned transaction ends."""
    with world.res.database.connect() as connection:
        waits = connection.execute("SELECT current_setting('idle_in_transaction_session_timeout')").fetchone()
        parameters = connection.info.get_parameters()
    assert waits == ("35s",)
    assert parameters["tcp_user_timeout"] == "5000"
    assert (parameters["keepalives_idle"], parameters["keepalives_count"]) == ("30", "2")


@pytest.mark.parametrize("revision", sorted(older_revisions()))
def test_each_schema_is_one_for_the_release_before(empty_world: World, revision: str) -> None:
    """Everything that the schema before has is still there, and what was added asks nothing of who does not
    know it. `test_release_before` runs the application of the last one.
    """
    before = _reflected(empty_world, revision)
    after = _reflected(empty_world, f"{revision}+1")
    for name, table in before.tables.items():
        grown = after.tables[name]
        for column in table.columns:
            kept = grown.columns[column.name]
            assert str(kept.type) == str(column.type), f"{name}.{column.name}"
            assert kept.nullable or not column.nullable, f"{name}.{column.name} was made NOT NULL"
        for column in grown.columns:
            unknown = column.name not in table.columns
            assert not unknown or column.nullable or column.server_default is not None, column.name
    with empty_world.res.database.begin() as connection:
        connection.execute(before.tables["books"].insert(), {"id": UNKNOWN, "title": "Old"})
        image = {
            "id": UNKNOWN,
            "book_id": UNKNOWN,
            "position": 1,
            "status": "stored",
            "key": "k",
            "etag": "e",
        }
        recipe = {"recipe": {}, "recipe_name": "r"}
        connection.execute(
            before.tables["book_images"].insert(), {**image, **recipe, "content_type": "image/png"}
        )
        job = {"id": UNKNOWN, "image_id": UNKNOWN, "book_id": UNKNOWN, "status": "pending"}
        connection.execute(before.tables["image_jobs"].insert(), {**job, **recipe, "source_etag": "e"})
        for table in before.tables.values():
            connection.execute(table.select()).all()


def _reflected(world: World, revision: str) -> MetaData:
    migrate(world.res.database, revision)
    metadata = MetaData()
    with world.res.database.begin() as connection:
        metadata.reflect(connection)
    return metadata


def test_a_book_from_before_keeps_its_numbers(empty_world: World) -> None:
    """The migration that counts images knows those that there are."""
    migrate(empty_world.res.database, "0001")
    empty_world.run("INSERT INTO books (id, title) VALUES (%s, 'Old')", UNKNOWN)
    empty_world.run(
        "INSERT INTO book_images (id, book_id, position, status, key, content_type, recipe, recipe_name)"
        " VALUES (%s, %s, 7, 'uploading', 'k', 'image/png', '{}', 'r')",
        UNKNOWN,
        UNKNOWN,
    )
    migrate(empty_world.res.database)
    assert empty_world.rows("SELECT last_number FROM books") == [(7,)]


def test_a_schema_of_a_later_release_is_left_as_it_is(world: World) -> None:
    """After a rollback: its revision is in no migration of this release."""
    world.run("UPDATE alembic_version SET version_num = '9999'")
    done = migrate(world.res.database)
    assert (done.before, done.after) == ("9999", "9999")
