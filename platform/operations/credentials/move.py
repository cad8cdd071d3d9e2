"""Changes who owns the database's login, in Pulumi's state and the stack's settings only.

From `generated` to `existing`: the secret goes on as it is, but the program no longer writes it. Every other
move would have to touch the database or the secret, or would leave one of them without an owner; it is
refused, with the way there is.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.tags import CREDENTIALS_TAG
from local.engine.project import Project
from local.files import write_atomic
from operations import changes
from operations.credentials.adopt import INSTANCE, PASSWORD, VERSION, find
from operations.credentials.login import CredentialsProblem, DatabaseAccess
from operations.state import State, edit, load, resources
from operations.target import Target
from workers.contracts.problem import Problem

SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type token
MODES = ("generated", "existing", "rds-managed", "external")

_REFUSED = {
    "generated": "A secret that others wrote would have to be taken over and could be overwritten. Mode "
    "`existing` is as safe: stay with it, `bmx credentials rotate` works there too.",
    "rds-managed": "RDS would make another password at once, before the application knows the new secret. "
    "Switch it on at RDS in a maintenance window (`aws rds modify-db-instance "
    "--manage-master-user-password`), run `bmx config sync`, then import the instance into a new stack.",
    "external": "The instance and its network would belong to no stack. Make the other stack that owns them "
    "first, and let `pulumi state move` carry them over.",
}


@dataclass(frozen=True)
class Moved:
    """What is or would be different; `backup` is the state before."""

    edits: tuple[str, ...]
    backup: Path | None = None


def look(access: DatabaseAccess, mode: str) -> Moved:
    """What a move would do. Raises `Problem` where it is not safe; needs a login that works and no open
    change."""
    if mode not in MODES:
        raise Problem(f"`{mode}` is no mode.", fix=f"Use one of {', '.join(MODES)}.")
    if mode == access.mode:
        return Moved(())
    if (access.mode, mode) != ("generated", "existing"):
        raise CredentialsProblem(
            "unsafe", f"The login is not moved from `{access.mode}` to `{mode}`.", fix=_REFUSED[mode]
        )
    access.verify()
    open_changes = changes.plan(access.target).changes
    if open_changes:
        raise Problem(
            f"Stack {access.target.stack} has {len(open_changes)} changes that are not deployed.",
            why="A move has to be told from them.",
            fix=f"Deploy or undo them first (`bmx plan --stack {access.target.stack}`).",
        )
    edits = _edit(load(access.target))
    return Moved((*edits, f"{settings_file(access.target).name}: bluemoxon:database.mode is `existing`"))


def move(access: DatabaseAccess, mode: str) -> Moved:
    """Do it; state and settings are the old ones again if the next preview showed more than permissions that
    follow the mode, which the next deploy brings."""
    found = look(access, mode)
    if not found.edits:
        return found
    target = access.target
    file = settings_file(target)
    before = file.read_text(encoding="utf-8")

    def check() -> None:
        write_atomic(file, with_mode(before, mode), mode=0o644)
        _settings_changed(target)
        left = [one for one in changes.plan(target).changes if not _follows(one)]
        if left:
            raise Problem(
                "State and settings were put back: with them, the next deploy would change more than "
                "permissions.",
                why=", ".join(f"{one.operation} {one.type} {one.name}" for one in left),
            )

    try:
        with edit(target, check) as (state, backup):
            _edit(state)
    except BaseException:
        write_atomic(file, before, mode=0o644)
        _settings_changed(target)
        raise
    _tag(access, mode)
    return Moved(found.edits, backup.file)


def _follows(change: changes.Change) -> bool:
    return change.operation == "update" and change.type.startswith("aws:iam/")


def settings_file(target: Target) -> Path:
    """Of the stack, in the checkout."""
    return target.paths.repo / f"Pulumi.{target.stack}.yaml"


def with_mode(text: str, mode: str) -> str:
    """Settings with another `mode` of the database; all else, comments included, stays."""
    pattern = re.compile(r"(^ {2}bluemoxon:database:[^\n]*\n(?: {4,}[^\n]*\n)*? {4}mode: *)([\w-]+)", re.M)
    changed, count = pattern.subn(lambda found: found[1] + mode, text)
    if count != 1:
        raise Problem(
            "The settings have no `mode` of the database in the usual place.",
            fix="Write `bluemoxon:database:` and below it `mode: …`, a line each.",
        )
    return changed


def _settings_changed(target: Target) -> None:
    """The engine of an emulated stack reads a copy."""
    if target.emulator is not None:
        Project(target.paths.repo, target.folder, target.stack).write()


def _edit(state: State) -> list[str]:
    """Forget who made the secret, without deleting anything; what is forgotten."""
    gone = [one for one in (find(state, kind) for kind in (VERSION, SECRET, PASSWORD)) if one is not None]
    urns = {str(one["urn"]) for one in gone}
    kept = [one for one in resources(state) if one["urn"] not in urns]
    for one in kept:
        _forget(one, urns.__contains__)
    state["deployment"]["resources"] = kept
    instance = find(state, INSTANCE) or {}
    for side in ("inputs", "outputs"):
        for name in ("tags", "tagsAll"):
            tags = instance.get(side, {}).get(name) or {}
            if CREDENTIALS_TAG in tags:
                tags[CREDENTIALS_TAG] = "existing"
    return [f"{one['type']} {one['urn'].rsplit('::', 1)[-1]} is no longer the program's" for one in gone]


def _forget(resource: dict[str, object], gone: Callable[[str], bool]) -> None:
    dependencies = resource.get("dependencies")
    if isinstance(dependencies, list):
        resource["dependencies"] = [urn for urn in dependencies if not gone(urn)]
    of_properties = resource.get("propertyDependencies")
    if isinstance(of_properties, dict):
        resource["propertyDependencies"] = {
            name: [urn for urn in urns or [] if not gone(urn)] for name, urns in of_properties.items()
        }


def _tag(access: DatabaseAccess, mode: str) -> None:
    """The instance's tag with the mode, which the state has already; an emulator keeps tags there only."""
    if access.target.emulator is not None or access.instance is None:
        return
    rds = access.target.client("rds")
    found = rds.describe_db_instances(DBInstanceIdentifier=access.instance)["DBInstances"][0]
    rds.add_tags_to_resource(
        ResourceName=found["DBInstanceArn"], Tags=[{"Key": CREDENTIALS_TAG, "Value": mode}]
    )
