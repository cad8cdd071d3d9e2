"""A stack's settings: typed, frozen, complete. Unknown keys fail, and there is no key for a password.

The configuration in `Pulumi.{stack}.yaml` has one key an area: `bluemoxon:workers`, `bluemoxon:database` and
so on; each is a field of `Settings`. Read it with `infra.config`.
"""

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from infra.faults import refuse


def _digest(value: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", value):
        raise refuse(
            "An image is deployed by digest only: a tag can be moved to another image after the review.",
            "Use `sha256:` and 64 hexadecimal digits, as `docker buildx imagetools inspect` and the deploy "
            "workflow print it.",
        )
    return value


def _secret_arn(value: str) -> str:
    if not re.fullmatch(
        r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6}", value
    ):
        raise refuse(
            "It has to be the full ARN of a secret in Secrets Manager: policies grant exactly that one.",
            "Copy it from `aws secretsmanager describe-secret --secret-id NAME`; it ends in a dash and six "
            "characters.",
        )
    return value


def _secret_id(value: str) -> str:
    if not re.fullmatch(r"[\w/+=.@:-]{1,512}", value):
        raise refuse(
            "Names of secrets have letters, digits and /_+=.@- only.",
            "Use the secret's name or its ARN, or leave it out for `bluemoxon-{stack}/database`.",
        )
    return value


