"""A process that dies in front of its n-th effect, and the world going on without it.

An effect is what others can see: a commit that wrote something, and a call that changes bucket or queue.
After death the process does nothing more: every further call and commit dies too, and PostgreSQL sees its
connection gone, as after a `kill -9` or when Lambda stops a function at its timeout.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import botocore.client
import psycopg
import pytest

_WRITES = ("Put", "Copy", "Delete", "Send", "Change")


class Killed(BaseException):
    """Nothing in the code catches it, as nothing catches a signal that cannot be caught."""


@dataclass
class Process:
    """Counts effects, and dies in front of number `dies_at`, counted from 0."""

    dies_at: int | None = None
    effects: list[str] = field(default_factory=list)
    dead: bool = False

    def effect(self, name: str) -> None:
        """One is about to happen."""
        if not self.dead and len(self.effects) == self.dies_at:
            self.dead = True
            self.died_before = name
        if self.dead:
            raise Killed(name)
        self.effects.append(name)

    died_before: str = ""


@contextmanager
def watched(process: Process, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    """Everything that this Python does to AWS and PostgreSQL meanwhile is the process's."""
    call: Callable[..., Any] = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]
    commit = psycopg.Connection.commit

    def watched_call(client: Any, operation: str, parameters: Any) -> Any:
        if operation.startswith(_WRITES):
            process.effect(operation)
        elif process.dead:
            raise Killed(operation)
        return call(client, operation, parameters)

    def watched_commit(connection: psycopg.Connection[Any]) -> None:
        wrote = connection.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL").fetchone()
        if wrote and wrote[0]:
            try:
                process.effect("commit")
            except Killed:
                connection.close()
                raise
        commit(connection)

    with monkeypatch.context() as patch:
        patch.setattr(botocore.client.BaseClient, "_make_api_call", watched_call)
        patch.setattr(psycopg.Connection, "commit", watched_commit)
        yield process
