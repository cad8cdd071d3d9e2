"""Handing a login to RDS and taking it back, with no login refused meanwhile.

To RDS: it makes a new password at once, and nobody knows that one before. So the application gets a second
way in first: a role of its own for the overlap, in the secret's stage AWSPENDING, which the application tries
when AWSCURRENT is refused. When RDS's password is there, it becomes AWSCURRENT of the old secret, too.

From RDS: RDS deletes its secret when it lets go. So the login is copied into a secret of the stack, and RDS
lets go when nothing reads its secret any more.
"""

import datetime
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from infra.naming import Deployment
from operations.credentials import rotate
from operations.credentials.instance import RdsInstance, RdsRefused
from operations.credentials.login import PENDING, CredentialsProblem, DatabaseAccess, Login
from operations.credentials.rotate import Say

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

TO_RDS = (
    "make a role for the overlap in the database, with the rights on everything that is there, and write its "
    "login to the secret, stage AWSPENDING",
    "have RDS make a new password and own it (--manage-master-user-password)",
    "write RDS's password to the secret in use, too: the application goes on with it until it is deployed",
    "close the overlap's role to new logins, and drop it when its connections are gone",
)
FROM_RDS = "copy the login from RDS's secret into {secret}"
RELEASE = "have RDS let go of the login: the password stays the one it is, RDS's secret is deleted"

SETTLE_SECONDS = 6.0
"""Longer than an application that has just read the overlap's login takes to log in with it."""
ROTATION_MARGIN = datetime.timedelta(hours=24)
"""RDS must not rotate between the copy and the application's deployment."""


def usual_secret(access: DatabaseAccess) -> str:
    """The name of the stack's own secret."""
    return Deployment(access.target.stack, "", "").database_secret()


def to_rds(access: DatabaseAccess, instance: RdsInstance, say: Say) -> DatabaseAccess:
    """Hand the login over; the access with RDS's secret. Interrupted, it goes on when it is called again."""
    current = access.read()
    if not instance.owns_login():
        asked = False
        try:
            _open_overlap(access, current, say)
            asked = True
            managed = instance.manage()
        except BaseException as error:
            # Once asked, RDS may go on by itself: the overlap stays, for the application until this goes on.
            if not asked or (isinstance(error, RdsRefused) and not instance.owns_login()):
                _undo_overlap(access)
            raise
        say("RDS has made a new password and owns it")
    else:
        managed = instance.manage()
    theirs = replace(access, secret_arn=managed)
    theirs.verify()
    login = theirs.read()
    if access.read().password != login.password:
        _put(access, {**current.fields, "username": login.username, "password": login.password})
        say("The secret in use has it, too")
    time.sleep(SETTLE_SECONDS)
    close_overlap(theirs, say)
    return theirs


def check_copy(access: DatabaseAccess) -> None:
    """Raise `Problem` where RDS would soon make the copy of its password useless."""
    found = _secrets(access).describe_secret(SecretId=access.secret_arn)
    due = found.get("NextRotationDate")
    if due is not None and due - datetime.datetime.now(due.tzinfo) < ROTATION_MARGIN:
        raise CredentialsProblem(
            "rotation_due",
            f"RDS rotates the password at {due:%Y-%m-%d %H:%M}.",
            why="The stack's copy of it would be wrong before the application is deployed with it.",
            fix="Have it rotated now (`aws rds modify-db-instance --rotate-master-user-password "
            "--apply-immediately`), then run this again.",
        )


def from_rds(access: DatabaseAccess, say: Say) -> DatabaseAccess:
    """Copy the login into the stack's own secret; the access with that one."""
    login, name = access.read(), usual_secret(access)
    client = _secrets(access)
    fields = {
        "engine": "postgres",
        "host": access.host,
        "port": access.port,
        "dbname": access.name,
        "dbInstanceIdentifier": access.instance,
        "username": login.username,
        "password": login.password,
    }
    found = described(access, name)
    if found is None:
        arn = str(client.create_secret(Name=name, SecretString=json.dumps(fields))["ARN"])
    elif found.get("DeletedDate"):
        raise CredentialsProblem(
            "secret_deleted",
            f"The secret {name} is about to be deleted.",
            why="The login would be gone with it.",
            fix=f"Bring it back (`aws secretsmanager restore-secret --secret-id {name}`), then move.",
        )
    else:
        arn = str(found["ARN"])
        _put(replace(access, secret_arn=arn), fields)
    say(f"The login is in {name}")
    return replace(access, secret_arn=arn)


def release(access: DatabaseAccess, instance: RdsInstance, say: Say) -> None:
    """Have RDS let go, after the application is deployed with the stack's own secret. The password stays."""
    if not instance.owns_login():
        return
    theirs, login = replace(access, secret_arn=usable_secret(instance)), access.read()
    if theirs.read().password != login.password:
        try:
            theirs.verify()
        except CredentialsProblem as problem:
            if problem.code != "login_refused":
                raise
            access.verify()
            say("The password was changed beside RDS; the stack's secret has the one that works")
        else:
            login = theirs.read()
            _put(access, {**access.read().fields, "username": login.username, "password": login.password})
            say("RDS has rotated in between; the stack's secret has the new password")
    instance.release(login.password)
    access.verify()
    say("RDS has let go of the login")


