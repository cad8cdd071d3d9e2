"""What holds data: private, encrypted, kept, and not deleted by accident."""

from collections.abc import Iterator

from rules.documents import statements
from rules.model import Area, OnUnknown, Resource, Severity, Stack
from rules.settings import Parameters
from rules.types import (
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_POLICY,
    BUCKET_PUBLIC_ACCESS,
    BUCKET_V2,
    BUCKET_VERSIONING,
    DATABASE,
    DATABASE_CLUSTER,
    DATABASE_PARAMETERS,
    FUNCTION,
    KEY,
    LOG_GROUP,
    QUEUE,
    REPOSITORY,
    ROLE,
    SECRET,
    USER_POOL,
)

area = Area("data")

_PUBLIC_ACCESS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_COGNITO_MIN_LENGTH = 12


@area.resource(
    "database-private",
    DATABASE,
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
    severity=Severity.HIGH,
    summary="The database refuses connections without TLS",
    why="The password goes over the wire with each connection.",
    remedy="Leave rds.force_ssl at its default, or set it to 1.",
)
def database_tls(group: Resource, parameters: Parameters) -> Iterator[str]:
    if not parameters.require_tls:
        return
    for parameter in group.inputs.blocks("parameters"):
        if parameter.text("name") == "rds.force_ssl" and parameter.number("value") != 1:
            yield "`rds.force_ssl` is switched off."


@area.resource(
    "bucket-public-access",
    BUCKET_PUBLIC_ACCESS,
    severity=Severity.CRITICAL,
    summary="A bucket's public access block blocks everything",
    why="One of four switches left open is enough to make a photo public.",
    remedy="Set all four to True.",
    on_unknown=OnUnknown.BLOCK,
)
def bucket_public_access(block: Resource, _parameters: Parameters) -> Iterator[str]:
    for name in _PUBLIC_ACCESS:
        if not block.inputs.flag(name):
            yield f"`{name}` is not set."


@area.resource(
    "bucket-versioning",
    BUCKET_VERSIONING,
    severity=Severity.HIGH,
    summary="A bucket's versioning is on",
    why="An overwritten or deleted photo cannot be had back otherwise.",
    remedy="Set versioning_configuration.status to Enabled.",
    on_unknown=OnUnknown.BLOCK,
)
def bucket_versioning(versioning: Resource, _parameters: Parameters) -> Iterator[str]:
    if versioning.inputs.text("versioningConfiguration.status") != "Enabled":
        yield "`versioningConfiguration.status` is not Enabled."


@area.resource(
    "bucket-force-destroy",
    BUCKET,
    BUCKET_V2,
    severity=Severity.CRITICAL,
    summary="A bucket that holds something cannot be deleted",
    why="force_destroy deletes every photo with the bucket.",
    remedy="Leave force_destroy out.",
    on_unknown=OnUnknown.BLOCK,
)
def bucket_force_destroy(bucket: Resource, _parameters: Parameters) -> Iterator[str]:
    if bucket.inputs.flag("forceDestroy"):
        yield "`forceDestroy` is set."


@area.resource(
    "bucket-policy-tls",
    BUCKET_POLICY,
    severity=Severity.HIGH,
    summary="A bucket's policy refuses requests without TLS and lets nobody in without a condition",
    why="Photos and presigned addresses could be read on the way, or by anybody.",
    remedy="Add the statement `Deny s3:* … aws:SecureTransport false` (infra.policies.deny_plain_http).",
)
def bucket_policy_tls(policy: Resource, _parameters: Parameters) -> Iterator[str]:
    document = statements(policy.inputs, "policy")
    if not any(statement.denies_plain_http for statement in document):
        yield "`policy` allows requests without TLS."
    for statement in document:
        if statement.allows and "*" in statement.principals and not statement.conditions:
            yield "`policy` allows everybody."


