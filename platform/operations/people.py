"""The people of a stack: the accounts of its user pool, each with the group of its role."""

import re
import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from operations.target import Target
from workers.contracts.problem import Problem
from workers.contracts.roles import Role

_WORD_LENGTH = 20
_ALPHABETS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
"""What the pool's password policy asks for."""


class PeopleProblem(Problem):
    """An account cannot be looked at or changed."""


@dataclass(frozen=True)
class Person:
    """`role` is None for somebody who may do nothing; `state` is Cognito's: `CONFIRMED` has a password of
    their own, `FORCE_CHANGE_PASSWORD` has not signed in yet.
    """

    email: str
    role: Role | None
    state: str


@dataclass(frozen=True)
class People:
    """Calls Cognito as whoever runs the command; raises `PeopleProblem` for what it refuses."""

    cognito: Any
    pool_id: str
    sends_mail: bool
    """Not on an emulator."""

    @classmethod
    def of(cls, target: Target) -> "People":
        """Raises `Problem` where the stack was not deployed."""
        environment = target.outputs()["api"]["environment"]
        return cls(target.client("cognito-idp"), environment["BMX_USER_POOL_ID"], target.emulator is None)

    def all(self) -> list[Person]:
        """Everybody, by address."""
        roles: dict[str, Role] = {}
        with _told():
            for role in Role:  # the highest is the one that counts
                roles |= {user["Username"]: role for user in self._pages("list_users_in_group", role)}
            users = self._pages("list_users")
        people = [Person(_email(user), roles.get(user["Username"]), user["UserStatus"]) for user in users]
        return sorted(people, key=lambda person: person.email)

    def add(self, email: str, role: Role) -> str | None:
        """Make an account. Cognito mails a temporary password; where nobody does, it is returned."""
        word = None if self.sends_mail else _temporary_password()
        quietly = {} if word is None else {"MessageAction": "SUPPRESS", "TemporaryPassword": word}
        with _told(email):
            self.cognito.admin_create_user(
                UserPoolId=self.pool_id,
                Username=email,
                UserAttributes=[
                    {"Name": "email", "Value": email},
                    {"Name": "email_verified", "Value": "true"},
                ],
                DesiredDeliveryMediums=["EMAIL"],
                **quietly,
            )
        self.give(email, role)
        return word

    def give(self, email: str, role: Role) -> None:
        """Let somebody have this role and no other. It counts from their next token on, within an hour."""
        person = {"UserPoolId": self.pool_id, "Username": email}
        with _told(email):
            self.cognito.admin_add_user_to_group(**person, GroupName=role.value)
            for other in set(Role) - {role}:
                self.cognito.admin_remove_user_from_group(**person, GroupName=other.value)

    def remove(self, email: str) -> None:
        """Delete an account. Tokens that were given out end within an hour."""
        person = {"UserPoolId": self.pool_id, "Username": email}
        with _told(email):
            self.cognito.admin_user_global_sign_out(**person)
            self.cognito.admin_delete_user(**person)

    def _pages(self, operation: str, role: Role | None = None) -> list[dict[str, Any]]:
        named = {"UserPoolId": self.pool_id, **({"GroupName": role.value} if role else {})}
        pages = self.cognito.get_paginator(operation).paginate(**named)
        return [user for page in pages for user in page["Users"]]


def address(text: str) -> str:
    """An address as the pool keeps it; raises `PeopleProblem` for what is none."""
    if not re.fullmatch(r"[^\s/@]+@[^\s/@]+\.[^\s/@]+", text.strip()):
        raise PeopleProblem(f"`{text}` is no e-mail address.", fix="Use one like `anna@example.org`.")
    return text.strip().lower()


def _email(user: dict[str, Any]) -> str:
    return next((str(one["Value"]) for one in user["Attributes"] if one["Name"] == "email"), user["Username"])


def _temporary_password() -> str:
    letters = "".join(_ALPHABETS)
    while True:
        word = "".join(secrets.choice(letters) for _ in range(_WORD_LENGTH))
        if all(set(word) & set(alphabet) for alphabet in _ALPHABETS):
            return word


@contextmanager
def _told(email: str = "") -> Iterator[None]:
    """Cognito's refusals as problems."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code == "UsernameExistsException":
            raise PeopleProblem(
                f"{email} has an account already.", fix=f"Change its role: bmx people role {email} ROLE"
            ) from None
        if code == "UserNotFoundException":
            raise PeopleProblem(
                f"{email} has no account.", fix="`bmx people list` tells who has; `bmx people add` makes one."
            ) from None
        if code == "ResourceNotFoundException":
            raise PeopleProblem(
                "The stack's user pool, or one of its groups, is not there.",
                fix="Deploy the stack; `bmx plan` tells what is missing.",
            ) from None
        raise PeopleProblem(
            f"Cognito refuses: {code}.",
            fix="Log in as somebody who may manage the pool's people (`aws sso login`, AWS_PROFILE).",
        ) from None
    except BotoCoreError as error:
        raise PeopleProblem(
            f"Cognito does not answer: {type(error).__name__}.",
            fix="Log in (`aws sso login`), or set AWS_PROFILE.",
        ) from None
