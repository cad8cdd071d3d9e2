"""Passwords and secrets: who makes them, where they may stand, and that nothing changes one of them alone."""

import json
from collections.abc import Iterable, Iterator, Mapping

from rules.guess import credential_in, is_guessable
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
    for name in PASSWORD_TEXTS:
        if resource.inputs.has(name):
            text = resource.inputs.text(name)
            if text is not None and is_guessable(text):
                yield f"`{name}` can be guessed."


@area.resource(
    "password-too-short",
    ANY,
    severity=Severity.HIGH,
    summary="A password is long enough",
    why="Short passwords are found by trying.",
    remedy="Use a RandomPassword of 32 characters, or let RDS own the password.",
)
def password_too_short(resource: Resource, parameters: Parameters) -> Iterator[str]:
    for name in PASSWORD_TEXTS:
        if resource.inputs.has(name):
            text = resource.inputs.text(name)
            if text is not None and len(text) < parameters.password_min_length:
                yield f"`{name}` has fewer than {parameters.password_min_length} characters."


@area.stack(
    "database-password-source",
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
def database_password_source(stack: Stack, _parameters: Parameters) -> Iterator[tuple[Resource, str]]:
    for database in stack.of(DATABASE, DATABASE_CLUSTER):
        if database.inputs.mapping("tags").get(CREDENTIALS_TAG) == "existing":
            continue  # read from the secret, which is the source of truth and no resource of the stack
        for name in PASSWORDS[database.type]:
            # A literal is known; the stack view also holds outputs, of which some are not.
            if name.endswith("Version") or not database.inputs.is_known(name):
                continue
            if not stack.sources(database, name):
                yield database, f"`{name}` is not computed from any resource of the stack."


@area.stack(
    "password-one-source",
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
def password_one_source(stack: Stack, _parameters: Parameters) -> Iterator[tuple[Resource, str]]:
    databases = [
        database
        for database in stack.of(DATABASE, DATABASE_CLUSTER)
        if any(database.inputs.has(name) for name in PASSWORDS[database.type])
    ]
    if not databases:
        return
    versions = {version: _passwords(stack, version, *SECRET_TEXTS) for version in _database_versions(stack)}
    for database in databases:
        own = _passwords(stack, database, *PASSWORDS[database.type])
        for version, made in versions.items():
            if made != own:
                yield version, f"It holds a password that the database `{database.name}` does not get."
        if own and not versions:
            yield database, "Its generated password is written to no secret."


def _passwords(stack: Stack, resource: Resource, *properties: str) -> frozenset[str]:
    return frozenset(
        source.urn for source in stack.sources(resource, *properties) if source.type == RANDOM_PASSWORD
    )


def _database_versions(stack: Stack) -> Iterator[Resource]:
    """Versions of the secret that opens the database: its name ends in `/database`."""
    for version in stack.of(SECRET_VERSION):
        for secret in stack.sources(version, "secretId"):
            if secret.type == SECRET and (secret.inputs.text("name") or secret.name).endswith("database"):
                yield version


@area.resource(
    "database-password-guarded",
    DATABASE,
    DATABASE_CLUSTER,
    severity=Severity.CRITICAL,
    summary="The database's password cannot be changed by an update",
    why=(
        "Any change of the input, from any cause, would reach the database while the secret keeps the old"
        " password."
    ),
    remedy=(
        "Set ignore_changes for the password property, or manage_master_user_password. Rotate with `bmx"
        " credentials rotate`."
    ),
)
def database_password_guarded(database: Resource, _parameters: Parameters) -> Iterator[str]:
    if database.inputs.flag(MANAGED):
        return
    for name in PASSWORDS[database.type]:
        if database.inputs.has(name) and not database.ignores(name):
            yield f"`{name}` is not in ignore_changes."


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
    "secret-version-guarded",
    SECRET_VERSION,
    severity=Severity.CRITICAL,
    summary="A secret's value cannot be changed by an update",
    why="The secret is changed by rotation; a later update would write the first value back.",
    remedy="Set ignore_changes=['secret_string'] on the secret version.",
)
def secret_version_guarded(version: Resource, _parameters: Parameters) -> Iterator[str]:
    for name in SECRET_TEXTS:
        if version.inputs.has(name) and not version.ignores(name):
            yield f"`{name}` is not in ignore_changes."


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


@area.resource(
    "secret-recovery-window",
    SECRET,
    severity=Severity.HIGH,
    summary="A deleted secret can be restored for a while",
    why="Without a recovery window a deletion cannot be undone.",
    remedy="Leave recovery_window_in_days out (30 days), or set 7 to 30.",
    on_unknown=OnUnknown.BLOCK,
)
def secret_recovery_window(secret: Resource, parameters: Parameters) -> Iterator[str]:
    days = secret.inputs.number("recoveryWindowInDays")
    if days is not None and days < parameters.secret_recovery_days:
        yield f"`recoveryWindowInDays` is below {parameters.secret_recovery_days}."
    if secret.inputs.flag("forceOverwriteReplicaSecret"):
        yield "`forceOverwriteReplicaSecret` overwrites a secret of another region."


@area.resource(
    "secret-not-empty",
    SECRET_VERSION,
    severity=Severity.CRITICAL,
    summary="A secret holds something",
    why="An empty API key or password is answered with 401s that nobody can explain.",
    remedy="Generate the value with a RandomPassword, or set it by hand before the version is made.",
)
def secret_not_empty(version: Resource, _parameters: Parameters) -> Iterator[str]:
    if not any(version.inputs.has(name) for name in (*SECRET_TEXTS, "secretStringWoVersion")):
        yield "It has no value."
    text = version.inputs.text("secretString") if version.inputs.has("secretString") else None
    if text is None:
        return
    if not text.strip():
        yield "`secretString` is empty."
    for key, value in _fields(text):
        if isinstance(value, str) and not value.strip():
            yield f"Its field `{key}` is empty."


@area.resource(
    "secret-guessable",
    SECRET_VERSION,
    severity=Severity.CRITICAL,
    summary="A secret is not a placeholder",
    why="A placeholder that was to be replaced later opens the door until then, and breaks logins.",
    remedy="Generate the value with a RandomPassword.",
)
def secret_guessable(version: Resource, _parameters: Parameters) -> Iterator[str]:
    text = version.inputs.text("secretString") if version.inputs.has("secretString") else None
    if not text:
        return
    fields = dict(_fields(text))
    for key in ("password", "current", "previous", "api_key", "token", "secret"):
        value = fields.get(key)
        if isinstance(value, str) and value.strip() and is_guessable(value):
            yield f"Its field `{key}` can be guessed."
    if not fields and text.strip() and is_guessable(text):
        yield "`secretString` can be guessed."


def _fields(text: str) -> Iterable[tuple[str, object]]:
    try:
        document = json.loads(text)
    except ValueError:
        return ()
    return document.items() if isinstance(document, Mapping) else ()


@area.resource(
    "credential-in-the-open",
    ANY,
    severity=Severity.CRITICAL,
    summary="No credential stands in a property that is not secret",
    why="Tags, descriptions, user data and environment variables are shown in consoles and logs.",
    remedy="Put it into Secrets Manager and name the secret's ARN.",
)
def credential_in_the_open(resource: Resource, _parameters: Parameters) -> Iterator[str]:
    hidden = {*SECRET_TEXTS, *PASSWORD_TEXTS}
    for path, text in resource.inputs.known_texts():
        if path.split(".", 1)[0] in hidden:
            continue
        kind = credential_in(text)
        if kind:
            yield f"`{path}` holds {kind}."
