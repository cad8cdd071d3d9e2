"""What broke logins before: first the damage, on a program without guards; then each line of defence alone.

The lines: the gate (judges the plan), the policy pack (in the plan and in the update), the program itself.
"""

from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from chalicelib.faults import MisconfiguredError
from chalicelib.security.api_key import ApiKeys
from rules import types
from tests.incidents.program import Edit
from tests.incidents.world import World

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.timeout(900)]

WRONG_PASSWORD = "password authentication failed"


def repair(world: World) -> None:
    """The program as it was, applied again."""
    done = world.apply(Edit())
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_targeted_apply_with_a_literal_password(world: World) -> None:
    """Somebody types a password to get one resource through, with --target; the secret keeps the real one."""
    edit = Edit(password="Staging2024!")
    target = f"--target={world.urn(types.DATABASE, 'database')}"

    done = world.apply(edit, target)
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.raises(psycopg.OperationalError, match=WRONG_PASSWORD):
        world.login()
    repair(world)
    assert world.login() == "bluemoxon"

    found = world.gate(edit)
    assert {"database-password-change", "database-without-secret-version"} <= {one.id for one in found}
    assert "bmx credentials rotate" in " ".join(one.remedy for one in found)

    assert {"password-guessable", "database-password-source"} <= world.policies(edit)
    refused = world.apply_under_policies(edit, target)
    assert refused.returncode != 0
    assert "[mandatory]" in refused.stdout
    assert edit.password is not None
    assert edit.password not in refused.stdout + refused.stderr
    assert world.login() == "bluemoxon"

    world.apply(Edit(guarded=True, password=edit.password), target)
    assert world.login() == "bluemoxon"


def test_a_new_random_password_in_the_secret_while_the_database_keeps_the_old(world: World) -> None:
    """What switching the mode back did: the database ignores changes of its password, the secret does not."""
    edit = Edit(new_password=True)

    done = world.apply(edit)
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.raises(psycopg.OperationalError, match=WRONG_PASSWORD):
        world.login()
    repair(world)
    assert world.login() == "bluemoxon"

    found = world.gate(edit)
    assert "secret-version-without-database" in {one.id for one in found}
    assert "bmx credentials rotate" in " ".join(one.remedy for one in found)

    assert "password-one-source" in world.policies(edit)
    refused = world.apply_under_policies(edit)
    assert refused.returncode != 0
    assert world.login() == "bluemoxon"

    world.apply(Edit(guarded=True, new_password=True))
    assert world.login() == "bluemoxon"


def test_an_empty_api_key(world: World) -> None:
    """An environment without the key writes an empty one; every caller is refused from then on."""
    edit = Edit(api_key="")
    clients = cast(Any, SimpleNamespace(secrets=world.secrets))
    arn = world.outputs["api-key-secret"]
    key = world.secret("api-key")["current"]
    assert ApiKeys(clients, arn).match(key) == "current"

    done = world.apply(edit)
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.raises(MisconfiguredError, match="empty"):
        ApiKeys(clients, arn).match(key)
    repair(world)
    assert ApiKeys(clients, arn).match(key) == "current"

    assert "secret-value-change" in {one.id for one in world.gate(edit)}

    assert "secret-not-empty" in world.policies(edit)
    refused = world.apply_under_policies(edit)
    assert refused.returncode != 0
    assert "[mandatory]" in refused.stdout
    assert ApiKeys(clients, arn).match(key) == "current"

    world.apply(Edit(guarded=True, api_key=""))
    assert ApiKeys(clients, arn).match(key) == "current"
