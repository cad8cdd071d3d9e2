"""Moving a login from every mode to every other, with the real engine."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from chalicelib.db.session import Database
from local.engine import Engine
from local.reporting import LogReporter
from operations import deploy
from operations.credentials import handover
from operations.credentials import rotate as rotation
from operations.credentials.login import CredentialsProblem, DatabaseAccess
from operations.credentials.move import look, move
from operations.credentials.settings import settings_file, with_mode
from operations.target import Target
from tests.load import under_load
from tests.platform.command_line import credentials
from tests.platform.modes import stack_in_mode
from workers.contracts import Problem

COMMENTED = """\
config:
  # The database. mode: none of yours
  bluemoxon:database:
    # how
    mode: generated # made here
    username: bluemoxon

    name: books
  bluemoxon:network:
    mode: create
"""


def test_only_what_the_mode_needs_is_rewritten() -> None:
    wanted = COMMENTED.replace("mode: generated #", "mode: existing #")
    assert with_mode(COMMENTED, "existing") == wanted
    external = with_mode(COMMENTED, "external", {"host": "db", "port": 5432})
    assert external == COMMENTED.replace("generated #", "external #").replace(
        "    username: bluemoxon\n\n    name: books\n", "\n    name: books\n    host: db\n    port: 5432\n"
    )
    back = with_mode(external, "existing", {"username": "bluemoxon", "engine_version": "16"})
    assert back == wanted.replace("    username: bluemoxon\n", "").replace(
        "name: books\n", 'name: books\n    username: bluemoxon\n    engine_version: "16"\n'
    )
    with pytest.raises(Problem, match="usual place"):
        with_mode("config: {}", "existing")


@pytest.fixture(scope="module")
def moving(engine: Engine) -> Iterator[Target]:
    """Staging with a generated password, deployed."""
    with stack_in_mode("staging", "generated") as target:
        deploy.apply(target, LogReporter())
        yield target


ROUND = (
    *("existing", "generated", "rds-managed", "existing", "external", "existing", "rds-managed"),
    *("external", "rds-managed", "generated", "external", "generated"),
)
"""From `generated` through every move there is, back to where it began."""
MOVES = list(itertools.pairwise(("generated", *ROUND)))
FIRST = [next(one for one in MOVES if one[1] == mode) for mode in ("generated", "rds-managed", "external")]
"""The first arrivals in the modes that no other test deploys staging in, to be deployed twice."""
assert len(set(MOVES)) == 12


@pytest.mark.engine
@pytest.mark.local
def test_a_move_that_is_not_safe_is_refused(moving: Target) -> None:
    access = DatabaseAccess.of(moving)
    with pytest.raises(Problem, match="no mode"):
        look(access, "nonsense")
    assert look(access, "generated").edits == ()
    secrets = moving.client("secretsmanager")
    good = access.text()
    wrong = json.dumps({"username": "bluemoxon", "password": "not-the-password"})
    secrets.put_secret_value(SecretId=access.secret_arn, SecretString=wrong)
    for mode in ("existing", "rds-managed", "external"):
        with pytest.raises(CredentialsProblem, match="refuses the login"):
            move(access, mode)
    secrets.put_secret_value(SecretId=access.secret_arn, SecretString=good)
    file = settings_file(moving)
    before = file.read_text()
    file.write_text(with_mode(before, "existing"))
    with pytest.raises(CredentialsProblem, match="what is deployed `generated`"):
        look(access, "rds-managed")
    with pytest.raises(CredentialsProblem, match="what is deployed `generated`"):
        rotation.rotate(access)
    file.write_text(before)


@pytest.mark.engine
@pytest.mark.local
@pytest.mark.parametrize(("before", "after"), MOVES)
def test_every_move_keeps_database_and_secret_together(before: str, after: str, moving: Target) -> None:
    access = DatabaseAccess.of(moving)
    assert access.mode == before, "the moves follow one another: run them all"
    with access.connect(access.read()) as connection:
        connection.execute("create table if not exists books (id serial primary key, title text)")
    file = settings_file(moving).read_text()
    if (before, after) == MOVES[0]:
        dry = credentials(moving, "move", "--to", after)
        assert (dry["moved"], dry["mode"], dry["backup"]) == (False, after, None)
        assert f"Pulumi.staging.yaml: bluemoxon:database.mode is `{after}`" in dry["edits"]
        assert settings_file(moving).read_text() == file
    with under_load(access, workers=1, request=store_books) as load:
        password = access.read().password
        done = credentials(moving, "move", "--to", after, "--yes")
        to_rds = after == "rds-managed" and before != "external"
        assert (access.read().password != password) == to_rds
        access.verify()
        assert (done["moved"], done["mode"]) == (True, after)
        assert password not in Path(done["backup"]).read_text() + json.dumps(done)
        assert file != settings_file(moving).read_text()
        deploy.plan(moving)  # policies and gate let through what follows
        summary, _ = deploy.apply(moving, LogReporter())
    assert load.failures == []
    # Permissions that follow the mode, and what others wrote on a secret.
    assert summary.changes.keys() <= {"same", "update"}
    assert summary.changes.get("update", 0) <= 4
    now = DatabaseAccess.of(moving)
    assert now.mode == after
    assert now.read().password == access.read().password
    now.verify()
    if (before, after) in FIRST:
        assert set(deploy.apply(moving, LogReporter())[0].changes) == {"same"}
    finish(now, managed_before=before == "rds-managed")


def finish(access: DatabaseAccess, *, managed_before: bool) -> None:
    """What a move to or from RDS leaves for when the application is deployed."""
    more = look(access, access.mode).edits
    expected = managed_before and access.mode in {"generated", "existing"}
    assert more == ((handover.RELEASE,) if expected else ())
    if not more:
        return
    password = access.read().password
    move(access, access.mode)
    assert access.read().password == password
    access.verify()
    assert look(access, access.mode).edits == ()


def store_books(database: Database) -> None:
    """A request that needs the rights on what is there."""
    with database.connect() as connection:
        connection.execute("select count(*) from books")
    with database.session() as session:
        session.execute(text("insert into books (title) values ('t')"))
