"""What broke logins and lost data: the damage without guards, then each line alone, then all of them."""

import json
from collections.abc import Iterator

import psycopg
import pytest

from operations.credentials.login import DatabaseAccess
from rules import types
from tests.incidents import incidents
from tests.incidents.conftest import Plans
from tests.incidents.ground import Ground, Program
from tests.incidents.incidents import LITERAL
from tests.incidents.lines import judge
from tests.incidents.replay import (
    UNGUARDED,
    WRONG_PASSWORD,
    Replay,
    access,
    assert_lines,
    connect,
    verified,
)
from tests.incidents.sources import STAGING, Edit

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.timeout(1200)]

EXISTING = Edit(STAGING, "mode: generated", "mode: existing\n    secret: bluemoxon-modes/login")


@pytest.fixture(scope="module")
def acts(stage: Ground, unguarded: Program, staging: Program, plans: Plans) -> Replay:
    """With the plans of unsafe and safe edits on their way meanwhile, where they are wanted."""
    return Replay(stage, unguarded, staging)


@pytest.fixture
def replay(acts: Replay) -> Iterator[Replay]:
    """Before and after an incident, the login works."""
    assert verified(acts.database()) == ""
    yield acts
    acts.repair()


def assert_locked_out(database: DatabaseAccess) -> None:
    with pytest.raises(psycopg.OperationalError, match=WRONG_PASSWORD):
        connect(database)


def test_a_targeted_apply_with_a_literal_password(replay: Replay) -> None:
    incident, target = incidents.LITERAL_PASSWORD, (types.DATABASE, "database")
    alone = replay.alone(incident, target)
    database = replay.damage(incident, target)
    assert_locked_out(database)
    assert_lines(incident, alone, replay.whole(incident), verified(database))


def test_a_new_random_password_in_the_secret_while_the_database_keeps_the_old(replay: Replay) -> None:
    incident = incidents.SECOND_PASSWORD
    alone = replay.alone(incident)
    database = replay.damage(incident)
    assert_locked_out(database)
    assert_lines(incident, alone, replay.whole(incident), verified(database))


def test_the_random_password_replaced(replay: Replay) -> None:
    incident = incidents.PASSWORD_REPLACED
    alone = replay.alone(incident)
    database = replay.damage(incident)
    assert_locked_out(database)
    assert_lines(incident, alone, replay.whole(incident), verified(database))


def test_the_secret_changed_without_the_database(replay: Replay) -> None:
    incident = incidents.SECRET_ALONE
    alone = replay.alone(incident)
    database = replay.damage(incident)
    assert_locked_out(database)
    assert_lines(incident, alone, replay.whole(incident), verified(database))


def test_a_target_that_covers_part_of_the_trio(replay: Replay) -> None:
    incident = incidents.PART_OF_THE_TRIO
    targets = (types.RANDOM_PASSWORD, "database"), (types.SECRET_VERSION, "database")
    alone = replay.alone(incident, *targets)
    database = replay.damage(incident, *targets)
    assert_locked_out(database)
    assert_lines(incident, alone, replay.whole(incident), verified(database))


def test_the_database_replaced_by_an_identifier_change(replay: Replay) -> None:
    incident = incidents.IDENTIFIER
    with connect(replay.database()) as connection:
        connection.execute("create table books (title text)")
        connection.execute("insert into books values ('Moxon, Mechanick Exercises, 1683')")
    alone = replay.alone(incident)
    database = replay.damage(incident)
    with connect(database) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("select * from books")
    assert_lines(incident, alone, replay.whole(incident), verified(database))


def test_unprotected_and_replaced_in_one_update(stage: Ground, replay: Replay) -> None:
    incident, photo = incidents.UNPROTECTED, "books/1/image_01.jpg"
    s3, before = stage.aws.client("s3"), replay.bucket()
    version = s3.put_object(Bucket=before, Key=photo, Body=b"photo")["VersionId"]
    done = replay.apply(incident)
    assert done.returncode != 0
    assert "BucketNotEmpty" in done.stdout + done.stderr, "S3 alone keeps the photos, where nobody looks"
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=replay.bucket(), Key=photo)
    whole = replay.whole(incident)
    assert_lines(incident, whole, whole)
    s3.delete_object(Bucket=before, Key=photo, VersionId=version)
    done = replay.apply(incident)
    assert done.returncode == 0, "the old bucket, now empty, goes, so that its name is free for the repair"


def test_the_mode_switched_back(stage: Ground) -> None:
    """The old system's worst day, on a stack that was deployed in mode `existing` with every guard."""
    incident = incidents.MODE_SWITCHED_BACK
    value = json.dumps({"username": "bluemoxon", "password": "Gd5nVx8RkB2wTz7PfM4jYq9LhS3cXe6U"})
    stage.aws.call("secretsmanager", "create_secret", Name="bluemoxon-modes/login", SecretString=value)
    modes = stage.program("modes", EXISTING)
    done = modes.apply()
    assert done.returncode == 0, done.stdout + done.stderr
    assert verified(access(modes, stage.aws)) == ""

    copy = stage.program("modes", *UNGUARDED, like=modes)
    baseline = judge(stage.program("modes", EXISTING, *UNGUARDED, like=modes).preview_judged())
    alone = judge(copy.preview_judged()).without(baseline)
    whole = judge(stage.program("modes", like=modes).preview_judged())
    assert verified(access(modes, stage.aws)) == ""

    done = copy.apply()
    assert done.returncode == 0, done.stdout + done.stderr
    database = access(modes, stage.aws)
    assert_locked_out(database)
    assert_lines(incident, alone, whole, verified(database))


def test_no_message_shows_the_typed_password(stage: Ground, staging: Program) -> None:
    program = stage.program("staging", *incidents.LITERAL_PASSWORD.edits, like=staging)
    refused = program.apply_under_policies()
    assert refused.returncode != 0
    assert "[mandatory]" in refused.stdout
    assert LITERAL not in refused.stdout + refused.stderr
    assert verified(access(staging, stage.aws)) == ""
