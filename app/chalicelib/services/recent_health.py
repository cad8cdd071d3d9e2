"""The last finding of the health checks, for callers who may not have them run at will."""

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from chalicelib.services import health

if TYPE_CHECKING:
    from chalicelib.resources import Resources

KEEP: Final = timedelta(seconds=5)


class RecentHealth:
    """One process's finding; calls at the same time share one run of the checks."""

    def __init__(self, res: "Resources") -> None:
        self._res = res
        self._lock = threading.Lock()
        self._found: tuple[datetime, health.Health] | None = None

    def get(self) -> health.Health:
        """The finding of the last seconds, or a new one."""
        with self._lock:
            if self._found is None or self._res.clock() - self._found[0] >= KEEP:
                self._found = (self._res.clock(), health.examine(self._res))
            return self._found[1]
