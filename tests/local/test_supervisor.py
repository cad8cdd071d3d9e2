"""What dies is started again."""

import os
import signal
import sys

import pytest

from local.paths import Paths
from local.processes import Processes, Service, python_module
from tests.local.waiting import wait_for

pytestmark = pytest.mark.local


@pytest.fixture
def supervised(paths: Paths, processes: Processes) -> int:
    """A supervisor and a service that it looks after; the service's pid."""
    log = paths.logs / "supervisor.log"
    command = python_module("local.supervisor", str(paths.home), str(paths.cache))
    processes.start(
        Service("supervisor", command, {}, paths.home, log, keep_alive=False, owns_children=False)
    )
    sleeper = (sys.executable, "-c", "import time; time.sleep(600)")
    pid = processes.start(Service("sleeper", sleeper, {}, paths.home, paths.logs / "sleeper.log"))
    wait_for(lambda: processes.running("supervisor"), "the supervisor")
    return pid


def test_a_killed_service_comes_back(processes: Processes, supervised: int) -> None:
    os.kill(supervised, signal.SIGKILL)
    wait_for(lambda: processes.status("sleeper").pid not in (None, supervised), "a new process")
    assert processes.status("sleeper").restarts == 1


def test_a_stopped_service_stays_stopped(processes: Processes, supervised: int) -> None:
    processes.stop("sleeper")
    os.kill(processes.start(_other(processes)), signal.SIGKILL)
    wait_for(lambda: processes.status("other").restarts >= 1, "the supervisor's next round")
    assert processes.names() == ["other", "supervisor"]


def test_stopping_the_supervisor_leaves_what_it_started_running(
    processes: Processes, supervised: int
) -> None:
    os.kill(supervised, signal.SIGKILL)
    wait_for(lambda: processes.status("sleeper").pid not in (None, supervised), "a new process")
    second = processes.status("sleeper").pid
    processes.stop("supervisor")
    assert processes.status("sleeper").pid == second


def test_services_outlive_the_supervisor(processes: Processes, supervised: int) -> None:
    pid = processes.status("supervisor").pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not processes.running("supervisor"), "its end")
    assert processes.status("sleeper").pid == supervised


def _other(processes: Processes) -> Service:
    home = processes.home
    sleeper = (sys.executable, "-c", "import time; time.sleep(600)")
    return Service("other", sleeper, {}, home, home / "logs" / "other.log")
