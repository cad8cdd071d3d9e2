"""Cases of the rules about databases and data."""

from rules import types
from rules.model import Stack
from tests.policies.case_parts import (
    BUCKET,
    BUCKET_PARTS,
    PEOPLE,
    PUBLIC_ACCESS,
    TAGS,
    TLS,
    Case,
    allow,
    document,
    one,
    resource,
)

DATA = {
    "database-private": one(
        types.DATABASE, [{"publiclyAccessible": True}], [{"publiclyAccessible": False}], "publiclyAccessible"
    ).and_bad(resource(types.DATABASE_CLUSTER_INSTANCE, {"publiclyAccessible": True})),
    "database-encrypted": one(
        types.DATABASE, [{}, {"storageEncrypted": False}], [{"storageEncrypted": True}], "storageEncrypted"
    ),
    "database-backups": one(
        types.DATABASE,
        [{}, {"backupRetentionPeriod": 0}, {"backupRetentionPeriod": 14, "deleteAutomatedBackups": True}],
        [{"backupRetentionPeriod": 14}],
        "backupRetentionPeriod",
    ),
    "database-deletion-protection": one(
        types.DATABASE,
        [{}, {"deletionProtection": False}],
        [{"deletionProtection": True}],
        "deletionProtection",
    ),
    "database-final-snapshot": one(
        types.DATABASE,
        [{}, {"skipFinalSnapshot": True, "finalSnapshotIdentifier": "f"}],
        [{"skipFinalSnapshot": False, "finalSnapshotIdentifier": "f"}],
        "skipFinalSnapshot",
    ),
    "database-tls": one(
        types.DATABASE_PARAMETERS,
        [
            {"family": "postgres16", "parameters": [{"name": "rds.force_ssl", "value": "0"}]},
            {"family": "postgres14"},
            {"family": "mysql8.0", "parameters": [{"name": "require_secure_transport", "value": "OFF"}]},
        ],
        [
            {"parameters": [{"name": "rds.force_ssl", "value": "1"}]},
            {"family": "postgres16"},
            {"family": "aurora-postgresql15", "parameters": [{"name": "work_mem", "value": "65536"}]},
            {"family": "mysql8.0", "parameters": [{"name": "require_secure_transport", "value": "ON"}]},
        ],
        "parameters",
    ),
    "database-tls-group": one(
        types.DATABASE,
        [{}, {"parameterGroupName": "default.postgres16"}],
        [{"parameterGroupName": "bluemoxon-x-postgres16"}],
        "parameterGroupName",
    ).and_bad(resource(types.DATABASE_CLUSTER, {"parameterGroupName": "own"})),
    "ingress-from-anywhere": one(
        types.SECURITY_GROUP_INGRESS,
        [{"cidrIpv4": "0.0.0.0/0"}, {"cidrIpv6": "::/0"}],
        [{"cidrIpv4": "10.0.0.0/16"}, {"referencedSecurityGroupId": "sg-1"}],
        "cidrIpv4",
    ).and_bad(
        resource(types.SECURITY_GROUP, {"ingress": [{"cidrBlocks": ["10.0.0.0/8", "0.0.0.0/0"]}]}),
        resource(types.SECURITY_GROUP_RULE, {"type": "ingress", "ipv6CidrBlocks": ["::/0"]}),
    ),
    "bucket-public-access": one(
        types.BUCKET_PUBLIC_ACCESS,
        [{}, {**PUBLIC_ACCESS, "ignorePublicAcls": False}],
        [PUBLIC_ACCESS],
        "blockPublicAcls",
    ),
    "bucket-versioning": one(
        types.BUCKET_VERSIONING,
        [{"versioningConfiguration": {"status": "Suspended"}}, {}],
        [{"versioningConfiguration": {"status": "Enabled"}}],
        "versioningConfiguration",
    ),
    "bucket-force-destroy": one(
        types.BUCKET, [{"forceDestroy": True}], [{"forceDestroy": False}, {}], "forceDestroy"
    ),
    "bucket-keeps-objects": one(
        types.BUCKET_LIFECYCLE,
        [{"rules": [{"expiration": {"days": 30}}]}, {"rules": [{}, {"expiration": {"date": "2030-01-01"}}]}],
        [
            {"rules": [{"noncurrentVersionExpiration": {"noncurrentDays": 30}}]},
            {"rules": [{"expiration": {"expiredObjectDeleteMarker": True}}]},
        ],
        "rules",
    ),
    "bucket-cors-origins": one(
        types.BUCKET_CORS,
        [{"corsRules": [{"allowedOrigins": ["https://a.example"]}, {"allowedOrigins": ["*"]}]}],
        [{"corsRules": [{"allowedOrigins": ["https://a.example"]}]}],
        "corsRules",
    ),
    "bucket-policy-tls": one(
        types.BUCKET_POLICY,
        [
            {"policy": document(allow("s3:GetObject", Principal={"AWS": "arn:aws:iam::1:role/api"}))},
            {"policy": document({**TLS, "Action": "s3:*"}, allow("s3:GetObject", Principal="*"))},
        ],
        [{"policy": document({**TLS, "Action": "s3:*"})}],
        "policy",
    ),
    "bucket-acl-private": one(
        types.BUCKET_ACL,
        [{"acl": "public-read"}, {"acl": "authenticated-read"}],
        [{"acl": "private"}, {}],
        "acl",
    ),
    "bucket-complete": Case(
        bad=tuple(
            Stack([BUCKET, *BUCKET_PARTS[:index], *BUCKET_PARTS[index + 1 :]])
            for index in range(len(BUCKET_PARTS))
        ),
        good=(Stack([BUCKET, *BUCKET_PARTS]), Stack([])),
    ),
    "repository-immutable": one(
        types.REPOSITORY,
        [
            {"imageTagMutability": "MUTABLE", "imageScanningConfiguration": {"scanOnPush": True}},
            {"imageTagMutability": "IMMUTABLE"},
            {
                "imageTagMutability": "IMMUTABLE",
                "imageScanningConfiguration": {"scanOnPush": True},
                "forceDelete": True,
            },
        ],
        [{"imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": {"scanOnPush": True}}],
        "imageTagMutability",
    ),
    "key-rotation": one(
        types.KEY,
        [{}, {"enableKeyRotation": True, "deletionWindowInDays": 1}],
        [{"enableKeyRotation": True}],
        "enableKeyRotation",
    ),
    "key-policy": one(
        types.KEY,
        [
            {"policy": document(allow("kms:*", Principal={"AWS": "arn:aws:iam::1:role/somebody"}))},
            {"bypassPolicyLockoutSafetyCheck": True},
        ],
        [{"policy": document(allow("kms:*", Principal={"AWS": "arn:aws:iam::1:root"}))}, {}],
        "policy",
    ),
    "people-passwords": one(
        types.USER_POOL,
        [
            {},
            {"passwordPolicy": {**PEOPLE, "minimumLength": 8}},
            {"passwordPolicy": {**PEOPLE, "requireNumbers": False}},
            {"passwordPolicy": {**PEOPLE, "temporaryPasswordValidityDays": 90}},
        ],
        [{"passwordPolicy": PEOPLE}],
        "passwordPolicy",
    ),
    "data-protected": Case(
        bad=(
            resource(types.BUCKET),
            resource(types.KEY),
            resource(types.USER_POOL, {"deletionProtection": "ACTIVE"}),
            resource(types.USER_POOL, protect=True),
        ),
        good=(
            resource(types.BUCKET, protect=True),
            resource(types.USER_POOL, {"deletionProtection": "ACTIVE"}, protect=True),
        ),
    ),
    "required-tags": one(
        types.QUEUE, [{}, {"tags": {"bluemoxon:project": "bluemoxon"}}], [{"tags": TAGS}], "tags"
    ),
}
