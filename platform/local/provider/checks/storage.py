"""S3, ECR, Secrets Manager and KMS."""

from collections.abc import Iterator, Mapping

from local.provider.checks.grammars import LIFECYCLE_POLICY
from local.provider.checks.limits import Api, Limits
from local.provider.checks.policies import BUCKET_POLICY, KEY_POLICY, REPOSITORY_POLICY, RESOURCE_POLICY
from local.provider.checks.rules import (
    AtMost,
    Between,
    Exclusive,
    Matches,
    OneOf,
    Refused,
    known,
    number,
)
from local.provider.values import Properties, Unknown

_BUCKET = (
    r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)(?!.*\.\.)"
    r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
)
"""S3's "General purpose bucket naming rules"."""
_BUCKET_NAME = Matches("bucket", _BUCKET, "3 to 63 lower-case letters, digits, dots and dashes")
_ACTIONS = (
    "abortIncompleteMultipartUpload",
    "expiration",
    "noncurrentVersionExpiration",
    "noncurrentVersionTransitions",
    "transitions",
)
_FILTERS = ("and", "objectSizeGreaterThan", "objectSizeLessThan", "prefix", "tag")


def _lifecycle(inputs: Properties) -> Iterator[Refused]:
    rules = inputs.get("rules")
    if not isinstance(rules, list):
        return
    if not 1 <= len(rules) <= 1000:
        yield Refused("rules", None, f"are {len(rules)}: give 1 to 1,000")
    names: set[str] = set()
    for index, rule in enumerate(rules):
        if not isinstance(rule, Mapping):
            continue
        path, name = f"rules[{index}]", rule.get("id")
        if name in names:
            yield Refused(f"{path}.id", name, "is there twice: give each rule its own")
        if isinstance(name, str):
            names.add(name)
        if not any(rule.get(action) is not None for action in _ACTIONS):
            yield Refused(path, None, f"does nothing: give one of {', '.join(_ACTIONS)}")
        if rule.get("filter") is not None and rule.get("prefix") is not None:
            yield Refused(f"{path}.prefix", None, "conflicts with 'filter': give one of them")
        chosen = rule.get("filter")
        if isinstance(chosen, Mapping):
            there = [key for key in _FILTERS if chosen.get(key) is not None]
            if len(there) > 1:
                yield Refused(f"{path}.filter", None, f"has {' and '.join(there)}: put them into 'and'")


def _recovery(inputs: Properties) -> Iterator[Refused]:
    # "DeleteSecret"; 0 is the real provider's way to delete at once.
    days = number(inputs.get("recoveryWindowInDays"))
    if days is not None and days != 0 and not 7 <= days <= 30:
        yield Refused("recoveryWindowInDays", days, "is out of range: use 7 to 30 days, or 0 for none")


def _rotation(inputs: Properties) -> Iterator[Refused]:
    rules = inputs.get("rotationRules")
    if isinstance(rules, Mapping) and not any(isinstance(value, Unknown) for value in rules.values()):
        there = [
            key for key in ("automaticallyAfterDays", "scheduleExpression") if rules.get(key) is not None
        ]
        if len(there) != 1:
            yield Refused(
                "rotationRules", None, "needs automaticallyAfterDays or scheduleExpression: give one of them"
            )


def _origins(inputs: Properties) -> Iterator[Refused]:
    for path, origins in known(inputs, "corsRules.allowedOrigins"):
        for origin in origins if isinstance(origins, list) else []:
            if isinstance(origin, str) and origin.count("*") > 1:
                yield Refused(path, origin, "has two wildcards: use one * at most")


LIMITS = {
    "aws:s3/bucket:Bucket": Limits(rules=(Exclusive(("bucket", "bucketPrefix")), _BUCKET_NAME)),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Limits(),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Limits(
        Api("s3", "PutBucketOwnershipControls", {"rule": "OwnershipControls.Rules"})
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Limits(
        rules=(
            OneOf("versioningConfiguration.status", ("Enabled", "Suspended", "Disabled")),
            OneOf("versioningConfiguration.mfaDelete", ("Enabled", "Disabled")),
        )
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Limits(
        Api("s3", "PutBucketEncryption", {"rules": "ServerSideEncryptionConfiguration.Rules"})
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Limits(documents={"policy": BUCKET_POLICY}),
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": Limits(
        rules=(
            AtMost("corsRules", 100),
            OneOf("corsRules.allowedMethods", ("GET", "PUT", "HEAD", "POST", "DELETE")),
            Matches("corsRules.id", r".{0,255}", "up to 255 characters"),
            Between("corsRules.maxAgeSeconds", 0, 2_147_483_647, "seconds"),
            _origins,
        )
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Limits(
        Api("s3", "PutBucketLifecycleConfiguration", {"rules": "LifecycleConfiguration.Rules"}),
        rules=(
            Matches("rules.id", r".{1,255}", "1 to 255 characters"),
            Between("rules.noncurrentVersionExpiration.noncurrentDays", 1, 2_147_483_647, "days"),
            Between("rules.noncurrentVersionExpiration.newerNoncurrentVersions", 1, 100),
            Between("rules.expiration.days", 1, 2_147_483_647, "days"),
            Between("rules.abortIncompleteMultipartUpload.daysAfterInitiation", 1, 2_147_483_647, "days"),
            _lifecycle,
        ),
    ),
    "aws:ecr/repository:Repository": Limits(
        Api(
            "ecr",
            "CreateRepository",
            {"name": "repositoryName", "encryptionConfigurations": "encryptionConfiguration"},
        )
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Limits(
        Api("ecr", "PutLifecyclePolicy", {"repository": "repositoryName"}),
        documents={"policy": LIFECYCLE_POLICY},
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": Limits(
        Api("ecr", "SetRepositoryPolicy", {"repository": "repositoryName"}),
        documents={"policy": REPOSITORY_POLICY},
    ),
    "aws:secretsmanager/secret:Secret": Limits(
        Api("secretsmanager", "CreateSecret"),
        documents={"policy": RESOURCE_POLICY},
        rules=(
            Exclusive(("name", "namePrefix")),
            Matches("name", r"[\w/+=.@!-]{1,512}", "1 to 512 letters, digits and /_+=.@-"),
            _recovery,
        ),
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Limits(
        Api("secretsmanager", "PutSecretValue"),
        rules=(Exclusive(("secretString", "secretBinary", "secretStringWo")),),
    ),
    "aws:secretsmanager/secretPolicy:SecretPolicy": Limits(documents={"policy": RESOURCE_POLICY}),
    "aws:secretsmanager/secretRotation:SecretRotation": Limits(
        Api("secretsmanager", "RotateSecret"), rules=(_rotation,)
    ),
    "aws:kms/key:Key": Limits(
        Api("kms", "CreateKey"),
        documents={"policy": KEY_POLICY},
        rules=(
            Between("deletionWindowInDays", 7, 30, "days"),
            Between("rotationPeriodInDays", 90, 2560, "days"),
        ),
    ),
    "aws:kms/alias:Alias": Limits(
        Api("kms", "CreateAlias", {"name": "AliasName"}),
        rules=(
            Exclusive(("name", "namePrefix")),
            Matches("name", r"alias/(?!aws/)[\w/-]+", "'alias/' and letters, digits, / _ -, not alias/aws/"),
        ),
    ),
}
