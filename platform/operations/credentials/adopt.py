"""Takes the password that database and secret agree on into Pulumi's state, touching neither of them.

After a rotation, or when others changed the password, the state still has the old one. Nothing would apply
it, because the program ignores changes of it; but a state that tells the truth is the better guard.
"""

from typing import Any

from operations import changes
from operations.credentials.login import DatabaseAccess, Login
from operations.state import Edited, Resource, State, edit, find, label, load, reveal, secret
from operations.target import Target
from workers.contracts.problem import Problem

INSTANCE = "aws:rds/instance:Instance"
PASSWORD = "random:index/randomPassword:RandomPassword"  # noqa: S105 - a type token
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
NAME = "database"
"""Of the three in the program."""


def look(access: DatabaseAccess) -> Edited:
    """What an adoption would edit. Raises `Problem` unless the secret opens the database."""
    access.verify()
    return Edited(tuple(_edit(access, load(access.target), access.read())))


def adopt(access: DatabaseAccess) -> Edited:
    """Edit the state; it is the old one again if the next preview showed another change than before."""
    found = look(access)
    if not found.edits:
        return found
    before = _planned(access.target)

    def check() -> None:
        after = _planned(access.target)
        if after != before:
            raise Problem(
                "The state was put back: with it, the next preview would show another change.",
                why=", ".join(sorted(after ^ before)),
                fix="Deploy what is open first, then adopt.",
            )

    with edit(access.target, check) as (state, backup):
        _edit(access, state, access.read())
    return Edited(found.edits, backup.file)


def _planned(target: Target) -> set[str]:
    return {f"{one.operation} {one.type} {one.name}" for one in changes.plan(target).changes}


def _edit(access: DatabaseAccess, state: State, login: Login) -> list[str]:
    """Put a login into a state; what was different."""
    if access.mode not in {"generated", "existing"}:
        raise Problem(
            f"In mode `{access.mode}` Pulumi's state has no password.",
            why="Nothing of this stack writes it.",
            fix="There is nothing to adopt; `bmx credentials verify` says whether the login works.",
        )
    instance = find(state, INSTANCE, NAME)
    if instance is None:
        raise Problem(
            "Pulumi's state does not have the database yet.",
            why="Its password is a property of it.",
            fix="Bring back the state that had it (its bucket keeps versions). A database that no state had "
            "is taken over from mode `external` by `bmx credentials move`.",
        )
    edits = []
    wanted: list[tuple[Resource | None, dict[str, Any]]] = [(instance, {"password": login.password})]
    if access.mode == "generated":
        wanted.append((find(state, PASSWORD, NAME), {"result": login.password}))
    for resource, values in wanted:
        if resource is not None and _put(resource, values):
            edits.append(label(resource))
    version = find(state, VERSION, NAME) if access.mode == "generated" else None
    if version is not None and _put_version(version, access, login):
        edits.append(label(version))
    return edits


def _put(resource: Resource, values: dict[str, Any]) -> bool:
    """Set secret properties where the resource has them; whether one was different."""
    changed = False
    for side in ("inputs", "outputs"):
        properties = resource.get(side) or {}
        for name, value in values.items():
            if name in properties and reveal(properties[name]) != value:
                properties[name] = secret(value)
                changed = True
    if changed and "bcryptHash" in (resource.get("outputs") or {}):
        resource["outputs"]["bcryptHash"] = secret("")  # of another password now; nothing reads it
    return changed


def _put_version(version: Resource, access: DatabaseAccess, login: Login) -> bool:
    """Make the state's version of the secret the current one, which AWS keeps."""
    identity = f"{access.secret_arn}|{login.version}"
    if version.get("id") == identity:
        return False
    text = access.text()
    _put(version, {"secretString": text})
    version["id"] = identity
    outputs = version["outputs"]
    outputs["versionId"] = login.version
    outputs["id"] = identity
    if "versionStages" in outputs:
        outputs["versionStages"] = access.stages(login.version)
    return True
