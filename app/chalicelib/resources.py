"""What a process makes once and every service is given."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib import settings
from chalicelib.aws import Clients
from chalicelib.security.api_key import ApiKeys
from chalicelib.security.tokens import Tokens
from chalicelib.settings import Settings
from chalicelib.signed_urls import SignedUrls

if TYPE_CHECKING:
    from chalicelib.db.session import Database
    from chalicelib.services.rates import Rates
    from chalicelib.services.recent_health import RecentHealth


def utc_now() -> datetime:
    return datetime.now(UTC)


class Resources:
    """Settings, clients, database and keys; each is made when it is first used."""

    def __init__(self, config: Settings, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.settings = config
        self.clock = clock

    @cached_property
    def clients(self) -> Clients:
        return Clients(self.settings)

    @cached_property
    def urls(self) -> SignedUrls:
        return SignedUrls(self.clients, self.settings.images_bucket, self.clock)

    @cached_property
    def database(self) -> "Database":
        """Raises `MisconfiguredError` where the stack has no database."""
        from chalicelib.db.session import Database

        return Database(self.settings.database, self.clients)

    @cached_property
    def api_keys(self) -> ApiKeys:
        return ApiKeys(self.clients, self.settings.api_key_secret_arn)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.settings)

    @cached_property
    def rates(self) -> "Rates":
        from chalicelib.services.rates import Rates

        return Rates(self)

    @cached_property
    def recent_health(self) -> "RecentHealth":
        from chalicelib.services.recent_health import RecentHealth

        return RecentHealth(self)


_current: Resources | None = None


def current() -> Resources:
    """This process's resources, from its environment at the first call."""
    global _current
    if _current is None:
        _current = Resources(settings.load(os.environ))
    return _current


def use(resources: Resources | None) -> None:
    """Replace this process's resources; None makes the next call read the environment again."""
    global _current
    _current = resources
