"""What a resource type may use: the emulator, the provider's configuration, the local data folder."""

from dataclasses import dataclass, field
from functools import cached_property

from local.paths import Paths
from local.provider.connection import Aws, Connection
from local.provider.values import Properties


@dataclass(frozen=True)
class Context:
    """One configured provider."""

    aws: Aws
    region: str
    default_tags: dict[str, str] = field(default_factory=dict)
    paths: Paths = field(default_factory=Paths.default)

    @classmethod
    def for_connection(cls, connection: Connection, configuration: Properties | None = None) -> "Context":
        """The context for a provider's configuration (`region`, `defaultTags`); the rest means nothing."""
        configuration = configuration or {}
        default_tags = (configuration.get("defaultTags") or {}).get("tags") or {}
        return cls(
            aws=Aws(connection),
            region=str(configuration.get("region") or connection.region),
            default_tags={str(name): str(value) for name, value in default_tags.items()},
        )

    @cached_property
    def service(self) -> Aws:
        """The emulator as a service of AWS that acts by itself, whatever rights the caller has."""
        return Aws(self.aws.connection.root)

    @property
    def account(self) -> str:
        """The emulated account's number."""
        return self.aws.connection.account

    def arn(
        self, service: str, resource: str, *, region: str | None = None, account: str | None = None
    ) -> str:
        """`arn:aws:{service}:{region}:{account}:{resource}`; empty `region` or `account` for global ones."""
        region = self.region if region is None else region
        account = self.account if account is None else account
        return f"arn:aws:{service}:{region}:{account}:{resource}"

    def all_tags(self, inputs: Properties) -> dict[str, str]:
        """A resource's own tags over the provider's default ones: what the real provider calls `tagsAll`."""
        return {**self.default_tags, **(inputs.get("tags") or {})}
