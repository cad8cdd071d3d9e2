"""People by command: an account, its first sign-in, its role, its end."""

import stat
from pathlib import Path
from typing import Any

import pytest

from tests.running_stack import RunningStack

pytestmark = pytest.mark.local

PERSON = "berta@example.org"


def listed(running: RunningStack) -> dict[str, dict[str, Any]]:
    return {one["email"]: one for one in running.bmx.json("people", "list")["data"]["people"]}


def first_sign_in(running: RunningStack, word: str) -> dict[str, Any]:
    """With the temporary password, which Cognito wants to be changed."""
    assert running.status.outputs is not None
    environment = running.status.outputs["api"]["environment"]
    cognito = running.status.connection.client("cognito-idp")
    named = {"ClientId": environment["BMX_USER_POOL_CLIENT_ID"]}
    asked = cognito.initiate_auth(
        **named,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": PERSON, "PASSWORD": word},
    )
    assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    answered: dict[str, Any] = cognito.respond_to_auth_challenge(
        **named,
        ChallengeName=asked["ChallengeName"],
        Session=asked["Session"],
        ChallengeResponses={"USERNAME": PERSON, "NEW_PASSWORD": "Another-Word-12345"},
    )["AuthenticationResult"]
    return answered


def test_an_account_from_its_first_sign_in_to_its_end(running: RunningStack) -> None:
    made = running.bmx.json("people", "add", f" {PERSON.title()}", "editor")["data"]
    assert (made["email"], made["role"]) == (PERSON, "editor")
    file = Path(made["file"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    word = file.read_text(encoding="utf-8").strip()
    assert word not in str(made)
    assert listed(running)[PERSON] == {"email": PERSON, "role": "editor", "state": "FORCE_CHANGE_PASSWORD"}
    assert first_sign_in(running, word)["IdToken"]
    assert listed(running)[PERSON]["state"] == "CONFIRMED"

    assert running.bmx.json("people", "role", PERSON, "admin")["status"] == "ok"
    assert listed(running)[PERSON]["role"] == "admin"

    asked = running.bmx.json("people", "remove", PERSON)
    assert asked["status"] == "confirmation_needed"
    assert "the only administrator" in asked["error"]["message"]
    assert running.bmx.json("people", "remove", PERSON, "--yes")["status"] == "ok"
    assert PERSON not in listed(running)
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "said", "fix"),
    [
        (("role", "nobody@example.org", "viewer"), "nobody@example.org has no account.", "bmx people add"),
        (("remove", "nobody@example.org", "--yes"), "nobody@example.org has no account.", "bmx people add"),
        (("add", "../x@example.org", "viewer"), "no e-mail address", "anna@example.org"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_way_on(
    running: RunningStack, arguments: tuple[str, ...], said: str, fix: str
) -> None:
    refused = running.bmx.json("people", *arguments)
    assert refused["status"] == "failed"
    assert said in refused["error"]["message"]
    assert fix in refused["error"]["fix"]


def test_nobody_has_two_accounts(running: RunningStack) -> None:
    running.bmx.json("people", "add", PERSON, "viewer")
    again = running.bmx.json("people", "add", PERSON, "admin")
    assert again["error"]["fix"] == f"Change its role: bmx people role {PERSON} ROLE"
    assert listed(running)[PERSON]["role"] == "viewer"
    running.bmx.json("people", "remove", PERSON, "--yes")
