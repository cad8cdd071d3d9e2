"""A new password for database and secret, with an overlap in which both ways of logging in are known.

1. The new password is written to the secret in stage AWSPENDING; the application still uses AWSCURRENT.
2. The database takes it. From here the old password is refused, and the application, refused, reads
   AWSPENDING (app/chalicelib/db/session.py). Open connections stay.
3. The new login is tried.
4. AWSCURRENT moves to the new version.

A fault in step 2 or 3 puts the old password back. What a killed rotation left is finished by the next one.
Pulumi's state then follows by `adopt`.
"""

import json
import secrets
import string
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from operations.credentials.instance import RdsInstance
from operations.credentials.login import (
    CURRENT,
    PENDING,
    CredentialsProblem,
    DatabaseAccess,
    Login,
    Verified,
)
from operations.credentials.settings import mode_of

if TYPE_CHECKING:
    import psycopg

Say = Callable[[str], None]

STEPS = (
    "write a new password to the secret, stage AWSPENDING",
    "set it in the database (ALTER ROLE, as a SCRAM verifier: the server never sees the text)",
    "log in with it",
    "move AWSCURRENT to it",
)


def check(access: DatabaseAccess) -> Verified:
    """Whether a rotation could start: the login works, and the database is ours to change."""
    if access.mode == "external":
        raise CredentialsProblem(
            "not_ours",
            f"The database {access.where} is managed elsewhere.",
            why="In mode `external` others own its login, and others may use it.",
            fix="Rotate it where it is managed; the application reads the secret anew when it is refused.",
        )
    if access.mode == "rds-managed":
        raise CredentialsProblem(
            "not_ours",
            "RDS owns this login and rotates it by itself.",
            fix=f"`aws rds modify-db-instance --db-instance-identifier {access.instance} "
            "--rotate-master-user-password --apply-immediately` rotates it now.",
        )
    # What is deployed says nothing of a move that was made since.
    if access.instance and RdsInstance(access.target, access.instance).owns_login():
        raise CredentialsProblem(
            "not_ours",
            "RDS owns this login, although the stack's mode is another.",
            why="A move to or from `rds-managed` is not at its end: RDS would not know the new password.",
            fix="Deploy stack and application, then the same `bmx credentials move` once more.",
        )
    if access.target.command and (configured := mode_of(access.target)) != access.mode:
        raise CredentialsProblem(
            "not_deployed",
            f"The settings say mode `{configured}`, what is deployed `{access.mode}`.",
            why="A rotation changes what the application is deployed with.",
            fix=f"Deploy stack {access.target.stack} first.",
        )
    pending = unfinished(access)
    if pending is not None and _works(access, pending):
        return access.verify(PENDING)
    return access.verify()


def rotate(access: DatabaseAccess, say: Say = lambda _text: None) -> Verified:
    """Change both; the login that works afterwards. Nothing is different after a `CredentialsProblem`."""
    check(access)
    current, pending = access.read(), unfinished(access)
    if pending is not None and _works(access, pending):
        say("Finishing a rotation that was interrupted")
        _promote(access, current, pending)
        return access.verify()
    if pending is None:
        pending = _write_pending(access, current)
        say("The new password is in the secret, stage AWSPENDING")
    with access.connect(current) as connection:
        try:
            set_password(connection, pending)
            say("The database has taken it")
            access.verify(PENDING)
            say("The new login works")
        except BaseException:
            # The old login is still open here, whatever the password is now.
            set_password(connection, current)
            drop_stage(access, PENDING, pending.version)
            raise
    # Not undone where it fails: the application gets in with AWSPENDING, and the next rotation goes on.
    _promote(access, current, pending)
    say("AWSCURRENT is the new password")
    return access.verify()


def new_password() -> str:
    """As the program generates it: every kind of character that RDS takes."""
    from infra.credentials import PASSWORD_LENGTH, SPECIAL_CHARACTERS

    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, SPECIAL_CHARACTERS)
    drawn = [secrets.choice(kind) for kind in kinds]
    drawn += [secrets.choice("".join(kinds)) for _ in range(PASSWORD_LENGTH - len(drawn))]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)


def unfinished(access: DatabaseAccess) -> Login | None:
    """What an unfinished rotation left; after a finished one AWSPENDING is on the current version."""
    try:
        pending = access.read(PENDING)
    except CredentialsProblem as problem:
        if problem.code in {"secret_missing", "secret_malformed"}:
            return None
        raise
    current = access.read()
    # Another user's is the overlap of a move to RDS. The same password under another version is a finished
    # rotation whose value was written once more by hand: to finish that would change nothing.
    own = pending.version != current.version and pending.username == current.username
    return pending if own and pending.password != current.password else None


def _works(access: DatabaseAccess, login: Login) -> bool:
    try:
        access.connect(login).close()
    except CredentialsProblem as problem:
        if problem.code == "login_refused":
            return False
        raise
    return True


def _write_pending(access: DatabaseAccess, current: Login) -> Login:
    password = new_password()
    fields = {**current.fields, "password": password}
    drop_stage(access, PENDING)
    reply: dict[str, Any] = _secrets(access).put_secret_value(
        SecretId=access.secret_arn,
        ClientRequestToken=str(uuid.uuid4()),
        SecretString=json.dumps(fields),
        VersionStages=[PENDING],
    )
    return replace(current, password=password, version=str(reply["VersionId"]), fields=fields)


def _promote(access: DatabaseAccess, current: Login, pending: Login) -> None:
    """AWSPENDING stays on the version, as with AWS's own rotation functions: who asks for it in this very
    moment finds it."""
    _secrets(access).update_secret_version_stage(
        SecretId=access.secret_arn,
        VersionStage=CURRENT,
        MoveToVersionId=pending.version,
        RemoveFromVersionId=current.version,
    )


def drop_stage(access: DatabaseAccess, stage: str, version: str | None = None) -> None:
    """Take a stage from a version, where that has it; from whichever has it, if none is named."""
    from botocore.exceptions import ClientError

    client = _secrets(access)
    versions = client.describe_secret(SecretId=access.secret_arn).get("VersionIdsToStages") or {}
    for holder in [one for one, stages in versions.items() if stage in stages and version in (None, one)]:
        try:
            client.update_secret_version_stage(
                SecretId=access.secret_arn, VersionStage=stage, RemoveFromVersionId=holder
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise CredentialsProblem(
                "secret_unwritable", f"The stage {stage} of the secret cannot be removed: {code}."
            ) from None


def set_password(connection: "psycopg.Connection[tuple[Any, ...]]", login: Login) -> None:
    """Give a role its password as a verifier: the server never sees the text."""
    from psycopg import sql

    verifier = connection.pgconn.encrypt_password(
        login.password.encode(), login.username.encode(), b"scram-sha-256"
    )
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(
            sql.Identifier(login.username), sql.Literal(verifier.decode())
        )
    )


def _secrets(access: DatabaseAccess) -> Any:
    return access.target.client("secretsmanager")
