"""Passwords: who makes them, and that nothing changes the database, its password or its secret alone."""

import re
from collections.abc import Iterator

from rules.guess import is_guessable
from rules.model import ANY, Area, OnUnknown, Resource, Severity, Stack
from rules.settings import Parameters
from rules.types import (
    CREDENTIALS_TAG,
    DATABASE,
    DATABASE_CLUSTER,
    MANAGED,
    PASSWORD_TEXTS,
    PASSWORDS,
    RANDOM_PASSWORD,
    SECRET,
    SECRET_TEXTS,
    SECRET_VERSION,
)

area = Area("credentials")

_SOURCE_REMEDY = (
    "Let the program make the password (`database.mode: generated`), let RDS own it (`rds-managed`), or read"
    " an existing secret (`existing`)."
)


@area.resource(
    "password-guessable",
    ANY,
    severity=Severity.CRITICAL,
    summary="A password is not a word, a placeholder or a pattern",
    why=(
        "A made-up password, applied once with --target, replaces the real one: every login fails, and"
        " anybody can guess it."
    ),
    remedy=_SOURCE_REMEDY,
)
def password_guessable(resource: Resource, _parameters: Parameters) -> Iterator[str]:
    for path, text in resource.inputs.texts_named(PASSWORD_TEXTS):
        if is_guessable(text):
            yield f"`{path}` can be guessed."


@area.resource(
    "password-too-short",
    ANY,
    severity=Severity.HIGH,
    summary="A password is long enough",
    why="Short passwords are found by trying.",
    remedy="Use a RandomPassword of 32 characters, or let RDS own the password.",
)
def password_too_short(resource: Resource, parameters: Parameters) -> Iterator[str]:
    for path, text in resource.inputs.texts_named(PASSWORD_TEXTS):
        if len(text) < parameters.password_min_length:
            yield f"`{path}` has fewer than {parameters.password_min_length} characters."


@area.stack(
    "database-password-source",
    DATABASE,
    DATABASE_CLUSTER,
    severity=Severity.CRITICAL,
    summary=(
        "The database's password comes from a resource or an existing secret, never from program or"
        " configuration"
    ),
    why=(
        "A literal password is in the repository or in somebody's shell, and it differs from the one in the"
        " secret."
    ),
    remedy=_SOURCE_REMEDY,
)
def database_password_source(database: Resource, stack: Stack, _parameters: Parameters) -> Iterator[str]:
    tags = database.inputs.mapping("tags") if database.inputs.is_known("tags") else {}
    if tags.get(CREDENTIALS_TAG) == "existing":
        return  # read from the secret, which is the source of truth and no resource of the stack
    for name in PASSWORDS[database.type]:
        if not name.endswith("Version") and stack.is_typed(database, name):
            yield f"`{name}` is not computed from any resource that makes a secret."


@area.stack(
    "password-literal",
    ANY,
    severity=Severity.CRITICAL,
    summary="No password of any other resource (a cache, a broker …) stands in program or configuration",
    why="What stands in the repository or in somebody's shell is no secret, however long it is.",
    remedy="Take it from a RandomPassword, or let the service keep one of its own in a secret.",
)
def password_literal(resource: Resource, stack: Stack, _parameters: Parameters) -> Iterator[str]:
    if resource.type in PASSWORDS:
        return  # `database-password-source`
    for path, _text in resource.inputs.texts_named(PASSWORD_TEXTS):
        given = re.split(r"[.\[]", path, maxsplit=1)[0]
        if resource.gives(given) and stack.is_typed(resource, given):
            yield f"`{path}` is not computed from any resource that makes a secret."


