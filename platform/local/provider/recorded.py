"""Types whose service the emulator lacks: kept in the state, never made anywhere."""
# ruff: noqa: ARG002

import logging
import secrets

from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.values import Properties

_log = logging.getLogger(__name__)


class Recorded(ResourceType):
    """A type that is recorded only: inputs are outputs, `synthesised` adds what others refer to."""

    def synthesised(self, ctx: Context, identifier: str, inputs: Properties) -> Properties:
        """Outputs that the service would have given."""
        return {}

    def make(self, ctx: Context, inputs: Properties) -> str:
        """An id, and a warning that nothing was made."""
        _log.warning("%s is recorded only: the emulator has no such service", self.token)
        name = inputs.get(self.name_property) if self.name_property else None
        return str(name or f"recorded-{secrets.token_hex(6)}")

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        """What is recorded."""
        return {**state, **self.synthesised(ctx, identifier, state)}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        """Nothing to remove."""
