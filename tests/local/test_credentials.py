"""Checking and rotating a login, with the emulator's secrets and a real PostgreSQL."""

import itertools
import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError
from sqlalchemy import text

from chalicelib.db.session import Database
from local.paths import REPO, Paths
from local.processes import Processes
from local.provider.connection import Aws
from local.reporting import LogReporter
from local.stack import LocalStack
from operations.credentials import handover
from operations.credentials import rotate as rotation
from operations.credentials.instance import RdsInstance, RdsRefused
from operations.credentials.login import CredentialsProblem, DatabaseAccess
from operations.credentials.rotate import rotate
from operations.target import Target
from tests.app.postgres import running_instance
from tests.load import application, ask, under_load
from workers.contracts import Problem

FIRST = "first-password-of-all"


@dataclass(frozen=True)
class Place:
    """An emulator and a PostgreSQL, for all tests here."""

    aws: Aws
    paths: Paths
    port: int
    set_password: Any


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    paths = Paths(home=tmp_path_factory.mktemp("credentials"), cache=Paths.default().cache)
    paths.ensure()
    try:
        connection = LocalStack(paths).emulator.start(LogReporter())
        with running_instance() as instance:
            paths.postgres.symlink_to(instance.home.parent)
            yield Place(Aws(connection), paths, instance.instance.port, instance.set_master_password)
    finally:
        processes = Processes(paths.run, paths.home)
        processes.stop("emulator")


@pytest.fixture
def access(place: Place) -> DatabaseAccess:
    """A database whose secret is right, as a stack exports it."""
    place.set_password(FIRST)
    secret = place.aws.call(
        "secretsmanager",
        "create_secret",
        Name=f"bluemoxon-test/{uuid.uuid4()}",
        SecretString=json.dumps({"username": "bluemoxon", "password": FIRST, "engine": "postgres"}),
    )
    return access_to(place, secret["ARN"], mode="generated")


def access_to(place: Place, arn: str, *, mode: str = "generated", port: int | None = None) -> DatabaseAccess:
    database = {
        "mode": mode,
        "secret_arn": arn,
        "host": "127.0.0.1",
        "port": port or place.port,
        "name": "bluemoxon",
        "instance_identifier": None,
    }
    known = {"database": database, "api": {"environment": {}}}
    return DatabaseAccess.of(Target("test", place.paths, (), {}, REPO, place.aws, known=known))


def write(access: DatabaseAccess, value: str) -> None:
    access.target.client("secretsmanager").put_secret_value(SecretId=access.secret_arn, SecretString=value)


def problem_of(access: DatabaseAccess) -> CredentialsProblem:
    with pytest.raises(CredentialsProblem) as caught:
        access.verify()
    assert FIRST not in str(caught.value)
    assert caught.value.fix
    return caught.value


def test_a_right_secret_opens_the_database(access: DatabaseAccess) -> None:
    found = access.verify()
    assert (found.username, found.database) == ("bluemoxon", "bluemoxon")
    assert FIRST not in json.dumps(found.to_json())


def test_a_missing_secret_is_told(place: Place, access: DatabaseAccess) -> None:
    gone = access_to(place, access.secret_arn[:-7] + "gone-abc123")
    assert problem_of(gone).code == "secret_missing"


@pytest.mark.parametrize("value", ["", "no json", "[]", '{"username": "bluemoxon"}', '{"password": 3}'])
def test_a_secret_that_is_no_login_is_told_without_its_text(access: DatabaseAccess, value: str) -> None:
    write(access, value or " ")
    problem = problem_of(access)
    assert problem.code == "secret_malformed"
    assert not value or value not in str(problem)


def test_a_refused_login_is_told_without_the_password(access: DatabaseAccess) -> None:
    write(access, json.dumps({"username": "bluemoxon", "password": "another-secret"}))
    problem = problem_of(access)
    assert problem.code == "login_refused"
    assert "another-secret" not in str(problem) + repr(access.read())


def test_a_database_that_does_not_answer_is_told(place: Place, access: DatabaseAccess) -> None:
    assert problem_of(access_to(place, access.secret_arn, port=1)).code == "unreachable"


def test_a_rotation_changes_both_and_keeps_the_rest_of_the_secret(access: DatabaseAccess) -> None:
    rotate(access)
    after = access.read()
    assert after.password != FIRST
    assert after.fields["engine"] == "postgres"
    assert len(after.password) == 40
    assert access.read("AWSPREVIOUS").password == FIRST
    assert access.verify().username == "bluemoxon"


def test_a_dry_run_changes_nothing(access: DatabaseAccess) -> None:
    before = access.read()
    rotation.check(access)
    assert access.read() == before
    with pytest.raises(CredentialsProblem, match="no version AWSPENDING"):
        access.read("AWSPENDING")


