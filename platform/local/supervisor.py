"""`python -m local.supervisor HOME CACHE`: starts again what died, until it is told to stop.

It holds nothing itself: services are started detached and known by their records, so the stack goes on when
the supervisor dies, and a new one takes over.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from local.paths import Paths
from local.postgres import PostgresInstance, instances
from local.processes import Processes
from workers.contracts.problem import Problem

logger = logging.getLogger("supervisor")

POLL_SECONDS = 0.5
LONGEST_PAUSE = 30.0
STABLE_SECONDS = 60.0
"""A service that ran this long is started again at once when it dies."""


@dataclass
class _Backoff:
    pause: float = 0.0
    not_before: float = 0.0

    def next(self, now: float) -> None:
        if now - self.not_before > STABLE_SECONDS:
            self.pause = 0.0
        self.pause = min(LONGEST_PAUSE, self.pause * 2 or 0.5)
        self.not_before = now + self.pause


def supervise(paths: Paths, stop: threading.Event) -> None:
    """Look at every service and database twice a second until `stop` is set."""
    processes = Processes(paths.run, paths.home)
    pauses: dict[str, _Backoff] = {}
    while not stop.wait(POLL_SECONDS):
        _reap()
        for name, revive in _charges(paths, processes).items():
            pause = pauses.setdefault(name, _Backoff())
            now = time.monotonic()
            if now < pause.not_before:
                continue
            try:
                pid = revive()
            except (Problem, OSError) as problem:
                pause.next(now)
                logger.error("%s cannot be started: %s", name, problem)
                continue
            if pid is not None:
                pause.next(now)
                logger.warning("%s had died; started again as process %d", name, pid)


def _charges(paths: Paths, processes: Processes) -> dict[str, Callable[[], int | None]]:
    """What is looked after: by name, how to start it again if it is dead."""
    charges: dict[str, Callable[[], int | None]] = {
        name: partial(processes.revive, name) for name in processes.names()
    }
    charges |= {f"postgres {db.home.name}": partial(_revive, db) for db in instances(paths.postgres)}
    return charges


def _revive(database: PostgresInstance) -> int | None:
    return None if database.status().running else database.start().pid


def _reap() -> None:
    """Let children that ended go, so that they are not taken for running ones."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    paths = Paths(home=Path(sys.argv[1]), cache=Path(sys.argv[2]))
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    supervise(paths, stop)


if __name__ == "__main__":
    main()
