"""The local stack: everything that `./bmx up` starts, in order, and `./bmx down` stops.

Order: emulator, database (of an earlier run), infrastructure, function processes, application, supervisor.
Each step does nothing where its result is already there, so `up` on a running stack is quick.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from local import locking
from local.deploy import Deployer, Deployment
from local.emulated import emulated_stacks
from local.emulator import NAME as EMULATOR
from local.emulator import Emulator
from local.files import checksum, forget, require_room, write_atomic
from local.functions import ImageFunctions, ensure_models
from local.infrastructure import Infrastructure, Outputs
from local.paths import Paths
from local.ports import Ports
from local.postgres import PostgresInstance, drop_all, instances
from local.probe import answers
from local.processes import Processes, Service, ServiceStatus, State, python_module
from local.provider.connection import Aws
from local.reporting import Reporter
from workers.contracts.api_key import KeyPair
from workers.contracts.problem import Problem

SUPERVISOR = "supervisor"
API_SECONDS = 60.0
ROOM_MB = 300
"""A new stack takes about half of it, and images come on top."""


class NotRunning(Problem):
    """The local stack is not up."""


@dataclass(frozen=True)
class StackStatus:
    """How the stack is. Addresses and credentials are there once it has been up, else None or empty."""

    state: State
    services: tuple[ServiceStatus, ...]
    api_url: str = ""
    engine: str | None = None
    images_bucket: str = ""
    api_key: str = ""
    outputs: Outputs | None = None
    functions: dict[str, str] | None = None
    aws: Aws | None = None

    @property
    def connection(self) -> Aws:
        """Clients of the emulator: `connection.client("s3")`."""
        if self.aws is None:
            raise NotRunning("The local stack is not up.", fix="Start it with `./bmx up`.")
        return self.aws

    @property
    def web_url(self) -> str:
        """The pages."""
        return f"{self.api_url}/" if self.api_url else ""

    @property
    def admin_url(self) -> str:
        """The admin page."""
        return f"{self.api_url}/admin" if self.api_url else ""

    def to_json(self) -> dict[str, Any]:
        """For programs; without the API key, which is in a file of its own."""
        return {
            "state": self.state.value,
            "api_url": self.api_url or None,
            "web_url": self.web_url or None,
            "admin_url": self.admin_url or None,
            "engine": self.engine,
            "images_bucket": self.images_bucket or None,
            "services": [
                {
                    "name": service.name,
                    "state": service.state.value,
                    "pid": service.pid,
                    "address": service.address or None,
                    "since": service.since,
                    "restarts": service.restarts,
                    "log": str(service.log) if service.log else None,
                    "last_lines": list(service.last_lines),
                }
                for service in self.services
            ],
        }


class LocalStack:
    """One stack on this machine, under `paths.home`."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.processes = Processes(paths.run, paths.home)
        self.ports = Ports(paths.ports)
        self.emulator = Emulator(paths, self.processes, self.ports)
        self.functions = ImageFunctions(paths, self.processes, self.ports)

    @cached_property
    def infrastructure(self) -> Infrastructure:
        """The resources on the emulator."""
        return Infrastructure(self.paths, self.aws)

    @cached_property
    def deployer(self) -> Deployer:
        """The application on the emulator."""
        return Deployer(self.paths, self.aws)

    @cached_property
    def aws(self) -> Aws:
        """The emulator, as its root."""
        return Aws(self.emulator.connection)

    def up(self, report: Reporter) -> StackStatus:
        """Start what does not run, apply and deploy what has changed, and wait until the API answers."""
        self.paths.ensure()
        require_room(self.paths.home, ROOM_MB)
        with self._changing("bmx up"):
            killed = self.emulator.was_killed()
            if killed:
                report.warn("The emulator was killed last time; the last seconds before that may be missing.")
            self._require_ports()
            ensure_models(self.paths, report)
            self.emulator.start(report, self.functions.addresses())
            for database in instances(self.paths.postgres):
                database.start()
            outputs = self._apply(report, refresh=killed)
            self.functions.start(outputs["functions"], self.aws, report)
            deployment = self.deployer.deploy(outputs, report)
            self._write_api_key(outputs, report)
            self._wait_for_api(deployment)
            self.processes.start(self._supervisor())
        return self.status()

    def down(self, report: Reporter, *, volumes: bool = False) -> list[str]:
        """Stop everything, also what an interrupted command left; with `volumes`, forget all. What was
        stopped."""
        if not self.paths.home.exists():
            return []
        with self._changing("bmx down"):
            stopped = [SUPERVISOR] if self.processes.stop(SUPERVISOR) else []
            names = self.processes.names()
            # The emulator last: the others use it to the end.
            for name in sorted(names, key=lambda name: name == EMULATOR):
                if self.processes.stop(name):
                    report.say(f"Stopped {name}")
                    stopped.append(name)
            for database in instances(self.paths.postgres):
                if database.stop():
                    report.say(f"Stopped {_label(database)}")
                    stopped.append(_label(database))
            for emulated in emulated_stacks(self.paths):
                if emulated.stop():
                    report.say(f"Stopped the emulated stack {emulated.stack}")
                    stopped.append(f"stack {emulated.stack}")
                if volumes:
                    emulated.discard()
            stopped += [f"process {pid}" for pid in self.processes.sweep()]
            if volumes:
                self._forget(report)
        return stopped

    def status(self) -> StackStatus:
        """How it is, changing nothing."""
        outputs = self.infrastructure.outputs() if self.paths.ports.exists() else None
        deployment = self.deployer.current() if outputs else None
        services = tuple(self._services(outputs))
        return StackStatus(
            state=_overall(services, complete=deployment is not None),
            services=services,
            api_url=deployment.api_url if deployment else "",
            engine=self.infrastructure.kind() if outputs else None,
            images_bucket=str(outputs["images_bucket"]) if outputs else "",
            api_key=self._api_key() if outputs else "",
            outputs=outputs,
            functions=deployment.functions if deployment else None,
            aws=self.aws if outputs else None,
        )

    def running(self) -> StackStatus:
        """How it is; raises `NotRunning` unless it is up."""
        status = self.status()
        if status.state is not State.RUNNING or not status.api_url:
            what = "is not up" if status.state is State.STOPPED else "is not well"
            raise NotRunning(f"The local stack {what}.", fix="Start it with `./bmx up`.")
        return status

    def _apply(self, report: Reporter, *, refresh: bool) -> Outputs:
        def pause() -> None:
            # The supervisor would start a database that the engine is just replacing.
            self.processes.stop(SUPERVISOR)

        return self.infrastructure.apply(report, refresh=refresh, before=pause)

    def _write_api_key(self, outputs: Outputs, report: Reporter) -> None:
        secret = self.aws.call("secretsmanager", "get_secret_value", SecretId=outputs["api_key_secret_arn"])
        keys = KeyPair.parse(secret["SecretString"])
        if keys is None or not keys.usable:
            report.warn("The stack's secret holds no API key: `bmx keys restore` makes one.")
        elif self._api_key() != keys.current:
            write_atomic(self.paths.api_key, keys.current, mode=0o600)

    def _api_key(self) -> str:
        return self.paths.api_key.read_text(encoding="utf-8") if self.paths.api_key.exists() else ""

    def _wait_for_api(self, deployment: Deployment) -> None:
        deadline = time.monotonic() + API_SECONDS
        while not answers(f"{deployment.api_url}/health", timeout=30):
            if time.monotonic() > deadline:
                raise Problem(
                    f"The API does not answer at {deployment.api_url}/health.",
                    fix="See `./bmx logs api` and `./bmx logs emulator`.",
                )
            time.sleep(0.2)

    def _supervisor(self) -> Service:
        code = checksum(self.paths.platform / "local" / "supervisor.py")
        return Service(
            name=SUPERVISOR,
            argv=python_module("local.supervisor", str(self.paths.home), str(self.paths.cache), code),
            env={"BMX_HOME": str(self.paths.home), "BMX_CACHE": str(self.paths.cache)},
            cwd=self.paths.home,
            log=self.paths.logs / f"{SUPERVISOR}.log",
            grace=10,
            keep_alive=False,
            owns_children=False,
        )

    def _services(self, outputs: Outputs | None) -> Iterator[ServiceStatus]:
        yield self.processes.status(EMULATOR)
        for database in instances(self.paths.postgres):
            yield self._database_status(database)
        known = set(outputs["functions"] if outputs else ())
        for name in sorted((known | set(self.processes.names())) - {EMULATOR, SUPERVISOR}):
            yield self.processes.status(name)
        yield self.processes.status(SUPERVISOR)

    def _database_status(self, database: PostgresInstance) -> ServiceStatus:
        found = database.status()
        if found.running:
            state = State.RUNNING
        else:
            state = State.CRASHED if self.processes.running(EMULATOR) else State.STOPPED
        return ServiceStatus(
            _label(database),
            state,
            found.pid,
            f"127.0.0.1:{found.port}",
            since=_started(found.pid),
            log=database.log,
        )

    def _require_ports(self) -> None:
        """Raise `PortTaken` before anything is started."""
        self.emulator.require_port()
        self.functions.require_ports()
        for database in instances(self.paths.postgres):
            database.require_port()

    def _forget(self, report: Reporter) -> None:
        drop_all(self.paths.postgres)
        lock = self.paths.stack_lock
        forget(self.paths.made_here, keep={lock, lock.with_suffix(".json")})
        kept = {self.paths.run, self.paths.tools, self.paths.on_aws}
        others = sorted(path.name for path in self.paths.home.iterdir() if path not in kept)
        if others:
            report.warn(f"Left in {self.paths.home}, since bmx did not make it: {', '.join(others)}.")

    @contextmanager
    def _changing(self, purpose: str) -> Iterator[None]:
        with locking.hold(self.paths.stack_lock, purpose):
            yield


def _label(database: PostgresInstance) -> str:
    return f"postgres {database.home.name}"


def _started(pid: int | None) -> float | None:
    import psutil

    if pid is None:
        return None
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _overall(services: tuple[ServiceStatus, ...], *, complete: bool) -> State:
    states = {service.state for service in services}
    if states == {State.STOPPED}:
        return State.STOPPED
    return State.RUNNING if states == {State.RUNNING} and complete else State.CRASHED
