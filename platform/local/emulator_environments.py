"""How many processes of a function the emulator runs at once.

Loaded by `emulator_main`, under the emulator's own Python; imports nothing of the project. Lambda gives each
invocation that has none free an execution environment of its own, and so does ministack: fifty callers at
once would start fifty interpreters on a laptop, of which none answers in time. Here a function has a few for
each CPU, and further invocations wait for a free one.
"""

import os
import threading
import time
from collections import defaultdict, deque
from typing import Any

MOST = max(4, 2 * (os.cpu_count() or 1))
"""Processes of one function that are started without waiting."""
PATIENCE_SECONDS = 5.0
"""An invocation starts one more when none has become free for so long: a function that calls itself holds
what it waits for.
"""


def install() -> None:
    """Let invocations wait for a free process, in their order, once a function has `MOST`."""
    from ministack.core import lambda_runtime  # type: ignore[import-not-found]
    from ministack.services import lambda_svc  # type: ignore[import-not-found]

    acquire, release = lambda_runtime.acquire_worker, lambda_runtime.release_worker
    changed = threading.Condition()
    waiting: dict[str, deque[object]] = defaultdict(deque)
    freed: dict[str, float] = defaultdict(float)

    def acquire_in_turn(
        name: str, *rest: Any, max_concurrency: int | None = None, **named: Any
    ) -> tuple[Any, str]:
        ticket, start = object(), time.monotonic()
        with changed:
            waiting[name].append(ticket)
            try:
                while (left := max(start, freed[name]) + PATIENCE_SECONDS - time.monotonic()) > 0:
                    if waiting[name][0] is ticket:
                        worker, how = acquire(name, *rest, max_concurrency=max_concurrency or MOST, **named)
                        if worker is not None:
                            return worker, how
                    changed.wait(left)
            finally:
                waiting[name].remove(ticket)
                changed.notify_all()
        worker, how = acquire(name, *rest, max_concurrency=max_concurrency, **named)
        return worker, how

    def release_and_tell(worker: Any) -> None:
        release(worker)
        with changed:
            if worker is not None:
                freed[worker.func_name] = time.monotonic()
            changed.notify_all()

    lambda_svc.acquire_worker = acquire_in_turn
    lambda_svc.release_worker = release_and_tell