@area.stack(
    "password-one-source",
    DATABASE,
    DATABASE_CLUSTER,
    SECRET_VERSION,
    severity=Severity.CRITICAL,
    summary="The database and its secret take the password from the same resource",
    why=(
        "A new random password written to the secret, while the database keeps the old one, locks every"
        " client out."
    ),
    remedy=(
        "Give the database and the secret version the result of one RandomPassword, or set the mode to"
        " `existing`."
    ),
)
def password_one_source(resource: Resource, stack: Stack, _parameters: Parameters) -> Iterator[str]:
    if resource.type != SECRET_VERSION:
        if _passwords(stack, resource, *PASSWORDS[resource.type]) and not any(_database_versions(stack)):
            yield "Its generated password is written to no secret."
        return
    if resource not in _database_versions(stack):
        return
    made = _passwords(stack, resource, *SECRET_TEXTS)
    for database in stack.of(DATABASE, DATABASE_CLUSTER):
        given = any(database.inputs.has(name) for name in PASSWORDS[database.type])
        if given and made != _passwords(stack, database, *PASSWORDS[database.type]):
            yield f"It holds a password that the database `{database.name}` does not get."


def _passwords(stack: Stack, resource: Resource, *properties: str) -> frozenset[str]:
    return frozenset(
        source.urn for source in stack.sources(resource, *properties) if source.type == RANDOM_PASSWORD
    )


def _database_versions(stack: Stack) -> Iterator[Resource]:
    """Versions of the secret that opens the database: its name ends in `/database`."""
    for version in stack.of(SECRET_VERSION):
        for secret in stack.sources(version, "secretId"):
            named = secret.inputs.text("name") if secret.inputs.is_known("name") else None
            if secret.type == SECRET and (named or secret.name).endswith("database"):
                yield version


@area.resource(
    "database-password-guarded",
    DATABASE,
    DATABASE_CLUSTER,
    severity=Severity.CRITICAL,
    summary="The database's password cannot be changed by an update, whichever property sets it",
    why=(
        "Any change of the input, from any cause, would reach the database while the secret keeps the old"
        " password."
    ),
    remedy=(
        "Set ignore_changes for every password property, the write-only ones too, or"
        " manage_master_user_password. Rotate with `bmx credentials rotate`."
    ),
)
def database_password_guarded(database: Resource, _parameters: Parameters) -> Iterator[str]:
    if database.inputs.flag(MANAGED):
        return
    properties = PASSWORDS[database.type]
    # One that is not set yet counts: an update that adds it sets another password.
    missing = [name for name in properties if not database.ignores(name)]
    if missing and any(database.inputs.has(name) for name in properties):
        yield f"{', '.join(f'`{name}`' for name in missing)}: not in ignore_changes."


@area.resource(
    "credentials-protected",
    DATABASE,
    DATABASE_CLUSTER,
    RANDOM_PASSWORD,
    SECRET,
    SECRET_VERSION,
    severity=Severity.CRITICAL,
    summary="Database, password, secret and its versions are protected",
    why="Replacing any one of the three parts of a login breaks it, and a deleted database is gone.",
    remedy=(
        "Set protect=True. To retire one on purpose: `pulumi state unprotect URN`, in a change of its own."
    ),
)
def credentials_protected(resource: Resource, _parameters: Parameters) -> Iterator[str]:
    if not resource.protect:
        yield "`protect` is not set."


@area.resource(
    "random-password-strength",
    RANDOM_PASSWORD,
    severity=Severity.HIGH,
    summary="Generated passwords are long",
    why="Length is what makes a generated password strong.",
    remedy="Set length=32. The length of an existing one cannot be changed without replacing it.",
    on_unknown=OnUnknown.BLOCK,
)
def random_password_strength(password: Resource, parameters: Parameters) -> Iterator[str]:
    length = password.inputs.number("length")
    if length is None or length < parameters.generated_password_min_length:
        yield f"`length` is below {parameters.generated_password_min_length}."


@area.resource(
    "random-password-keepers",
    RANDOM_PASSWORD,
    severity=Severity.HIGH,
    summary="A generated password has no keepers",
    why="Keepers make a new password whenever one of them changes, unasked.",
    remedy="Remove keepers; rotate with `bmx credentials rotate`.",
)
def random_password_keepers(password: Resource, _parameters: Parameters) -> Iterator[str]:
    if password.inputs.has("keepers"):
        yield "`keepers` is set."
