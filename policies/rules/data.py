"""What holds data: private, encrypted, kept, and not deleted by accident."""

from collections.abc import Iterator

from rules.documents import statements
from rules.model import Area, OnUnknown, Resource, Severity, Stack
from rules.settings import Parameters
from rules.types import (
    BUCKET,
    BUCKET_ACL,
    BUCKET_CORS,
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_POLICY,
    BUCKET_PUBLIC_ACCESS,
    BUCKET_V2,
    BUCKET_VERSIONING,
    DATABASE,
    DATABASE_CLUSTER,
    FUNCTION,
    KEY,
    KEY_POLICY,
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
_COGNITO_FIRST_DAYS = 7


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
    "bucket-keeps-objects",
    BUCKET_LIFECYCLE,
    severity=Severity.CRITICAL,
    summary="A bucket's lifecycle deletes old versions only",
    why="A rule that expires current objects deletes photos, on a day when nobody looks.",
    remedy="Use noncurrent_version_expiration. What may go has a prefix and a stated exception.",
    on_unknown=OnUnknown.BLOCK,
)
def bucket_keeps_objects(lifecycle: Resource, _parameters: Parameters) -> Iterator[str]:
    for number, rule in enumerate(lifecycle.inputs.blocks("rules")):
        if rule.has("expiration.days") or rule.has("expiration.date"):
            yield f"`rules[{number}].expiration` deletes current objects."


@area.resource(
    "bucket-cors-origins",
    BUCKET_CORS,
    severity=Severity.HIGH,
    summary="Only named pages may upload to a bucket",
    why="With `*`, a script on any page acts on the bucket with an address that its visitor was given.",
    remedy="Name the origins (`bluemoxon:storage.upload_origins`).",
)
def bucket_cors_origins(cors: Resource, _parameters: Parameters) -> Iterator[str]:
    for number, rule in enumerate(cors.inputs.blocks("corsRules")):
        if "*" in rule.texts("allowedOrigins"):
            yield f"`corsRules[{number}].allowedOrigins` holds every page."


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
        if statement.lets_everybody_in:
            yield f"`{statement.where}` allows everybody."


@area.resource(
    "bucket-acl-private",
    BUCKET,
    BUCKET_V2,
    BUCKET_ACL,
    severity=Severity.CRITICAL,
    summary="A bucket's access list lets no outsider in",
    why="An access list is looked at beside every policy, and forgotten.",
    remedy="Leave acl out: with BucketOwnerEnforced, access lists have no effect.",
)
def bucket_acl_private(bucket: Resource, _parameters: Parameters) -> Iterator[str]:
    if (bucket.inputs.text("acl") or "").startswith(("public-", "authenticated-")):
        yield "`acl` lets outsiders in."


@area.stack(
    "bucket-complete",
    BUCKET,
    BUCKET_V2,
    severity=Severity.CRITICAL,
    summary="Every bucket is private, versioned, encrypted and TLS only",
    why="Each of these is a resource of its own, and easily forgotten for a new bucket.",
    remedy="Make buckets with infra.storage, which adds all of them.",
)
def bucket_complete(bucket: Resource, stack: Stack, parameters: Parameters) -> Iterator[str]:
    parts = [BUCKET_PUBLIC_ACCESS, BUCKET_VERSIONING, BUCKET_ENCRYPTION]
    if parameters.require_tls:
        parts.append(BUCKET_POLICY)
    for needed in parts:
        if not stack.users(bucket, needed, "bucket"):
            yield f"No {needed.rsplit(':', 1)[-1]} belongs to it."


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
    "key-policy",
    KEY,
    KEY_POLICY,
    severity=Severity.HIGH,
    summary="A KMS key's policy lets the account keep the key",
    why="A key that nobody may administer is lost, and so is all that it encrypts.",
    remedy=(
        "Let the account's root administer it, or leave the policy out; leave"
        " bypass_policy_lockout_safety_check out."
    ),
)
def key_policy(key: Resource, _parameters: Parameters) -> Iterator[str]:
    if key.inputs.flag("bypassPolicyLockoutSafetyCheck"):
        yield "`bypassPolicyLockoutSafetyCheck` is set."
    # Without a policy, AWS lets the account administer the key, and IAM decide on its use.
    if key.inputs.has("policy") and not any(
        statement.allows and any(who.endswith(":root") for who in statement.principals)
        for statement in statements(key.inputs, "policy")
    ):
        yield "`policy` does not let the account administer the key."


@area.resource(
    "people-passwords",
    USER_POOL,
    severity=Severity.MEDIUM,
    summary="People's passwords are long and mixed enough, and first ones do not last",
    why="Short passwords are found by trying; a first password lies in somebody's mailbox.",
    remedy=(
        f"Set password_policy: minimum_length {_COGNITO_MIN_LENGTH} or more, lower-case, upper-case and"
        f" numbers required, temporary_password_validity_days {_COGNITO_FIRST_DAYS} or less."
    ),
)
def people_passwords(pool: Resource, _parameters: Parameters) -> Iterator[str]:
    if (pool.inputs.number("passwordPolicy.minimumLength") or 0) < _COGNITO_MIN_LENGTH:
        yield f"`passwordPolicy.minimumLength` is below {_COGNITO_MIN_LENGTH}."
    for name in ("requireLowercase", "requireUppercase", "requireNumbers"):
        if not pool.inputs.flag(f"passwordPolicy.{name}"):
            yield f"`passwordPolicy.{name}` is not set."
    days = pool.inputs.number("passwordPolicy.temporaryPasswordValidityDays")
    if days is not None and days > _COGNITO_FIRST_DAYS:
        yield f"`passwordPolicy.temporaryPasswordValidityDays` is above {_COGNITO_FIRST_DAYS}."


@area.resource(
    "data-protected",
    BUCKET,
    BUCKET_V2,
    USER_POOL,
    KEY,
    severity=Severity.CRITICAL,
    summary="What holds data is protected",
    why="One renamed argument would delete it and make an empty one.",
    remedy="Set protect=True, with the reason beside it, and a user pool's deletion_protection to ACTIVE.",
)
def data_protected(resource: Resource, _parameters: Parameters) -> Iterator[str]:
    if not resource.protect:
        yield "`protect` is not set."
    if resource.type == USER_POOL and resource.inputs.text("deletionProtection") != "ACTIVE":
        yield "`deletionProtection` is not ACTIVE."


@area.resource(
    "required-tags",
    BUCKET,
    DATABASE,
    DATABASE_CLUSTER,
    FUNCTION,
    KEY,
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
