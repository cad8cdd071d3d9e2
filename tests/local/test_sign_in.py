"""People on the running stack: the user pool's own tokens, its groups as roles."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.running_stack import RunningStack
from workers.contracts import Role

pytestmark = pytest.mark.local

PERSON = "anna@example.com"
WORD = "Abcdefgh12345"


@pytest.fixture(scope="module")
def pool(running: RunningStack) -> Iterator[Any]:
    """The stack's pool and client with one person in it, as `call(operation, **parameters)`."""
    assert running.status.outputs is not None
    environment = running.status.outputs["api"]["environment"]
    cognito = running.status.connection.client("cognito-idp")
    found = {"UserPoolId": environment["BMX_USER_POOL_ID"]}
    client_id = environment["BMX_USER_POOL_CLIENT_ID"]
    cognito.admin_create_user(**found, Username=PERSON, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**found, Username=PERSON, Password=WORD, Permanent=True)

    def sign_in(*groups: str) -> dict[str, str]:
        for group in Role:
            change = "admin_add_user_to_group" if group in groups else "admin_remove_user_from_group"
            getattr(cognito, change)(**found, Username=PERSON, GroupName=group.value)
        tokens: dict[str, str] = cognito.initiate_auth(
            ClientId=client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": PERSON, "PASSWORD": WORD},
        )["AuthenticationResult"]
        return tokens

    yield sign_in
    cognito.admin_delete_user(**found, Username=PERSON)


def status(running: RunningStack, method: str, path: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    body = {"title": "signed in"} if method == "POST" else None
    answer = httpx.request(method, f"{running.status.api_url}/{path}", headers=headers, json=body, timeout=30)
    return answer.status_code


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ((), (403, 403, 403)),
        (("viewer",), (200, 403, 403)),
        (("viewer", "editor"), (200, 201, 403)),
        (("admin",), (200, 201, 200)),
    ],
)
def test_the_groups_of_a_person_are_their_roles(
    running: RunningStack, pool: Any, groups: tuple[str, ...], expected: tuple[int, ...]
) -> None:
    signed_in = pool(*groups)
    calls = (("GET", "books"), ("POST", "books"), ("GET", "audit"))
    for kind in ("AccessToken", "IdToken"):
        found = tuple(status(running, *call, signed_in[kind]) for call in calls)
        assert found == expected, kind


def test_a_token_that_was_changed_is_refused(running: RunningStack, pool: Any) -> None:
    head, content, signature = pool("admin")["AccessToken"].split(".")
    changed = ".".join((head, content, signature[::-1]))
    assert status(running, "GET", "books", changed) == 401
    assert status(running, "GET", "books", pool("admin")["RefreshToken"]) == 401
