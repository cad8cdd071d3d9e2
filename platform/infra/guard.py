"""Keeps a database and its secret in agreement, and what holds data from being lost, whatever flags an update
is run with.

`protect` refuses deletes and replacements, `ignore_changes` keeps a new value from reaching a resource that
has one, and the hooks here refuse what would still get through after someone took one of these away. They run
at preview and at up.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from infra.tags import CREDENTIALS_TAG
from workers.contracts import Problem

INSTANCE_TYPE = "aws:rds/instance:Instance"
SECRET_TYPE = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type token

_LOGIN_PROPERTIES = ("username", "password", "passwordWo", "passwordWoVersion", "manageMasterUserPassword")
_RETIRE = (
    "Undo it. If it is meant: take a copy, take its guard away in a change of its own, and remove it in"
    " the next."
)
_LOGIN_LOST = "With it, the only password that others know would be lost."
_LOSSES = {
    INSTANCE_TYPE: ("With it, the database and everything in it would be lost.", _RETIRE),
    "aws:s3/bucket:Bucket": ("With it, the only copies of the photos would be lost.", _RETIRE),
    "aws:cognito/userPool:UserPool": ("With it, everybody's account would be lost.", _RETIRE),
}
_FIX = "Undo it. `bmx credentials rotate` changes a password, `bmx credentials move --to MODE` the mode."


class Guard:
    """The hooks of one run of the program, to be made inside it and passed to what they guard."""

    def __init__(self) -> None:
        always = pulumi.ResourceHookOptions(on_dry_run=True)
        self._update = pulumi.ResourceHook("refuse-password-change", refuse_password_change, always)
        self._delete = pulumi.ResourceHook("refuse-credentials-loss", refuse_loss, always)

    def options(
        self,
        parent: pulumi.Resource,
        *,
        ignore_changes: Sequence[str],
        delete_before_replace: bool | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> pulumi.ResourceOptions:
        """Options of a guarded resource: protected, hooked, with the properties that it keeps for ever."""
        return self._options(
            parent,
            ignore_changes,
            [self._update],
            delete_before_replace=delete_before_replace,
            depends_on=depends_on,
        )

    def kept(self, parent: pulumi.Resource, *, ignore_changes: Sequence[str] = ()) -> pulumi.ResourceOptions:
        """Options of what may change and never go: protected, and hooked against its deletion.

        The engine lets a resource be unprotected and replaced in one update; the old one's hook does not.
        """
        return self._options(parent, ignore_changes, [])

    def _options(
        self,
        parent: pulumi.Resource,
        ignore_changes: Sequence[str],
        before_update: Sequence[pulumi.ResourceHook],
        *,
        delete_before_replace: bool | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=parent,
            protect=True,
            ignore_changes=list(ignore_changes),
            delete_before_replace=delete_before_replace,
            depends_on=list(depends_on),
            hooks=pulumi.ResourceHookBinding(before_update=list(before_update), before_delete=[self._delete]),
        )


async def refuse_password_change(args: pulumi.ResourceHookArgs) -> None:
    """Hook before an update: raises `Problem` when the update would change a login or a secret's value.

    Of the instance, the properties of the login count, and the tag with the mode of its credentials; of a
    secret, its name and key; of a generated password and a secret's version, every property does.
    """
    old, new = await _plain(args.old_inputs), await _plain(args.new_inputs)
    if args.type == INSTANCE_TYPE:
        old, new = _login(old), _login(new)
    elif args.type == SECRET_TYPE:
        old, new = _identity(old), _identity(new)
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    if changed:
        raise Problem(
            f"`{args.name}` is not changed: {', '.join(changed)} would be.",
            why="The database and its secret would disagree, and the application could not log in any more.",
            fix=_FIX,
        )


def refuse_loss(args: pulumi.ResourceHookArgs) -> None:
    """Hook before a delete, also the one of a replacement: raises `Problem`, always."""
    why, fix = _LOSSES.get(args.type, (_LOGIN_LOST, _FIX))
    raise Problem(f"`{args.name}` is not deleted.", why=why, fix=fix)


def _login(inputs: Mapping[str, Any]) -> dict[str, Any]:
    login = {key: inputs[key] for key in _LOGIN_PROPERTIES if key in inputs}
    tags = inputs.get("tags") or {}
    login["credentials mode"] = tags.get(CREDENTIALS_TAG) if isinstance(tags, Mapping) else tags
    return login


def _identity(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: inputs[key] for key in ("name", "namePrefix", "kmsKeyId") if key in inputs}


async def _plain(inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Inputs with secrets opened, for comparing only. An unknown value equals nothing, so it is refused."""
    return {key: await _open(value) for key, value in (inputs or {}).items() if not key.startswith("__")}


async def _open(value: object) -> object:
    if isinstance(value, pulumi.Output):
        return await value.future() if await value.is_known() else object()
    return value