def test_a_rotation_does_not_start_with_a_login_that_does_not_work(access: DatabaseAccess) -> None:
    write(access, json.dumps({"username": "bluemoxon", "password": "another-secret"}))
    before = access.read()
    with pytest.raises(CredentialsProblem, match="refuses"):
        rotate(access)
    assert access.read() == before


def test_a_database_of_others_is_not_rotated(place: Place, access: DatabaseAccess) -> None:
    with pytest.raises(CredentialsProblem, match="managed elsewhere"):
        rotate(access_to(place, access.secret_arn, mode="external"))


def test_a_login_that_rds_owns_is_not_rotated(place: Place, access: DatabaseAccess) -> None:
    before = access.read()
    with pytest.raises(CredentialsProblem, match="RDS owns this login") as caught:
        rotate(access_to(place, access.secret_arn, mode="rds-managed"))
    assert "--rotate-master-user-password" in caught.value.fix
    assert access.read() == before


def test_a_new_password_that_does_not_work_is_taken_back(
    access: DatabaseAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = DatabaseAccess.verify

    def fail(self: DatabaseAccess, stage: str = "AWSCURRENT") -> Any:
        if stage == "AWSPENDING":
            raise CredentialsProblem("unreachable", "The network went away.")
        return verify(self, stage)

    monkeypatch.setattr(DatabaseAccess, "verify", fail)
    with pytest.raises(CredentialsProblem, match="went away"):
        rotate(access)
    assert access.verify().stage == "AWSCURRENT"
    assert access.read().password == FIRST
    rotate(access_again(access, monkeypatch))


def access_again(access: DatabaseAccess, monkeypatch: pytest.MonkeyPatch) -> DatabaseAccess:
    monkeypatch.undo()
    return access


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", ["set_password", "_promote"])
def test_a_killed_rotation_is_finished_by_the_next(
    access: DatabaseAccess, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(rotation, step, die)
        with pytest.raises(Killed):
            rotate(access)
    ask(application(access))  # the application gets in meanwhile
    rotate(access)
    assert access.read().password != FIRST
    assert access.verify().stage == "AWSCURRENT"


def test_a_load_that_gets_no_answer_is_no_load(access: DatabaseAccess) -> None:
    def refuse(_: Database) -> None:
        raise ConnectionError("never")

    with (
        pytest.raises(AssertionError, match="no request answered"),
        under_load(access, request=refuse) as load,
    ):
        pass
    assert len(load.failures) >= 4


@pytest.mark.parametrize("answered", [0, 1])
def test_a_load_that_hangs_is_told(access: DatabaseAccess, answered: int) -> None:
    release, requests = threading.Event(), itertools.count()

    def hang(_: Database) -> None:
        if next(requests) >= answered:
            release.wait()

    try:
        with (
            pytest.raises(AssertionError, match="1 of 1 workers hang"),
            under_load(access, workers=1, request=hang, patience=2),
        ):
            assert answered, "the body does not begin without a load"
    finally:
        release.set()


def test_the_application_under_load_has_no_failed_request_in_a_rotation(access: DatabaseAccess) -> None:
    passwords = {FIRST}
    with under_load(access) as load:
        for _ in range(8):
            rotate(access)
            passwords.add(access.read().password)
    assert not load.failures
    assert len(passwords) == 9
    assert min(load.asked) >= 8
    assert not opens(access, FIRST)


def opens(access: DatabaseAccess, password: str) -> bool:
    """Whether somebody who knows a password gets in."""
    try:
        psycopg.connect(
            host=access.host, port=access.port, dbname="bluemoxon", user="bluemoxon", password=password
        ).close()
    except psycopg.OperationalError:
        return False
    return True


def quiet(_: str) -> None:
    """Nobody listens to what a handover says."""


@pytest.fixture
def instance(access: DatabaseAccess) -> Iterator[RdsInstance]:
    """The database as RDS's; its login is nobody's again afterwards."""
    found = RdsInstance(access.target, "database")
    yield found
    if found.managed_secret() is not None:
        found.release(FIRST)


def store_books(database: Database) -> None:
    """A request that needs the rights on what is there."""
    with database.session() as session:
        session.execute(text("insert into shelf.books (title) values ('a')"))
    with database.connect() as connection:
        connection.execute("select count(*) from shelf.books")


def make_shelf(access: DatabaseAccess) -> None:
    with access.connect(access.read()) as connection:
        connection.execute("create schema if not exists shelf")
        connection.execute("create table if not exists shelf.books (id serial primary key, title text)")


def test_a_login_goes_to_rds_and_back_and_no_request_fails(
    access: DatabaseAccess, instance: RdsInstance
) -> None:
    make_shelf(access)
    for _ in range(2):  # a second time, over what the first has left
        before = access.read().password
        with under_load(access, request=store_books) as load:
            theirs = handover.to_rds(access, instance, quiet)
        assert not load.failures
        assert min(load.asked) >= 2
        assert theirs.secret_arn == instance.managed_secret()
        assert theirs.read().password == access.read().password != before
        assert not opens(access, before)
        with under_load(theirs, request=store_books) as load:
            access = handover.from_rds(theirs, quiet)
            access.verify()
        assert not load.failures
        assert rotation.unfinished(access) is None
        with under_load(access, request=store_books) as load:
            handover.close_overlap(access, quiet)
            handover.release(access, instance, quiet)
        assert not load.failures
        assert instance.managed_secret() is None
        access.verify()
        assert not handover.has_overlap(access)


def test_what_rds_has_rotated_since_is_taken_when_it_lets_go(
    access: DatabaseAccess, instance: RdsInstance, place: Place
) -> None:
    theirs = handover.to_rds(access, instance, quiet)
    own = handover.from_rds(theirs, quiet)
    rotated = json.dumps({"username": "bluemoxon", "password": "rotated-by-rds-meanwhile"})
    write(theirs, rotated)
    place.set_password("rotated-by-rds-meanwhile")
    handover.release(own, instance, quiet)
    assert own.read().password == "rotated-by-rds-meanwhile"
    own.verify()


def test_a_handover_that_rds_refuses_leaves_the_login_as_it_was(
    access: DatabaseAccess, instance: RdsInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: RdsInstance) -> str:
        raise RdsRefused("RDS does not want to.")

    before = access.read()
    monkeypatch.setattr(RdsInstance, "manage", refuse)
    with pytest.raises(Problem, match="does not want"):
        handover.to_rds(access, instance, quiet)
    assert access.read() == before
    access.verify()
    assert access.holders("AWSPENDING") == []
    assert not handover.has_overlap(access)


def test_a_handover_that_rds_may_go_on_with_leaves_the_application_its_way_in(
    access: DatabaseAccess, instance: RdsInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On AWS the password changes minutes after RDS was asked, whatever becomes of who asked."""

    def interrupt(_: RdsInstance) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RdsInstance, "manage", interrupt)
        with pytest.raises(KeyboardInterrupt):
            handover.to_rds(access, instance, quiet)
    instance.manage()  # RDS went on
    assert not opens(access, access.read().password)
    ask(application(access))
    handover.to_rds(access, instance, quiet)
    access.verify()


class Rds:
    """What RDS says of an instance whose login it owns, in one of the states that only AWS has."""

    def __init__(self, status: str) -> None:
        self.status = status

    def describe_db_instances(self, **_: str) -> dict[str, Any]:
        secret = {"SecretArn": "arn:rds", "SecretStatus": self.status}
        return {"DBInstances": [{"MasterUserSecret": secret, "DBInstanceStatus": "modifying"}]}

    def modify_db_instance(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "InvalidDBInstanceState"}}, "ModifyDBInstance")


def on_aws(rds: Rds) -> RdsInstance:
    target: Any = SimpleNamespace(emulator=None, client=lambda *_, **__: rds)
    return RdsInstance(target, "database")


@pytest.mark.parametrize("status", ["creating", "rotating", "impaired"])
def test_a_login_that_rds_is_changing_is_rds_s(access: DatabaseAccess, status: str) -> None:
    instance = on_aws(Rds(status))
    assert instance.owns_login()
    assert instance.managed_secret() is None
    with pytest.raises(CredentialsProblem, match="RDS is changing the login"):
        handover.release(access, instance, quiet)
    assert on_aws(Rds("active")).managed_secret() == "arn:rds"


def test_what_rds_refuses_has_changed_nothing() -> None:
    with pytest.raises(RdsRefused, match="InvalidDBInstanceState"):
        on_aws(Rds("active")).release("password")


def test_a_login_that_rds_owns_is_not_rotated_whatever_is_deployed(
    access: DatabaseAccess, instance: RdsInstance
) -> None:
    """After a move to RDS, and before the deployment that tells of it."""
    handover.to_rds(access, instance, quiet)
    before = access.read()
    with pytest.raises(CredentialsProblem, match="RDS owns this login") as caught:
        rotation.rotate(replace(access, instance="database"))
    assert caught.value.code == "not_ours"
    assert access.read() == before


def test_a_password_that_was_changed_beside_rds_does_not_keep_it_from_letting_go(
    access: DatabaseAccess, instance: RdsInstance, place: Place
) -> None:
    theirs = handover.to_rds(access, instance, quiet)
    own = handover.from_rds(theirs, quiet)
    write(own, json.dumps({"username": "bluemoxon", "password": "changed-by-hand"}))
    place.set_password("changed-by-hand")
    handover.release(own, instance, quiet)
    assert own.read().password == "changed-by-hand"
    own.verify()
    assert not instance.owns_login()


def test_an_interrupted_handover_is_finished_by_the_next(
    access: DatabaseAccess, instance: RdsInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(handover, "_put", die)
        with pytest.raises(Killed):
            handover.to_rds(access, instance, quiet)
    assert not opens(access, access.read().password)
    ask(application(access))  # the application gets in meanwhile
    handover.to_rds(access, instance, quiet)
    access.verify()
