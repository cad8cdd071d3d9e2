"""Services are started once, known for sure, and stopped for sure."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local.paths import Paths
from local.processes import OWNER_VARIABLE, Processes, Service, State
from tests.local.waiting import wait_for
from workers.contracts import Problem

SLEEP = "import time; time.sleep(600)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('deaf', flush=True)
time.sleep(600)
"""
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
print('ready', flush=True)
time.sleep(600)
"""


def service(paths: Paths, code: str = SLEEP, **changes: object) -> Service:
    settings: dict[str, object] = {
        "name": "sleeper",
        "argv": (sys.executable, "-c", code),
        "env": {"COLOUR": "blue"},
        "cwd": paths.home,
        "log": paths.logs / "sleeper.log",
    }
    return Service(**{**settings, **changes})  # type: ignore[arg-type]


def test_starting_twice_gives_one_process(paths: Paths, processes: Processes) -> None:
    first = processes.start(service(paths))
    assert processes.start(service(paths)) == first
    assert processes.status("sleeper").state is State.RUNNING


def test_a_changed_service_replaces_the_old_process(paths: Paths, processes: Processes) -> None:
    first = processes.start(service(paths))
    second = processes.start(service(paths, env={"COLOUR": "red"}))
    assert second != first
    assert not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE
    wait_for(lambda: psutil.Process(second).environ().get("COLOUR") == "red", "the new environment")


def test_stopping_ends_children_too(paths: Paths, processes: Processes) -> None:
    pid = processes.start(service(paths, PARENT))
    wait_for(lambda: "ready" in (paths.logs / "sleeper.log").read_text(), "the child")
    children = psutil.Process(pid).children()
    assert len(children) == 1
    assert processes.stop("sleeper")
    wait_for(lambda: not any(child.is_running() for child in children), "the child's end")
    assert processes.status("sleeper").state is State.STOPPED


def test_a_process_that_ignores_sigterm_is_killed(paths: Paths, processes: Processes) -> None:
    pid = processes.start(service(paths, STUBBORN, grace=0.3))
    wait_for(lambda: "deaf" in (paths.logs / "sleeper.log").read_text(), "the handler")
    processes.stop("sleeper")
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_crash_is_shown_with_the_end_of_the_log(paths: Paths, processes: Processes) -> None:
    processes.start(service(paths, "print('about to fail', flush=True); raise SystemExit(3)"))
    wait_for(lambda: processes.status("sleeper").state is State.CRASHED, "the crash")
    assert "about to fail" in processes.status("sleeper").last_lines


def test_a_pid_that_is_somebody_elses_now_is_left_alone(paths: Paths, processes: Processes) -> None:
    processes.start(service(paths))
    other = subprocess.Popen([sys.executable, "-c", SLEEP])
    try:
        record = paths.run / "services" / "sleeper.json"
        data = json.loads(record.read_text())
        os.kill(data["pid"], signal.SIGKILL)
        record.write_text(json.dumps({**data, "pid": other.pid, "created": data["created"] - 1000}))
        assert processes.status("sleeper").state is State.CRASHED
        assert not processes.stop("sleeper")
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_revive_starts_only_what_died(paths: Paths, processes: Processes) -> None:
    first = processes.start(service(paths))
    assert processes.revive("sleeper") is None
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not processes.running("sleeper"), "the end")
    second = processes.revive("sleeper")
    assert second not in (None, first)
    assert processes.status("sleeper").restarts == 1


def test_revive_leaves_a_stopped_service_alone(paths: Paths, processes: Processes) -> None:
    processes.start(service(paths))
    processes.stop("sleeper")
    assert processes.revive("sleeper") is None


def test_sweep_finds_what_has_no_record(paths: Paths, processes: Processes, tmp_path: Path) -> None:
    ours = subprocess.Popen(
        [sys.executable, "-c", SLEEP], env={**os.environ, OWNER_VARIABLE: str(paths.home)}
    )
    theirs = subprocess.Popen(
        [sys.executable, "-c", SLEEP], env={**os.environ, OWNER_VARIABLE: str(tmp_path / "another")}
    )
    try:
        assert processes.sweep() == [ours.pid]
        assert ours.wait(5) == -signal.SIGTERM
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.wait()


def test_a_missing_program_is_a_problem_with_a_way_on(paths: Paths, processes: Processes) -> None:
    with pytest.raises(Problem, match="does not exist") as found:
        processes.start(service(paths, argv=("/nonexistent/program",)))
    assert found.value.fix


def test_records_are_for_this_user_only(paths: Paths, processes: Processes) -> None:
    processes.start(service(paths))
    record = paths.run / "services" / "sleeper.json"
    assert record.stat().st_mode & 0o077 == 0
    assert paths.run.stat().st_mode & 0o077 == 0