def _aws_id(prefix: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(rf"{prefix}-([0-9a-f]{{8}}|[0-9a-f]{{17}})", value):
            raise refuse(
                f"AWS's ids of this kind are `{prefix}-` and 8 or 17 hexadecimal digits.",
                "Copy the id from the AWS console or from `aws ec2 describe-…`.",
            )
        return value

    return AfterValidator(check)


def _identifier(value: str) -> str:
    if (
        not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", value)
        or value.startswith("pg_")
        or value in {"admin", "rdsadmin"}
    ):
        raise refuse(
            "PostgreSQL and RDS take names of lower-case letters, digits and underscores, at most 63, that "
            "are not reserved.",
            "Use a name like `bluemoxon`.",
        )
    return value


def _instance_class(value: str) -> str:
    if not re.fullmatch(r"db\.[a-z][a-z0-9-]*\.[a-z0-9]+", value):
        raise refuse("RDS's classes are named `db.family.size`.", "Use a class like `db.t4g.small`.")
    return value


def _host(value: str) -> str:
    if len(value) > 253 or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", value):
        raise refuse("It is no host name.", "Use the cluster's endpoint, without protocol and port.")
    return value


def _email(value: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        raise refuse("Alarms are mailed to it.", "Use an address like `ops@example.org`.")
    return value


def _origin(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s*]+(:\*)?", value):
        raise refuse(
            "Browsers compare it with the page's origin: scheme, host and port, nothing more.",
            "Use an origin like `https://books.example.org`, without a path.",
        )
    return value


def _vpc_cidr(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise refuse(
            f"It is no IPv4 network: {error}.", "Use a private network like `10.40.0.0/16`."
        ) from None
    if not network.is_private or not 16 <= network.prefixlen <= 24:
        raise refuse(
            "The network of a VPC has to be private, and from /16 (AWS's largest) to /24 to hold the "
            "subnets.",
            "Use a private network like `10.40.0.0/16`.",
        )
    return value


Digest = Annotated[str, AfterValidator(_digest)]
SecretArn = Annotated[str, AfterValidator(_secret_arn)]
SecretId = Annotated[str, AfterValidator(_secret_id)]
Identifier = Annotated[str, AfterValidator(_identifier)]
SubnetId = Annotated[str, _aws_id("subnet")]
SecurityGroupId = Annotated[str, _aws_id("sg")]
VpcId = Annotated[str, _aws_id("vpc")]


class _Area(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ImageSettings(_Area):
    """Which image a container worker runs."""

    digest: Digest | None = None
    awaiting_first_image: bool = False
    """For a new stack, whose repository does not exist yet: make everything but the function."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "ImageSettings":
        if self.awaiting_first_image == (self.digest is not None):
            raise refuse(
                "A function needs its image, and a placeholder is never deployed.",
                "Set `digest`, or `awaiting_first_image: true` until the first image is in the repository.",
            )
        return self


class _PostgresTarget(_Area):
    name: Identifier = "bluemoxon"
    """The database inside PostgreSQL."""


class OwnedDatabase(_PostgresTarget):
    """An RDS instance of this stack."""

    username: Identifier = "bluemoxon"
    engine_version: Literal["15", "16", "17"] = "16"
    """PostgreSQL's major version; RDS keeps the minor one current."""
    instance_class: Annotated[str, AfterValidator(_instance_class)] = "db.t4g.micro"
    allocated_storage: int = Field(default=20, ge=20, le=65536)
    """GB at the start."""
    max_allocated_storage: int = Field(default=100, ge=21, le=65536)
    """GB up to which RDS grows it."""
    backup_retention_days: int = Field(default=7, ge=1, le=35)
    multi_az: bool = False

    @model_validator(mode="after")
    def _can_grow(self) -> "OwnedDatabase":
        if self.max_allocated_storage * 10 < self.allocated_storage * 11:
            raise refuse(
                "RDS grows storage by a tenth at least, so `max_allocated_storage` has to be that much "
                "over `allocated_storage`.",
                "Raise `max_allocated_storage`.",
            )
        return self


class GeneratedDatabase(OwnedDatabase):
    """The password is made once; instance and secret get the same value."""

    mode: Literal["generated"]


class ExistingDatabase(OwnedDatabase):
    """The password is what an existing secret says; the secret is read and never written."""

    mode: Literal["existing"]
    secret: SecretId | None = None
    """The secret's name or ARN; without it, `bluemoxon-{stack}/database`."""


class RdsManagedDatabase(OwnedDatabase):
    """RDS makes, owns and rotates the password and its secret."""

    mode: Literal["rds-managed"]


class ExternalDatabase(_PostgresTarget):
    """No database of ours, only where it is and the secret that opens it."""

    mode: Literal["external"]
    secret_arn: SecretArn
    host: Annotated[str, AfterValidator(_host)]
    port: int = Field(default=5432, ge=1, le=65535)


class NoNetwork(_Area):
    """Functions outside a VPC, and a database that is reached without one. For one laptop."""

    mode: Literal["none"]


class ExistingNetwork(_Area):
    """A VPC that others manage; its subnets have to reach S3, SQS, Secrets Manager and Cognito."""

    mode: Literal["existing"]
    vpc_id: VpcId
    subnet_ids: tuple[SubnetId, ...] = Field(min_length=2)
    security_group_ids: tuple[SecurityGroupId, ...] = Field(min_length=1)
    """For the functions of the application; the database lets them in."""


class CreatedNetwork(_Area):
    """A VPC of this stack: private subnets, and endpoints instead of a way to the internet."""

    mode: Literal["create"]
    cidr: Annotated[str, AfterValidator(_vpc_cidr)]
    zones: int = Field(default=2, ge=2, le=3)


class TransportSettings(_Area):
    """How queues, buckets and the database are spoken to."""

    require_tls: bool = True
    """Whether they refuse plain text. Off only for an emulator of AWS on the loopback interface."""


class StorageSettings(_Area):
    """The images bucket."""

    upload_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()
    """Origins whose pages may upload straight to the bucket."""
    old_versions_days: int = Field(default=30, ge=1, le=3650)


class AlarmSettings(_Area):
    """Who hears of alarms."""

    emails: tuple[Annotated[str, AfterValidator(_email)], ...] = ()


class LogSettings(_Area):
    """How long logs are kept."""

    retention_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731] = 30


DatabaseSettings = Annotated[
    GeneratedDatabase | ExistingDatabase | RdsManagedDatabase | ExternalDatabase, Field(discriminator="mode")
]
NetworkSettings = Annotated[NoNetwork | ExistingNetwork | CreatedNetwork, Field(discriminator="mode")]


class Settings(_Area):
    """Everything that a stack decides. Each field is one key of its configuration, `bluemoxon:{field}`."""

    workers: tuple[str, ...]
    database: DatabaseSettings
    network: NetworkSettings
    images: dict[str, ImageSettings] = {}
    transport: TransportSettings = TransportSettings()
    storage: StorageSettings = StorageSettings()
    alarms: AlarmSettings = AlarmSettings()
    logs: LogSettings = LogSettings()
