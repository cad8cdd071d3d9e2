"""How many processes of a function the emulator runs at once.

Loaded by `emulator_main`, under the emulator's own Python; imports nothing of the project. Lambda gives each
invocation that has none free an execution environment of its own, and so does ministack: fifty callers at
once would start fifty interpreters on a laptop, of which none answers in time, and the dozen calls of one
page would wait for those that they start. Here an invocation waits for a free process, and only what waits
for long has one more started beside it, up to a few for each CPU.

A process whose function is updated or deleted ends when its invocation has, as Lambda's do; ministack would
end it at once, and its caller would get a 502.
"""

import contextvars
import os
import threading
import time
from collections import defaultdict, deque
from typing import Any

MOST = max(4, 2 * (os.cpu_count() or 1))
"""Processes of one function that are started while invocations wait."""
GRACE_SECONDS = 0.5
"""After it, the invocation whose turn it is has one more started, and takes whichever is free first."""
PATIENCE_SECONDS = 5.0
"""An invocation starts one itself when none has become free for so long, however many there are: a function
that calls itself holds what it waits for.
"""
START_SECONDS = 30.0
"""The same while one is being started."""
LOG_SECONDS = 0.01
"""How long an answer waits for a first line of log. A function writes its log before its answer, so a line
that is there comes at once; ministack's 50 ms are what every call that logs nothing would take longer.
"""


def install() -> None:
    """Let invocations wait for a free process, in their order, and come to their end in it."""
    _wait_for_free_ones()
    _let_running_ones_end()


def _wait_for_free_ones() -> None:
    from ministack.core import lambda_runtime  # type: ignore[import-not-found]
    from ministack.services import lambda_svc  # type: ignore[import-not-found]

    acquire, release = lambda_runtime.acquire_worker, lambda_runtime.release_worker
    changed = threading.Condition()
    waiting: dict[str, deque[object]] = defaultdict(deque)
    freed: dict[str, float] = defaultdict(float)
    starting: set[str] = set()

    def acquire_in_turn(
        name: str, config: Any, code: bytes, *, max_concurrency: int | None = None, **named: Any
    ) -> tuple[Any, str]:
        def now() -> tuple[Any, bytes]:
            """The function as it is: it may have been updated since this invocation was handed it."""
            latest = config.get("Version", "$LATEST") == "$LATEST" and lambda_svc._functions.get(name)
            return (latest["config"], latest["code_zip"]) if latest else (config, code)

        def at_most(count: int | None) -> tuple[Any, str]:
            while True:
                answer: tuple[Any, str] = acquire(name, *now(), max_concurrency=count, **named)
                worker, _ = answer
                if worker is None or worker.code_zip == now()[1]:
                    return answer
                # It was updated in between, and nothing would end this process.
                with lambda_runtime._lock:
                    for workers in lambda_runtime._workers.values():
                        workers[:] = [it for it in workers if it is not worker]
                worker.kill()

        ticket, start = object(), time.monotonic()
        with changed:
            waiting[name].append(ticket)
            try:
                while (left := _end(max(start, freed[name]), name in starting) - time.monotonic()) > 0:
                    if waiting[name][0] is ticket:
                        # With one at most it is a free one, or the function's first.
                        worker, how = at_most(1)
                        late = time.monotonic() - start >= GRACE_SECONDS
                        if worker is None and late and name not in starting:
                            worker, how = at_most(max_concurrency or MOST)
                        if how == "reused":
                            return worker, how
                        if worker is not None:
                            starting.add(name)
                            context = contextvars.copy_context()
                            threading.Thread(
                                target=context.run, args=(start_and_release, name, worker), daemon=True
                            ).start()
                    changed.wait(min(left, GRACE_SECONDS / 4))
            finally:
                waiting[name].remove(ticket)
                changed.notify_all()
        return at_most(max_concurrency)

    def start_and_release(name: str, worker: Any) -> None:
        try:
            lambda_runtime.ensure_spawned(worker)
        except Exception:  # noqa: BLE001 - the invocation that gets it tries again, and tells its caller
            worker.kill()
        finally:
            with changed:
                starting.discard(name)
            release_and_tell(worker)
            _end_if_replaced(worker)

    def release_and_tell(worker: Any) -> None:
        release(worker)
        with changed:
            if worker is not None:
                freed[worker.func_name] = time.monotonic()
            changed.notify_all()

    drain = lambda_runtime.Worker._drain_stderr_bounded

    def drain_soon(worker: Any, first_line_wait: float = LOG_SECONDS, **named: float) -> str:
        return str(drain(worker, first_line_wait=first_line_wait, **named))

    lambda_runtime.Worker._drain_stderr_bounded = drain_soon
    lambda_svc.acquire_worker = acquire_in_turn
    lambda_svc.release_worker = release_and_tell


def _let_running_ones_end() -> None:
    from ministack.core import lambda_runtime

    invoke, kill = lambda_runtime.Worker.invoke, lambda_runtime.kill_workers
    lock = threading.Lock()
    running: set[Any] = set()

    def invoke_to_the_end(worker: Any, *rest: Any, **named: Any) -> dict[str, Any]:
        with lock:
            running.add(worker)
        try:
            answer: dict[str, Any] = invoke(worker, *rest, **named)
            return answer
        finally:
            with lock:
                running.discard(worker)
            _end_if_replaced(worker)

    def kill_free(workers: Any) -> None:
        with lock:
            free = [worker for worker in workers if worker not in running]
        kill(free)

    lambda_runtime.Worker.invoke = invoke_to_the_end
    lambda_runtime.kill_workers = kill_free


def _end_if_replaced(worker: Any) -> None:
    """End a process that its function no longer counts on: it was updated or deleted meanwhile."""
    from ministack.core import lambda_runtime

    with lambda_runtime._lock:
        kept = any(worker is it for workers in lambda_runtime._workers.values() for it in workers)
    if not kept:
        worker.kill()


def _end(last: float, starts: bool) -> float:
    """Until when an invocation waits, which began to or saw one become free at `last`."""
    return last + (START_SECONDS if starts else PATIENCE_SECONDS)
