"""The stack's processes: started detached, known by pid and start time, stopped for sure.

Each service has a record `run/services/<name>.json` with how it is started, its pid and the kernel's start
time of that process, so that a pid given to somebody else meanwhile is never taken for ours. Every process
also carries `BMX_STACK_HOME` in its environment: `sweep` finds by it what an interrupted start left without
a record.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from local.files import read_json, tail, write_atomic
from workers.contracts.problem import Problem

OWNER_VARIABLE = "BMX_STACK_HOME"
LOG_LIMIT = 20 * 2**20
"""Bytes after which a service's log is put aside when the service starts."""

_PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TZ", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR")


class State(StrEnum):
    """What a service is doing."""

    RUNNING = "running"
    STOPPED = "stopped"
    CRASHED = "crashed"
    """It should be running and is not."""


@dataclass(frozen=True)
class Service:
    """How a process is run. `env` is added to the few variables that every process gets; it holds no
    secret."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    address: str = ""
    grace: float = 10.0
    """Seconds between asking to stop and killing."""
    keep_alive: bool = True
    """Whether the supervisor starts it again when it dies."""
    owns_children: bool = True
    """Whether what it started ends with it. The supervisor's children are services of their own."""


@dataclass(frozen=True)
class ServiceStatus:
    """What is known about a service now."""

    name: str
    state: State
    pid: int | None = None
    address: str = ""
    since: float | None = None
    """Start time in seconds since the epoch."""
    restarts: int = 0
    log: Path | None = None
    last_lines: tuple[str, ...] = ()
    """The end of its log, where it crashed."""


@dataclass(frozen=True)
class _Record:
    service: Service
    pid: int
    created: float
    restarts: int

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "_Record":
        raw = data["service"]
        service = Service(
            **{**raw, "argv": tuple(raw["argv"]), "cwd": Path(raw["cwd"]), "log": Path(raw["log"])},
        )
        return cls(service, int(data["pid"]), float(data["created"]), int(data["restarts"]))

    def dump(self) -> str:
        return json.dumps(asdict(self), default=str, indent=1)


class Processes:
    """The services of one stack, by name."""

    def __init__(self, run: Path, home: Path) -> None:
        self._folder = run / "services"
        self.home = home

    def start(self, service: Service) -> int:
        """Run a service unless it already runs exactly so, and give its pid. One that runs otherwise is
        replaced."""
        with self._lock(service.name):
            record = self._read(service.name)
            if record and self._process(record):
                if record.service == service:
                    return record.pid
                self._end(record)
            return self._spawn(service, restarts=0).pid

    def stop(self, name: str) -> bool:
        """Stop a service and what it started; whether it was running."""
        with self._lock(name):
            record = self._read(name)
            if record is None:
                return False
            was_running = self._end(record)
            self._path(name).unlink(missing_ok=True)
            return was_running

    def revive(self, name: str) -> int | None:
        """Start a service again if it should be running and is not; its new pid, or None where all is
        well."""
        from filelock import Timeout

        try:
            # Whoever has the lock starts or stops it right now; waiting here would keep children unreaped.
            with self._lock(name, wait=False):
                record = self._read(name)
                if record is None or not record.service.keep_alive or self._process(record):
                    return None
                return self._spawn(record.service, restarts=record.restarts + 1).pid
        except Timeout:
            return None

    def running(self, name: str) -> bool:
        """Whether the very process that was started is still alive."""
        record = self._read(name)
        return record is not None and self._process(record) is not None

    def status(self, name: str) -> ServiceStatus:
        """What is known about a service; `stopped` where it was never started."""
        record = self._read(name)
        if record is None:
            return ServiceStatus(name, State.STOPPED)
        service = record.service
        if self._process(record):
            return ServiceStatus(
                name, State.RUNNING, record.pid, service.address, record.created, record.restarts, service.log
            )
        lines = tuple(tail(service.log, 5))
        return ServiceStatus(
            name, State.CRASHED, None, service.address, None, record.restarts, service.log, lines
        )

    def names(self) -> list[str]:
        """Every service that was started and not stopped, running or not."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def sweep(self) -> list[int]:
        """Stop every process that carries this stack's mark, except this one and its parents; their pids."""
        import psutil

        mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid not in mine and process.environ().get(OWNER_VARIABLE) == str(self.home):
                    found.append(process)
        _terminate(found, grace=5)
        return [process.pid for process in found]

    def _spawn(self, service: Service, *, restarts: int) -> _Record:
        import psutil

        service.log.parent.mkdir(parents=True, exist_ok=True)
        if service.log.exists() and service.log.stat().st_size > LOG_LIMIT:
            service.log.replace(service.log.with_suffix(".1.log"))
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        env |= {**service.env, OWNER_VARIABLE: str(self.home), "PYTHONUNBUFFERED": "1"}
        with service.log.open("ab") as log:
            try:
                popen = subprocess.Popen(
                    service.argv,
                    cwd=service.cwd,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    umask=0o077,
                )
            except FileNotFoundError as error:
                raise Problem(
                    f"{service.name} cannot be started: {error.filename} does not exist.",
                    fix="Run `./bmx up`, which makes what is missing.",
                ) from error
        try:
            created = psutil.Process(popen.pid).create_time()
        except psutil.NoSuchProcess:
            created = time.time()
        popen.returncode = (
            0  # it outlives this process on purpose: its record, not this object, keeps track of it
        )
        record = _Record(service, popen.pid, created, restarts)
        write_atomic(self._path(service.name), record.dump())
        return record

    def _process(self, record: _Record) -> "Any | None":
        """The record's process as psutil's, or None where it is gone, a zombie, or somebody else's."""
        import psutil

        with contextlib.suppress(psutil.Error):
            process = psutil.Process(record.pid)
            same = abs(process.create_time() - record.created) < 2  # the clock may be set meanwhile
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def _end(self, record: _Record) -> bool:
        import psutil

        process = self._process(record)
        if process is None:
            return False
        family = [process]
        with contextlib.suppress(psutil.Error):
            family += process.children(recursive=True) if record.service.owns_children else []
        _terminate(family[:1], grace=record.service.grace)
        _terminate([member for member in family[1:] if member.is_running()], grace=2)
        return True

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _read(self, name: str) -> _Record | None:
        data = read_json(self._path(name))
        return _Record.parse(data) if data else None

    @contextlib.contextmanager
    def _lock(self, name: str, *, wait: bool = True) -> Iterator[None]:
        from filelock import FileLock

        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / f"{name}.lock", timeout=-1 if wait else 0):
            yield


def _terminate(processes: list[Any], *, grace: float) -> None:
    """SIGTERM, wait up to `grace` seconds for all of them, SIGKILL to the rest."""
    import psutil

    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    for process in _wait(processes, grace):
        with contextlib.suppress(psutil.Error):
            process.kill()
    _wait(processes, 5)


def _wait(processes: list[Any], seconds: float) -> list[Any]:
    """Those that have not ended after some time. A zombie has: its parent may be slow to take note of it."""
    deadline = time.monotonic() + seconds
    while alive := [process for process in processes if _lives(process)]:
        if time.monotonic() > deadline:
            return alive
        time.sleep(0.02)
    return []


def _lives(process: Any) -> bool:
    import psutil

    with contextlib.suppress(psutil.Error):
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    return False


def python_module(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs one of the project's modules in the environment of this process."""
    return (sys.executable, "-m", module, *arguments)
