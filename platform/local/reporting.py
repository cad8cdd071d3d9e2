"""How the local stack speaks to whoever runs it; the command line's `Ui` is one."""

import logging
from typing import Protocol

logger = logging.getLogger(__name__)


class Reporter(Protocol):
    """One short line for a step, one for something a person should know."""

    def say(self, text: str) -> None:
        """One step, in a few words."""

    def warn(self, text: str) -> None:
        """The work goes on, but the person should know this."""


class LogReporter:
    """Reports into the log: for tests and for processes that nobody watches."""

    def say(self, text: str) -> None:
        logger.info("%s", text)

    def warn(self, text: str) -> None:
        logger.warning("%s", text)
