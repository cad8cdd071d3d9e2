"""Editing a stack's state: with a backup first, and taken back unless the next preview is as it should be.

Secrets are decrypted in this process's memory and on its way to the engine only; the backup keeps them
encrypted.
"""

import json
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.files import write_atomic
from operations.target import Target
from workers.contracts.problem import Problem

State = dict[str, Any]
Resource = dict[str, Any]

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - how the engine marks secrets


def load(target: Target) -> State:
    """The state with its secrets in the clear."""
    return _export(target, "--show-secrets")


def resources(state: State) -> list[Resource]:
    """Everything in a state, parents first."""
    return list(state["deployment"].get("resources") or [])


def find(state: State, kind: str, name: str) -> Resource | None:
    """The stack's one resource of a kind with a name."""
    return next(
        (one for one in resources(state) if one["type"] == kind and one["urn"].endswith(f"::{name}")), None
    )


def label(resource: Resource) -> str:
    """`type name`, for messages."""
    return f"{resource['type']} {resource['urn'].rsplit('::', 1)[-1]}"


def remove(state: State, gone: Collection[str]) -> None:
    """Forget resources, by URN, without deleting what they stand for."""
    kept = [one for one in resources(state) if one["urn"] not in gone]
    for one in kept:
        if isinstance(one.get("dependencies"), list):
            one["dependencies"] = [urn for urn in one["dependencies"] if urn not in gone]
        of_properties = one.get("propertyDependencies") or {}
        for name, urns in of_properties.items():
            of_properties[name] = [urn for urn in urns or [] if urn not in gone]
    state["deployment"]["resources"] = kept


def secret(value: object) -> dict[str, str]:
    """A value as a secret of a state that is imported."""
    return {_SIGNATURE: _SECRET, "plaintext": json.dumps(value)}


def reveal(value: object) -> object:
    """What a secret of a loaded state holds; other values as they are."""
    if isinstance(value, dict) and value.get(_SIGNATURE) == _SECRET:
        return json.loads(value["plaintext"])
    return value


@dataclass(frozen=True)
class Edited:
    """What is or would be different, a line each; `backup` is the state before, where there was an edit."""

    edits: tuple[str, ...]
    backup: Path | None = None


@dataclass(frozen=True)
class Backup:
    """A state as it was, its secrets encrypted."""

    target: Target
    file: Path

    def restore(self) -> None:
        """Make it the state again."""
        _import(self.target, self.file.read_text(encoding="utf-8"))


@contextmanager
def edit(target: Target, check: Callable[[], None]) -> Iterator[tuple[State, Backup]]:
    """Change the state that the body gets; the engine takes it, then `check` has to pass.

    Whatever fails, the state is the one before.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    file = target.records / "backups" / f"{target.stack}-{stamp}-{time.time_ns() % 10**6:06d}.json"
    write_atomic(file, json.dumps(_export(target)), mode=0o600)
    backup = Backup(target, file)
    state = load(target)
    yield state, backup
    try:
        _import(target, json.dumps(state))
        check()
    except BaseException:
        backup.restore()
        raise


def _export(target: Target, *flags: str) -> State:
    done = target.run("stack", "export", *flags)
    try:
        state: State = json.loads(done.stdout)
    except ValueError:
        raise Problem(
            f"The state of stack {target.stack} cannot be read.",
            why=" ".join(done.stderr.split()),
            fix="Log in to the backend and name a stack that exists.",
        ) from None
    return state


def replace(target: Target, state: State) -> None:
    """Make a loaded and changed state the stack's; for within `edit`'s check, which takes it back."""
    _import(target, json.dumps(state))


def refresh(target: Target, urns: Collection[str]) -> None:
    """Have the provider say what these resources really are."""
    done = target.run(
        "refresh", "--yes", "--skip-preview", *(word for urn in urns for word in ("--target", urn))
    )
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split())
        raise Problem(f"The state of stack {target.stack} could not be read anew.", why=said[-600:])


def _import(target: Target, text: str) -> None:
    done = target.run("stack", "import", stdin=text)
    if done.returncode:
        raise Problem(
            f"The engine did not take the state of stack {target.stack}.", why=" ".join(done.stderr.split())
        )
