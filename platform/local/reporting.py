"""How the local stack speaks to whoever runs it; the command line's `Ui` is one."""

import logging
from typing import Protocol

logger = logging.getLogger(__name__)


class Reporter(Protocol):
    """One short line for a step, one for what happens within it, one for something a person should know."""

    def say(self, text: str) -> None:
        """One step, in a few words."""

    def detail(self, text: str) -> None:
        """One of the many things that happen within a step; the next one may take its place."""

    def warn(self, text: str) -> None:
        """The work goes on, but the person should know this."""


class LogReporter:
    """Reports into the log: for tests and for processes that nobody watches."""

    def say(self, text: str) -> None:
        logger.info("%s", text)

    def detail(self, text: str) -> None:
        logger.debug("%s", text)

    def warn(self, text: str) -> None:
        logger.warning("%s", text)