@area.stack(
    "bucket-complete",
    severity=Severity.CRITICAL,
    summary="Every bucket is private, versioned, encrypted and TLS only",
    why="Each of these is a resource of its own, and easily forgotten for a new bucket.",
    remedy="Make buckets with infra.storage, which adds all of them.",
)
def bucket_complete(stack: Stack, parameters: Parameters) -> Iterator[tuple[Resource, str]]:
    parts = [BUCKET_PUBLIC_ACCESS, BUCKET_VERSIONING, BUCKET_ENCRYPTION]
    if parameters.require_tls:
        parts.append(BUCKET_POLICY)
    for bucket in stack.of(BUCKET, BUCKET_V2):
        for needed in parts:
            if not stack.users(bucket, needed, "bucket"):
                yield bucket, f"No {needed.rsplit(':', 1)[-1]} belongs to it."


@area.resource(
    "repository-immutable",
    REPOSITORY,
    severity=Severity.HIGH,
    summary="An image's tag cannot be moved, and images are scanned",
    why="A moved tag changes what a release means; unscanned images carry known holes.",
    remedy="Set image_tag_mutability='IMMUTABLE' and scan_on_push=True.",
    on_unknown=OnUnknown.BLOCK,
)
def repository_immutable(repository: Resource, _parameters: Parameters) -> Iterator[str]:
    if not (repository.inputs.text("imageTagMutability") or "").startswith("IMMUTABLE"):
        yield "`imageTagMutability` is not IMMUTABLE."
    if not repository.inputs.flag("imageScanningConfiguration.scanOnPush"):
        yield "`imageScanningConfiguration.scanOnPush` is not set."
    if repository.inputs.flag("forceDelete"):
        yield "`forceDelete` is set."


@area.resource(
    "key-rotation",
    KEY,
    severity=Severity.MEDIUM,
    summary="A KMS key is rotated, and its deletion can be stopped",
    why="What a deleted key encrypted is lost.",
    remedy="Set enable_key_rotation=True; leave deletion_window_in_days out (30 days).",
)
def key_rotation(key: Resource, parameters: Parameters) -> Iterator[str]:
    if not key.inputs.flag("enableKeyRotation"):
        yield "`enableKeyRotation` is not set."
    days = key.inputs.number("deletionWindowInDays")
    if days is not None and days < parameters.secret_recovery_days:
        yield f"`deletionWindowInDays` is below {parameters.secret_recovery_days}."


@area.resource(
    "people-passwords",
    USER_POOL,
    severity=Severity.MEDIUM,
    summary="People's passwords are long enough",
    why="Short passwords are found by trying.",
    remedy=f"Set password_policy.minimum_length to {_COGNITO_MIN_LENGTH} or more.",
)
def people_passwords(pool: Resource, _parameters: Parameters) -> Iterator[str]:
    if (pool.inputs.number("passwordPolicy.minimumLength") or 0) < _COGNITO_MIN_LENGTH:
        yield f"`passwordPolicy.minimumLength` is below {_COGNITO_MIN_LENGTH}."


@area.resource(
    "data-protected",
    BUCKET,
    BUCKET_V2,
    USER_POOL,
    KEY,
    severity=Severity.CRITICAL,
    summary="What holds data is protected",
    why="One renamed argument would delete it and make an empty one.",
    remedy="Set protect=True, with the reason beside it.",
)
def data_protected(resource: Resource, _parameters: Parameters) -> Iterator[str]:
    if not resource.protect:
        yield "`protect` is not set."


@area.resource(
    "required-tags",
    BUCKET,
    DATABASE,
    FUNCTION,
    LOG_GROUP,
    QUEUE,
    REPOSITORY,
    ROLE,
    SECRET,
    USER_POOL,
    severity=Severity.LOW,
    summary="Everything says which project and stack it belongs to",
    why="Costs and clean-ups go by tags; what has none is nobody's.",
    remedy="Take the tags from infra.tags.",
)
def required_tags(resource: Resource, parameters: Parameters) -> Iterator[str]:
    given = resource.inputs.mapping("tags")
    for tag in parameters.required_tags:
        if not given.get(tag):
            yield f"The tag `{tag}` is missing."
