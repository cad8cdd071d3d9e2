"""The embedded PostgreSQL: real logins, a fixed port, nothing lost when it is killed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.ports import Ports, PortTaken
from local.postgres import SUPERUSER, PostgresInstance, drop_all, instances, stop_all
from local.postgres_host import SHARED, User, data_place, reachable
from tests.local.waiting import wait_for
from workers.contracts import Problem

pytestmark = pytest.mark.local


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "postgres"
    drop_all(tmp_path / "postgres")


@pytest.fixture
def postgres(folder: Path, tmp_path: Path) -> PostgresInstance:
    instance = PostgresInstance(folder / "db")
    port = Ports(tmp_path / "ports.json").get("postgres-db")
    instance.create(master="moxon", password="first", database="books", port=port)
    return instance


def connect(postgres: PostgresInstance, password: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        host="127.0.0.1",
        port=postgres.instance.port,
        user="moxon",
        password=password,
        dbname="books",
        autocommit=True,
    )


def test_the_master_is_no_superuser_but_may_make_databases_and_roles(postgres: PostgresInstance) -> None:
    with connect(postgres, "first") as connection:
        row = connection.execute(
            "select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = current_user"
        ).fetchone()
        assert row == (False, True, True)
        connection.execute("create table book (id int)")
        connection.execute("create role reader login")


def test_the_superuser_password_is_for_this_user_only(postgres: PostgresInstance) -> None:
    assert (postgres.home / "superuser").stat().st_mode & 0o777 == 0o600
    with postgres.superuser() as connection:
        assert connection.execute("select current_user").fetchone() == (SUPERUSER,)


def test_killed_and_started_again_it_has_everything_and_its_port(postgres: PostgresInstance) -> None:
    with connect(postgres, "first") as connection:
        connection.execute("create table book as select 7 as id")
    before = postgres.status()
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    wait_for(lambda: not postgres.status().running, "the killed server to be gone")
    after = postgres.start()
    assert after.running
    assert (after.port, after.pid != before.pid) == (before.port, True)
    with connect(postgres, "first") as connection:
        assert connection.execute("select id from book").fetchone() == (7,)


def test_a_lock_with_another_process_id_does_not_keep_it_from_starting(postgres: PostgresInstance) -> None:
    postgres.stop()
    lock = postgres.data / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{postgres.data}\n")
    assert postgres.start().running


def test_a_changed_password_refuses_the_old_one(postgres: PostgresInstance) -> None:
    postgres.set_master_password("se'cond")
    connect(postgres, "se'cond").close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(postgres, "first")


def test_a_taken_port_is_told(postgres: PostgresInstance, tmp_path: Path) -> None:
    other = PostgresInstance(tmp_path / "postgres" / "other")
    with pytest.raises(PortTaken, match=str(postgres.instance.port)):
        other.create(master="m", password="p", database="d", port=postgres.instance.port)


def test_stopping_and_dropping_all(postgres: PostgresInstance, folder: Path) -> None:
    assert [one.home for one in instances(folder)] == [postgres.home]
    assert stop_all(folder) == 1
    assert stop_all(folder) == 0
    assert not postgres.status().running
    data = postgres.data
    drop_all(folder)
    assert instances(folder) == []
    assert not data.exists()


def test_a_half_made_one_is_made_anew(postgres: PostgresInstance) -> None:
    port = postgres.instance.port
    (postgres.home / "instance.json").unlink()  # as if killed before the end of its creation
    postgres.create(master="moxon", password="second", database="books", port=port)
    connect(postgres, "second").close()


def test_one_that_exists_is_not_overwritten(postgres: PostgresInstance) -> None:
    with pytest.raises(Problem, match="already"):
        postgres.create(master="m", password="p", database="d", port=1)
    connect(postgres, "first").close()


def test_data_lies_elsewhere_when_the_servers_user_cannot_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = User(uid=os.getuid() + 65534, gid=65534)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not reachable(closed / "data", other)
    assert reachable(closed / "data", User())
    monkeypatch.setattr("local.postgres_host.server_user", lambda: other)
    assert data_place(closed / "data").parent == SHARED / "data"
    monkeypatch.setattr("local.postgres_host.server_user", User)
    assert data_place(closed / "data") == closed / "data"