def usable_secret(instance: RdsInstance) -> str:
    """The ARN of RDS's secret; raises `CredentialsProblem` while it is none that can be read."""
    managed = instance.managed_secret()
    if managed is None:
        raise CredentialsProblem(
            "rds_busy",
            f"RDS is changing the login of {instance.identifier}.",
            why="Its secret is being made or rotated, or RDS cannot use it.",
            fix="Look at MasterUserSecret (`aws rds describe-db-instances`), then run this again.",
        )
    return managed


def readers(access: DatabaseAccess, arn: str) -> list[str]:
    """The stack's functions whose environment names a secret."""
    pages = access.target.client("lambda").get_paginator("list_functions").paginate()
    return sorted(
        str(function["FunctionName"])
        for page in pages
        for function in page["Functions"]
        if arn in json.dumps((function.get("Environment") or {}).get("Variables") or {})
    )


def overlap_name(username: str) -> str:
    """The role that lets the application in while RDS changes the password."""
    return f"{username[:50]}_overlap"


def has_overlap(access: DatabaseAccess) -> bool:
    """Whether the role of a move to RDS is still there."""
    login = access.read()
    with access.connect(login) as connection:
        return _exists(connection, overlap_name(login.username))


def close_overlap(access: DatabaseAccess, say: Say) -> None:
    """No more logins of the overlap's role; it goes when nobody is logged in with it."""
    from psycopg import sql

    login = access.read()
    name = overlap_name(login.username)
    role = sql.Identifier(name)
    with access.connect(login) as connection:
        if not _exists(connection, name):
            return
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(role))
        row = connection.execute(
            "select count(*) from pg_stat_activity where usename = %s", (name,)
        ).fetchone()
        if row and row[0]:
            # Ended by us, one of them could lose a request. Applications renew connections within minutes.
            say(
                f"{row[0]} connections still use the role {name}, which can log in no more: run this again "
                "later to drop it"
            )
            return
        _give(connection, name, access.name, "REVOKE ALL", "FROM")
        connection.execute(sql.SQL("DROP ROLE {}").format(role))
        say("The overlap's role is dropped")


def _open_overlap(access: DatabaseAccess, current: Login, say: Say) -> None:
    from psycopg import sql

    name, password = overlap_name(current.username), rotate.new_password()
    overlap = Login(name, password, "", {**current.fields, "username": name, "password": password})
    with access.connect(current) as connection:
        if not _exists(connection, name):
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
        rotate.set_password(connection, overlap)
        _give(connection, name, access.name, "GRANT ALL", "TO")
        connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(name)))
    for version in access.holders(PENDING):
        rotate.drop_stage(access, PENDING, version)
    _secrets(access).put_secret_value(
        SecretId=access.secret_arn, SecretString=json.dumps(overlap.fields), VersionStages=[PENDING]
    )
    access.verify(PENDING)
    say("A second login is in the secret, stage AWSPENDING")


def _undo_overlap(access: DatabaseAccess) -> None:
    """The old login still works."""
    for version in access.holders(PENDING):
        rotate.drop_stage(access, PENDING, version)
    close_overlap(access, lambda _text: None)


def _give(connection: "Connection", name: str, database: str, verb: str, preposition: str) -> None:
    """Grant or revoke what the application needs of everything that is in the database now."""
    from psycopg import sql

    role = sql.Identifier(name)
    schemas = [
        str(row[0])
        for row in connection.execute(
            "select nspname from pg_namespace where nspname not like 'pg\\_%' "
            "and nspname <> 'information_schema' and has_schema_privilege(oid, 'USAGE')"
        )
    ]
    parts = [sql.SQL("DATABASE {}").format(sql.Identifier(database))]
    for schema in map(sql.Identifier, schemas):
        parts.append(sql.SQL("SCHEMA {}").format(schema))
        parts.append(sql.SQL("ALL TABLES IN SCHEMA {}").format(schema))
        parts.append(sql.SQL("ALL SEQUENCES IN SCHEMA {}").format(schema))
    for part in parts:
        connection.execute(sql.SQL(f"{verb} ON {{}} {preposition} {{}}").format(part, role))


def _exists(connection: "Connection", name: str) -> bool:
    return connection.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone() is not None


def _put(access: DatabaseAccess, fields: dict[str, Any]) -> None:
    """A new current version. AWSPENDING goes to it in one step: who asks for it just then finds either."""
    client = _secrets(access)
    made = client.put_secret_value(SecretId=access.secret_arn, SecretString=json.dumps(fields))
    for version in access.holders(PENDING):
        client.update_secret_version_stage(
            SecretId=access.secret_arn,
            VersionStage=PENDING,
            MoveToVersionId=made["VersionId"],
            RemoveFromVersionId=version,
        )


def described(access: DatabaseAccess, secret: str) -> dict[str, Any] | None:
    """What Secrets Manager says of a secret; None where there is none."""
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = _secrets(access).describe_secret(SecretId=secret)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
            return None
        raise
    return found


def _secrets(access: DatabaseAccess) -> Any:
    return access.target.client("secretsmanager")
