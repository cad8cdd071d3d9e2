"""How often a caller may call.

A Lambda function keeps nothing between its instances, so the count is kept in the database, in an unlogged
table: one statement a call, exact over all instances. Where the database does not answer, or has no such
table yet, calls are not counted: the limit is against mistakes, and must not keep anybody from finding out
what is wrong.
"""

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import case
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from chalicelib.db.records import RateWindow
from chalicelib.faults import Fault, FaultCode

if TYPE_CHECKING:
    from chalicelib.resources import Resources

logger = logging.getLogger(__name__)

WINDOW: Final = timedelta(minutes=1)
_PAUSE_SECONDS: Final = 30.0


class Rates:
    """Counts calls; one for each process."""

    def __init__(self, res: "Resources") -> None:
        self._res = res
        self._paused_until = 0.0

    def count(self, caller: str) -> None:
        """Count a call; raises `Fault` (`rate_limited`) beyond the limit."""
        limit = self._res.settings.calls_per_minute
        if not limit or self._res.settings.database is None or time.monotonic() < self._paused_until:
            return
        now = self._res.clock()
        started = now.replace(second=0, microsecond=0)
        statement = insert(RateWindow).values(caller=caller, started_at=started, calls=1)
        fresh = statement.excluded.started_at
        statement = statement.on_conflict_do_update(
            index_elements=["caller"],
            set_={
                "calls": case((RateWindow.started_at == fresh, RateWindow.calls + 1), else_=1),
                "started_at": fresh,
            },
        )
        try:
            with self._res.database.session() as session:
                calls = session.scalar(statement.returning(RateWindow.calls)) or 0
        except (Fault, SQLAlchemyError) as error:
            # SQLAlchemy's text would quote the statement and its parameters.
            logger.warning(
                "Calls are not counted: %s", error if isinstance(error, Fault) else type(error).__name__
            )
            self._paused_until = time.monotonic() + _PAUSE_SECONDS
            return
        if calls > limit:
            wait = max(1, round((started + WINDOW - now).total_seconds()))
            raise Fault(
                FaultCode.RATE_LIMITED,
                f"More than {limit} calls in a minute.",
                fix=f"Go on in {wait} s.",
                details={"limit": limit, "retry_after": wait},
            )
