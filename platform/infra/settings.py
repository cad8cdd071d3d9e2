"""A stack's settings: typed, frozen, complete. Unknown keys fail, and there is no key for a password.

The configuration in `Pulumi.{stack}.yaml` has one key an area: `bluemoxon:workers`, `bluemoxon:database` and
so on; each is a field of `Settings`. Read it with `infra.config`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from infra.faults import refuse
from infra.formats import (
    BucketName,
    Digest,
    DomainPrefix,
    Emails,
    Host,
    Identifier,
    InstanceClass,
    OidcProviderArn,
    Origins,
    PagesUrl,
    RefName,
    Repository,
    SecretArn,
    SecretId,
    SecurityGroupIds,
    SubnetIds,
    VpcCidr,
    VpcId,
)


class _Area(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class ImageSettings(_Area):
    """Which image a container worker runs."""

    digest: Digest | None = None
    """`sha256:…` in the stack's repository; `bmx image digest --stack` writes it."""
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
    """The master user."""
    engine_version: Literal["15", "16", "17"] = "16"
    """PostgreSQL's major version; RDS keeps the minor one current."""
    instance_class: InstanceClass = "db.t4g.micro"
    """RDS' class of instance."""
    allocated_storage: int = Field(default=20, ge=20, le=65536)
    """GB at the start."""
    max_allocated_storage: int = Field(default=100, ge=21, le=65536)
    """GB up to which RDS grows it."""
    backup_retention_days: int = Field(default=7, ge=1, le=35)
    """For how many days back RDS restores to any second."""
    multi_az: bool = False
    """A standby in another zone, which takes over by itself; it doubles the instance's price."""

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
    """Its JSON has `username` and `password`."""
    host: Host
    """Where the database listens."""
    port: int = Field(default=5432, ge=1, le=65535)
    """And at which port."""


class NoNetwork(_Area):
    """Functions outside a VPC, and a database that is reached without one. For one laptop."""

    mode: Literal["none"]


class ExistingNetwork(_Area):
    """A VPC that others manage; its subnets have to reach S3, SQS, Secrets Manager and Cognito."""

    mode: Literal["existing"]
    vpc_id: VpcId
    """Its id."""
    subnet_ids: SubnetIds
    """For the functions and the database, in two zones at least."""
    security_group_ids: SecurityGroupIds
    """For the functions of the application; the database lets them in."""


class CreatedNetwork(_Area):
    """A VPC of this stack: private subnets, and endpoints instead of a way to the internet."""

    mode: Literal["create"]
    cidr: VpcCidr
    """The VPC's addresses, as `10.20.0.0/16`."""
    zones: int = Field(default=2, ge=2, le=3)
    """How many availability zones get a subnet and endpoints, which are paid for each."""


class TransportSettings(_Area):
    """How queues, buckets and the database are spoken to."""

    require_tls: bool = True
    """Whether they refuse plain text. Off only for an emulator of AWS on the loopback interface."""


class StorageSettings(_Area):
    """The images bucket."""

    upload_origins: Origins = ()
    """Origins whose pages may upload straight to the bucket."""
    old_versions_days: int = Field(default=30, ge=1, le=3650)
    """For how many days a deleted or replaced object can be brought back."""


class AlarmSettings(_Area):
    """Who hears of alarms."""

    emails: Emails = ()
    """Addresses; each gets a message with a link first, and hears nothing until it was followed."""


class DashboardSettings(_Area):
    """The CloudWatch dashboard."""

    enabled: bool = True
    """Off where nobody draws it: an emulator of AWS."""


class BudgetSettings(_Area):
    """What a month may cost; going over it is told, not stopped."""

    monthly_usd: int | None = Field(default=None, ge=1, le=1_000_000)
    """US dollars; without it, the stack has no budget."""
    only_this_stack: bool = False
    """Count only what has this stack's tag, instead of the whole account. AWS sees the tag `bluemoxon:stack`
    once it has been activated as a cost allocation tag in the billing console; until then, it counts nothing.
    """


class DeploySettings(_Area):
    """Who may deploy without a person: the workflows of one repository on GitHub, and of those only the ones
    that run in one environment or on one branch.
    """

    repository: Repository
    """`owner/name` on GitHub."""
    environment: RefName | None = None
    """Of that repository; its rules can ask for a review."""
    branch: RefName | None = None
    """In place of an environment."""
    oidc_provider_arn: OidcProviderArn | None = None
    """GitHub's identity provider where the account has it already; an account can have it once only."""
    state_bucket: BucketName | None = None
    """The bucket for what workflows keep: Pulumi's state, and what Chalice deployed."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "DeploySettings":
        if (self.environment is None) == (self.branch is None):
            raise refuse(
                "GitHub names one of the two in a workflow's token: the environment, else the branch.",
                "Set `environment` (its rules can ask for a review), or `branch`.",
            )
        return self


class SignInSettings(_Area):
    """Cognito's sign-in page, which sends people back to the pages."""

    pages_url: PagesUrl
    """Where the pages are: what `bmx deploy` prints once the application is there, or its own domain."""
    domain_prefix: DomainPrefix | None = None
    """Of `https://{prefix}.auth.{region}.amazoncognito.com`; without it, stack and account make one."""


class LogSettings(_Area):
    """How long logs are kept."""

    retention_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731] = 30
    """Those that CloudWatch knows."""


DatabaseSettings = Annotated[
    GeneratedDatabase | ExistingDatabase | RdsManagedDatabase | ExternalDatabase, Field(discriminator="mode")
]
NetworkSettings = Annotated[NoNetwork | ExistingNetwork | CreatedNetwork, Field(discriminator="mode")]


class Settings(_Area):
    """Everything that a stack decides. Each field is one key of its configuration, `bluemoxon:{field}`."""

    workers: tuple[str, ...]
    """Names of the workers that the stack has, of those that `platform/infra/workers.py` declares."""
    database: DatabaseSettings
    network: NetworkSettings
    images: dict[str, ImageSettings] = {}
    """The images of container workers, by the worker's name."""
    transport: TransportSettings = TransportSettings()
    storage: StorageSettings = StorageSettings()
    alarms: AlarmSettings = AlarmSettings()
    logs: LogSettings = LogSettings()
    dashboard: DashboardSettings = DashboardSettings()
    budget: BudgetSettings = BudgetSettings()
    deploy: DeploySettings | None = None
    sign_in: SignInSettings | None = None
