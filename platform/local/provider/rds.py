"""RDS: an instance is the embedded PostgreSQL; its master password is the one of the master role.

What has no meaning for one local server (classes, storage, windows, networks) is kept in the state and given
back. `port` as well: the server listens on a port of its own, which is the output `port`.
"""
# ruff: noqa: S105

import hashlib
import json
import secrets
from pathlib import Path

from local.ports import HOST, Ports
from local.postgres import PostgresInstance
from local.provider import tags
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.schema import Mismatch
from local.provider.values import Properties, Unknown, Value
from workers.contracts import Problem

DEFAULT_VERSION = "16"

_DEFAULTS: Properties = {
    "allocatedStorage": 20,
    "autoMinorVersionUpgrade": True,
    "backupRetentionPeriod": 0,
    "caCertIdentifier": "rds-ca-rsa2048-g1",
    "copyTagsToSnapshot": False,
    "deletionProtection": False,
    "iamDatabaseAuthenticationEnabled": False,
    "multiAz": False,
    "performanceInsightsEnabled": False,
    "publiclyAccessible": False,
    "skipFinalSnapshot": False,
    "storageEncrypted": False,
    "storageType": "gp2",
}


class Instance(ResourceType):
    """An instance. Its id is its resource id (`db-…`), as since version 6 of the real provider."""

    token = "aws:rds/instance:Instance"
    replace_on = frozenset(
        {"availabilityZone", "characterSetName", "dbName", "engine", "identifier", "identifierPrefix"}
        | {"kmsKeyId", "region", "replicateSourceDb", "snapshotIdentifier", "storageEncrypted", "timezone"}
        | {"username"}
    )
    name_property = "identifier"
    name_prefix_property = "identifierPrefix"
    secret_outputs = frozenset({"password"})
    write_only = frozenset({"passwordWo"})
    unordered = frozenset({"vpcSecurityGroupIds", "enabledCloudwatchLogsExports"})
    computed_inputs = frozenset(
        {"allocatedStorage", "availabilityZone", "backupWindow", "caCertIdentifier", "dbSubnetGroupName"}
        | {"engineVersion", "kmsKeyId", "licenseModel", "maintenanceWindow", "optionGroupName"}
        | {"parameterGroupName", "performanceInsightsKmsKeyId", "port", "storageType"}
        | {"vpcSecurityGroupIds"}
    )

    def validate(self, inputs: Properties) -> list[Mismatch]:
        """What RDS refuses, and what the embedded server cannot be."""
        found = []
        engine = inputs.get("engine", "postgres")
        if engine != "postgres" and not isinstance(engine, Unknown):
            found.append(Mismatch("engine", "is not postgres, the only embedded engine"))
        password, managed = inputs.get("password"), inputs.get("manageMasterUserPassword")
        if not managed and password is None and inputs.get("passwordWo") is None:
            found.append(Mismatch("password", "is missing: give it, or 'manageMasterUserPassword'"))
        if isinstance(password, str) and not _acceptable(password):
            found.append(
                Mismatch("password", 'must have 8 to 128 printable characters without / @ " or space')
            )
        if inputs.get("username") is None:
            found.append(Mismatch("username", "is missing"))
        return found

    def make(self, ctx: Context, inputs: Properties) -> str:
        name = str(inputs["identifier"])
        _server(ctx, name).create(
            master=str(inputs["username"]),
            password=str(inputs.get("password") or inputs.get("passwordWo") or secrets.token_urlsafe(24)),
            database=str(inputs.get("dbName") or "postgres"),
            port=Ports(ctx.paths.ports).get(f"postgres-{name}"),
            version=_major(inputs.get("engineVersion")),
        )
        return _resource_id(_server(ctx, name))

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        server = _server(ctx, str(new["identifier"]))
        if old is not None:
            if _major(new.get("engineVersion")) != server.instance.version:
                raise Problem(
                    f"The local PostgreSQL {server.instance.version} is not upgraded in place.",
                    fix="Forget the local stack with ./bmx down --volumes, then apply it again.",
                )
            server.start()
        password = new.get("password") if not new.get("manageMasterUserPassword") else None
        if old is not None and password is not None and password != old.get("password"):
            server.set_master_password(str(password))
        if old is not None and new.get("passwordWo") and _wo_version(new) != _wo_version(old):
            server.set_master_password(str(new["passwordWo"]))
        managed = bool(new.get("manageMasterUserPassword"))
        if managed and not (old or {}).get("manageMasterUserPassword"):
            take_over(ctx, str(new["identifier"]))
        if old is not None and old.get("manageMasterUserPassword") and not managed:
            _forget_secret(ctx, identifier)
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        name = str(state.get("identifier") or identifier)
        server = _server(ctx, name)
        if not server.exists:
            return None
        instance, status = server.instance, server.status()
        secret = ctx.service.find("secretsmanager", "describe_secret", SecretId=_secret_name(identifier))
        managed = [] if secret is None else [_managed_secret(secret["ARN"])]
        return {
            **_DEFAULTS,
            **state,
            "identifier": name,
            "arn": ctx.arn("rds", f"db:{name}"),
            "resourceId": _resource_id(server),
            "engine": "postgres",
            "engineVersion": state.get("engineVersion") or instance.version,
            "engineVersionActual": instance.version,
            "username": instance.master,
            "dbName": instance.database,
            "address": HOST,
            "port": instance.port,
            "endpoint": f"{HOST}:{instance.port}",
            "status": "available" if status.running else "stopped",
            "masterUserSecrets": managed,
            "availabilityZone": state.get("availabilityZone") or f"{ctx.region}a",
            "replicas": [],
        }

    def refreshed_input(self, key: str, value: Value, outputs: Properties) -> Value:
        """The port that was asked for is not the one the local server has."""
        return value if key == "port" else super().refreshed_input(key, value, outputs)

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        server = _server(ctx, str(state["identifier"]))
        if not server.exists:
            return
        if state.get("deletionProtection"):
            raise Problem(
                f"The database {state['identifier']} is protected from deletion.",
                fix="Set deletion_protection=False and apply that first.",
            )
        if not state.get("skipFinalSnapshot"):
            server.start()
            server.dump(_snapshot(ctx, state))
        _forget_secret(ctx, identifier)
        server.drop()

    def undo(self, ctx: Context, identifier: str, inputs: Properties) -> None:
        """A half-made instance holds nothing that is worth a snapshot."""
        _forget_secret(ctx, identifier)
        _server(ctx, str(inputs["identifier"])).drop()


