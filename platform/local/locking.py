"""One command at a time changes the stack.

The lock belongs to the process that holds it and dies with it, so a lock file left behind by a killed
command is never in the way.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.files import read_json, write_atomic
from workers.contracts.problem import Problem


class StackBusy(Problem):
    """Another command is changing the stack right now."""


@contextmanager
def hold(lock_file: Path, purpose: str, what: str = "the local stack") -> Iterator[None]:
    """Hold the lock of `what` while the body runs; raises `StackBusy` at once where another process has it.

    `purpose` tells the others what runs.
    """
    import json

    from filelock import FileLock, Timeout

    holder_file = lock_file.with_suffix(".json")
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = read_json(holder_file) or {}
        pid = holder.get("pid", "unknown")
        raise StackBusy(
            f"Another command is changing {what}: {holder.get('purpose', 'bmx')} (process {pid}).",
            fix=f"Wait until it is done, or stop it with `kill {pid}` and run this command again.",
        ) from None
    try:
        write_atomic(holder_file, json.dumps({"pid": os.getpid(), "purpose": purpose, "argv": sys.argv}))
        yield
    finally:
        holder_file.unlink(missing_ok=True)
        lock.release()
