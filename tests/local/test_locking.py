"""One command at a time; a lock of a dead process is no lock."""

import subprocess
import sys

import pytest

from local.locking import StackBusy, hold
from local.paths import Paths
from tests.local.waiting import wait_for

HOLDER = """
import sys, time
from pathlib import Path
from local.locking import hold
with hold(Path(sys.argv[1]), "bmx up"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_second_command_is_told_who_is_first(paths: Paths) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(paths.stack_lock)], stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout
        assert first.stdout.readline().strip() == "held"
        with pytest.raises(StackBusy, match=f"bmx up \\(process {first.pid}\\)"), hold(paths.stack_lock, "x"):
            pass
        first.kill()
        first.wait()
    # The lock file is still there, its holder is not.
    assert paths.stack_lock.exists()
    wait_for(lambda: _can_hold(paths), "the lock")


def test_the_lock_is_free_after_a_failure(paths: Paths) -> None:
    with pytest.raises(ZeroDivisionError), hold(paths.stack_lock, "bmx up"):
        _ = 1 / 0
    assert _can_hold(paths)


def _can_hold(paths: Paths) -> bool:
    try:
        with hold(paths.stack_lock, "bmx down"):
            return True
    except StackBusy:
        return False
