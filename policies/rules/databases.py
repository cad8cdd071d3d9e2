"""Databases: private, encrypted, kept, and reached over TLS only."""

import re
from collections.abc import Iterator

from rules.model import Area, OnUnknown, Resource, Severity
from rules.settings import Parameters
from rules.types import (
    DATABASE,
    DATABASE_CLUSTER,
    DATABASE_CLUSTER_INSTANCE,
    DATABASE_CLUSTER_PARAMETERS,
    DATABASE_PARAMETERS,
    SECURITY_GROUP,
    SECURITY_GROUP_INGRESS,
    SECURITY_GROUP_RULE,
)

area = Area("databases")

_FORCE_TLS = ("rds.force_ssl", "require_secure_transport")
_TLS_BY_DEFAULT = re.compile(r"(aurora-)?postgres(ql)?(1[5-9]|[2-9]\d)")
"""Parameter group families in which rds.force_ssl is 1 unless it is set."""


@area.resource(
    "database-private",
    DATABASE,
    DATABASE_CLUSTER_INSTANCE,
    severity=Severity.CRITICAL,
    summary="The database cannot be reached from the internet",
    why="A public database is tried by everybody, all the time.",
    remedy="Set publicly_accessible=False.",
    on_unknown=OnUnknown.BLOCK,
)
def database_private(database: Resource, _parameters: Parameters) -> Iterator[str]:
    if database.inputs.flag("publiclyAccessible"):
        yield "`publiclyAccessible` is set."


@area.resource(
    "database-encrypted",
    DATABASE,
    DATABASE_CLUSTER,
    severity=Severity.CRITICAL,
    summary="The database is encrypted at rest",
    why=(
        "Snapshots and disks leave the machine; encryption cannot be switched on later without a new"
        " database."
    ),
    remedy="Set storage_encrypted=True when the database is made.",
    on_unknown=OnUnknown.BLOCK,
)
def database_encrypted(database: Resource, _parameters: Parameters) -> Iterator[str]:
    if not database.inputs.flag("storageEncrypted"):
        yield "`storageEncrypted` is not set."


@area.resource(
    "database-backups",
    DATABASE,
    DATABASE_CLUSTER,
    severity=Severity.HIGH,
    summary="The database is backed up",
    why="Without automatic backups there is no way back to yesterday.",
    remedy="Set backup_retention_period to 7 days or more.",
    on_unknown=OnUnknown.BLOCK,
)
def database_backups(database: Resource, parameters: Parameters) -> Iterator[str]:
    if (database.inputs.number("backupRetentionPeriod") or 0) < parameters.backup_days:
        yield f"`backupRetentionPeriod` is below {parameters.backup_days} days."
    if database.inputs.flag("deleteAutomatedBackups"):
        yield "`deleteAutomatedBackups` is set: the backups would go with the database."


@area.resource(
    "database-deletion-protection",
    DATABASE,
    DATABASE_CLUSTER,
    severity=Severity.CRITICAL,
    summary="AWS refuses to delete the database",
    why="`protect` guards against this program; deletion protection guards against everybody else.",
    remedy="Set deletion_protection=True.",
    on_unknown=OnUnknown.BLOCK,
)
def database_deletion_protection(database: Resource, _parameters: Parameters) -> Iterator[str]:
    if not database.inputs.flag("deletionProtection"):
        yield "`deletionProtection` is not set."


@area.resource(
    "database-final-snapshot",
    DATABASE,
    DATABASE_CLUSTER,
    severity=Severity.HIGH,
    summary="A deleted database leaves a snapshot",
    why="The automatic backups go with the database.",
    remedy="Set skip_final_snapshot=False and final_snapshot_identifier.",
)
def database_final_snapshot(database: Resource, _parameters: Parameters) -> Iterator[str]:
    if database.inputs.flag("skipFinalSnapshot"):
        yield "`skipFinalSnapshot` is set."
    elif not database.inputs.has("finalSnapshotIdentifier"):
        yield "`finalSnapshotIdentifier` is not set."


@area.resource(
    "database-tls",
    DATABASE_PARAMETERS,
    DATABASE_CLUSTER_PARAMETERS,
    severity=Severity.HIGH,
    summary="The database refuses connections without TLS",
    why="The password goes over the wire with each connection.",
    remedy="Set rds.force_ssl (PostgreSQL) or require_secure_transport (MySQL) to 1.",
)
def database_tls(group: Resource, parameters: Parameters) -> Iterator[str]:
    if not parameters.require_tls:
        return
    set_to = {one.text("name"): one.raw("value") for one in group.inputs.blocks("parameters")}
    given = [name for name in _FORCE_TLS if name in set_to]
    for name in given:
        if str(set_to[name]).lower() not in ("1", "on"):
            yield f"`{name}` is switched off."
    family = group.inputs.text("family")
    if not given and not _TLS_BY_DEFAULT.fullmatch(family or ""):
        yield f"Neither {' nor '.join(f'`{name}`' for name in _FORCE_TLS)} is set, and its default is off."


@area.resource(
    "database-tls-group",
    DATABASE,
    DATABASE_CLUSTER,
    severity=Severity.HIGH,
    summary="The database has a parameter group of its own",
    why="What RDS's default group says about TLS differs by version and cannot be changed.",
    remedy="Name a ParameterGroup of the program that forces TLS (infra.database).",
)
def database_tls_group(database: Resource, parameters: Parameters) -> Iterator[str]:
    name = "parameterGroupName" if database.type == DATABASE else "dbClusterParameterGroupName"
    if not parameters.require_tls:
        return
    if not database.inputs.has(name) or (database.inputs.text(name) or "").startswith("default."):
        yield f"`{name}` is not set, or names a default group."


@area.resource(
    "ingress-from-anywhere",
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
    SECURITY_GROUP_INGRESS,
    severity=Severity.CRITICAL,
    summary="Nothing takes connections from anywhere",
    why="A database or an endpoint that the whole internet may talk to is tried by everybody.",
    remedy="Name the security group, or the address range, that may connect.",
)
def ingress_from_anywhere(resource: Resource, _parameters: Parameters) -> Iterator[str]:
    inputs = resource.inputs
    if resource.type == SECURITY_GROUP:
        for index, block in enumerate(inputs.blocks("ingress")):
            if _anywhere(block.texts("cidrBlocks") + block.texts("ipv6CidrBlocks")):
                yield f"`ingress[{index}]` is open to every address."
    elif resource.type == SECURITY_GROUP_INGRESS:
        if _anywhere([inputs.text("cidrIpv4") or "", inputs.text("cidrIpv6") or ""]):
            yield "It is open to every address."
    elif inputs.text("type") == "ingress" and _anywhere(
        inputs.texts("cidrBlocks") + inputs.texts("ipv6CidrBlocks")
    ):
        yield "It is open to every address."


def _anywhere(ranges: list[str]) -> bool:
    return any(one.endswith("/0") for one in ranges)
