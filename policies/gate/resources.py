"""Which resources hold data or credentials. A type that is not known here is taken to hold data."""

from rules import types
from rules.model import Severity

DATABASES = frozenset(types.PASSWORDS)
PASSWORD_PROPERTIES = {type_: frozenset(names) for type_, names in types.PASSWORDS.items()}
USER_PROPERTIES = frozenset({"username", "masterUsername"})
"""Of a database: the name that belongs to its password."""
PASSWORDS_OF_ANY = types.PASSWORD_TEXTS | {
    f"{name}Version" for name in types.PASSWORD_TEXTS if name.endswith("Wo")
}
"""Properties that set a password, of whatever type, at any depth."""
SECRET_PROPERTIES = frozenset({*types.SECRET_STRINGS, "versionStages"})
"""What a secret is read as: the values of its versions, and which of them is the current one."""
KEPT = {types.SECRET: frozenset({"name", "namePrefix"}), types.SECRET_VERSION: SECRET_PROPERTIES}
"""Beside passwords: what of a secret has to stay, because a new name is a new and empty secret."""
CREDENTIALS = DATABASES | {types.RANDOM_PASSWORD, types.SECRET, types.SECRET_VERSION}

_HOLDERS: dict[str, tuple[Severity, str]] = {
    types.DATABASE: (Severity.CRITICAL, "the database and everything in it"),
    types.DATABASE_CLUSTER: (Severity.CRITICAL, "the database and everything in it"),
    types.BUCKET: (Severity.CRITICAL, "the bucket's photos"),
    types.BUCKET_V2: (Severity.CRITICAL, "the bucket's photos"),
    types.SECRET: (Severity.CRITICAL, "the secret and its versions"),
    types.SECRET_VERSION: (Severity.CRITICAL, "the secret's value"),
    types.RANDOM_PASSWORD: (Severity.CRITICAL, "the password that others already use"),
    types.USER_POOL: (Severity.CRITICAL, "every user's account"),
    types.KEY: (Severity.CRITICAL, "everything encrypted with the key"),
    types.REPOSITORY: (Severity.HIGH, "the images that functions run and could be rolled back to"),
    types.QUEUE: (Severity.HIGH, "the messages in the queue"),
    types.VPC: (Severity.HIGH, "the network of everything in it, the database too,"),
    types.SUBNET: (Severity.HIGH, "a part of the network, and what stands in it,"),
    types.LOG_GROUP: (Severity.MEDIUM, "the logs"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (
        Severity.HIGH,
        "the trust by which CI deploys, in every stack of the account",
    ),
}

UNKNOWN_TYPE = "whatever a resource of this type holds; the gate does not know it"

_HARMLESS_PREFIXES = ("pulumi:", "bluemoxon:")
_HARMLESS = frozenset(
    {
        types.ALARM,
        types.BUCKET_ACL,
        types.BUCKET_CORS,
        types.BUCKET_ENCRYPTION,
        types.BUCKET_LIFECYCLE,
        types.BUCKET_POLICY,
        types.BUCKET_PUBLIC_ACCESS,
        types.BUCKET_VERSIONING,
        types.DATABASE_CLUSTER_PARAMETERS,
        types.DATABASE_PARAMETERS,
        types.EVENT_SOURCE,
        types.FUNCTION,
        types.KEY_POLICY,
        types.PERMISSION,
        types.POLICY,
        types.QUEUE_POLICY,
        types.REDRIVE_ALLOW,
        types.REPOSITORY_POLICY,
        types.ROLE,
        types.ROLE_ATTACHMENT,
        types.ROLE_POLICY,
        types.SECRET_POLICY,
        types.SECURITY_GROUP,
        types.SECURITY_GROUP_INGRESS,
        types.TOPIC_POLICY,
        "aws:budgets/budget:Budget",
        "aws:cloudwatch/dashboard:Dashboard",
        "aws:cognito/userGroup:UserGroup",
        "aws:cognito/userPoolClient:UserPoolClient",
        "aws:cognito/userPoolDomain:UserPoolDomain",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:rds/subnetGroup:SubnetGroup",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:sns/topic:Topic",
        "aws:sns/topicSubscription:TopicSubscription",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    }
)


def loss(type_: str) -> tuple[Severity, str] | None:
    """How bad it is to lose a resource of this type, and what is lost; None where nothing is."""
    if type_ in _HARMLESS or type_.startswith(_HARMLESS_PREFIXES):
        return None
    return _HOLDERS.get(type_, (Severity.MEDIUM, UNKNOWN_TYPE))