def exists(ctx: Context, name: str) -> bool:
    """Whether there is an instance of that identifier."""
    return _server(ctx, name).exists


def resource_id(ctx: Context, name: str) -> str:
    """The id of an instance."""
    return _resource_id(_server(ctx, name))


def managed_secret(ctx: Context, name: str) -> str | None:
    """The ARN of the secret that RDS owns, None while it owns none."""
    secret = _secret_name(resource_id(ctx, name))
    found = ctx.service.find("secretsmanager", "describe_secret", SecretId=secret)
    return None if found is None else str(found["ARN"])


def take_over(ctx: Context, name: str) -> None:
    """RDS makes a password that nobody else knows and puts it into a secret of its own, unless it has one."""
    server = _server(ctx, name)
    if managed_secret(ctx, name) is not None:
        return
    password = secrets.token_urlsafe(24)
    server.set_master_password(password)
    ctx.service.call(
        "secretsmanager",
        "create_secret",
        Name=_secret_name(_resource_id(server)),
        Description=f"The master user of {name}, owned by RDS",
        SecretString=json.dumps({"username": server.instance.master, "password": password}),
        Tags=tags.pairs({"aws:rds:primaryDBInstanceArn": ctx.arn("rds", f"db:{name}")}),
    )


def release(ctx: Context, name: str, password: str) -> None:
    """RDS lets go of the login: its secret is gone, the password is the one given."""
    server = _server(ctx, name)
    server.set_master_password(password)
    _forget_secret(ctx, _resource_id(server))


def _forget_secret(ctx: Context, identifier: str) -> None:
    ctx.service.find(
        "secretsmanager", "delete_secret", SecretId=_secret_name(identifier), ForceDeleteWithoutRecovery=True
    )


def _acceptable(password: str) -> bool:
    plain = all(character.isprintable() and character not in '/@" ' for character in password)
    return plain and 8 <= len(password) <= 128


def _server(ctx: Context, name: str) -> PostgresInstance:
    return PostgresInstance(ctx.paths.postgres / name)


def _major(version: Value) -> str:
    return DEFAULT_VERSION if version is None or isinstance(version, Unknown) else str(version).split(".")[0]


def _wo_version(properties: Properties) -> Value:
    return properties.get("passwordWoVersion")


def _resource_id(server: PostgresInstance) -> str:
    """Stable for an instance, another one for the next of the same name."""
    made = str(server.instance.made_at).encode()
    return "db-" + hashlib.sha256(server.home.name.encode() + made).hexdigest()[:26].upper()


def _secret_name(identifier: str) -> str:
    return f"rds!{identifier}"


def _managed_secret(arn: str) -> Properties:
    return {"secretArn": arn, "secretStatus": "active", "kmsKeyId": "alias/aws/secretsmanager"}


def _snapshot(ctx: Context, state: Properties) -> Path:
    name = state.get("finalSnapshotIdentifier")
    if not name:
        raise Problem(
            f"The database {state['identifier']} cannot be deleted without a final snapshot's name.",
            fix="Set final_snapshot_identifier, or skip_final_snapshot=True, and apply that first.",
        )
    target = ctx.paths.snapshots / f"{name}.dump"
    if target.exists():
        raise Problem(
            f"There is a snapshot {name} already.",
            fix=f"Give another final_snapshot_identifier, or remove {target}.",
        )
    return target


TYPES = (Instance,)
