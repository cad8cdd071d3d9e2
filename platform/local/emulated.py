"""Any stack of the project, with its own settings, on an emulator of its own.

A stack that was deployed so stays under `stacks/NAME` of the data folder until it is discarded, with its
emulator running; one that is only looked at is gone afterwards. Nothing of it touches the local stack or AWS.
"""

import contextlib
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from infra.naming import check_stack_name
from infra.settings import Settings
from local import locking, stand_ins
from local.emulator import Emulator
from local.engine.cli import Pulumi
from local.engine.find import Engine, find_engine
from local.engine.project import Project, require_settings
from local.engine.providers import Providers
from local.functions import ImageFunctions
from local.paths import Paths
from local.ports import Ports
from local.postgres import drop_all, instances, stop_all
from local.processes import Processes
from local.provider.connection import Aws
from local.reporting import Reporter
from workers.contracts.problem import Problem

NO_ENGINE = Problem(
    "There is no Pulumi engine here.",
    fix="`bmx engine install` fetches the official one, `bmx engine build` builds it with Go.",
)


@dataclass(frozen=True)
class EmulatedStack:
    """One stack below the data folder `main`."""

    main: Paths
    stack: str
    journal: Path | None = None
    """Where its emulator writes down what IAM is asked about roles."""

    def __post_init__(self) -> None:
        """Raise `Problem` for a name that no stack can have: it is a folder's, which may be removed."""
        check_stack_name(self.stack)

    @cached_property
    def paths(self) -> Paths:
        """Its own data folder."""
        return Paths(home=self.main.stacks / self.stack, cache=self.main.cache, repo=self.main.repo)

    @cached_property
    def processes(self) -> Processes:
        """What runs for it."""
        return Processes(self.paths.run, self.paths.home)

    @cached_property
    def emulator(self) -> Emulator:
        """Its emulator, in the account that its settings speak of."""
        account = stand_ins.account(self._settings)
        ports = Ports(self.paths.ports)
        return Emulator(self.paths, self.processes, ports, account=account, as_tls=True, journal=self.journal)

    @cached_property
    def functions(self) -> ImageFunctions:
        """The processes of its image functions, which run once its application is deployed."""
        return ImageFunctions(self.paths, self.processes, Ports(self.paths.ports), self.stack)

    @property
    def aws(self) -> Aws:
        """The emulator, as its root."""
        return Aws(self.emulator.connection)

    @property
    def deployed(self) -> bool:
        """Whether it was deployed here and not discarded."""
        return self._marker.exists()

    def require_deployed(self) -> None:
        """Raise `Problem` where it was not."""
        require_settings(self.main.repo, self.stack)
        if not self.deployed:
            raise Problem(
                f"Stack {self.stack} was not deployed to an emulator here.",
                fix=f"Deploy it: bmx deploy --stack {self.stack} --emulator.",
            )

    @property
    def pulumi(self) -> Pulumi:
        """The engine on it; raises `Problem` where there is none."""
        return self._pulumi(self._engine)

    @property
    def _engine(self) -> Engine:
        engine = find_engine(self.main)
        if engine is None:
            raise NO_ENGINE
        return engine

    def _pulumi(self, engine: Engine) -> Pulumi:
        log = self.main.logs / f"pulumi-{self.stack}.log"
        return Pulumi(engine, self.paths, self.emulator.connection, self.stack, log_file=log)

    @contextmanager
    def session(self, report: Reporter, *, keep: bool = False) -> Iterator[Pulumi]:
        """The engine on it while its emulator runs.

        With `keep` it is there afterwards, running. Else it is as before: gone, stopped or running.
        """
        require_settings(self.main.repo, self.stack)
        engine = self._engine
        self.main.ensure()
        with self._locked("bmx"):
            was_there, was_running = self.deployed, self.processes.running("emulator")
            try:
                self._clear()
                pulumi = self._pulumi(engine)
                # All three start at once: none needs another before the first operation.
                with Providers(pulumi) as providers, ThreadPoolExecutor(1) as pool:
                    prepared = pool.submit(self._prepare, pulumi)
                    self._start(report)
                    prepared.result()
                    if keep:
                        self._marker.touch()
                    yield providers.attach()
            finally:
                if not keep and not was_there:
                    self._discard()
                elif not keep and not was_running:
                    self._stop()

    def discard(self) -> bool:
        """Stop and forget it; whether there was anything."""
        if not self.paths.home.exists():
            return False
        with self._locked("bmx discarding"):
            self._discard()
        return True

    def stop(self) -> bool:
        """Stop it, or discard it if it was not to stay; whether anything ran."""
        running = bool(self.processes.names()) or any(
            instance.status().running for instance in instances(self.paths.postgres)
        )
        if self.deployed:
            self._stop()
        else:
            self._discard()
        return running

    def _locked(self, purpose: str) -> AbstractContextManager[None]:
        lock = self.main.stacks / f"{self.stack}.lock"
        return locking.hold(lock, purpose, f"stack {self.stack} on its emulator")

    @property
    def _marker(self) -> Path:
        return self.paths.home / "deployed"

    @cached_property
    def _project(self) -> Project:
        return Project(self.main.repo, self.paths.state / "project", self.stack)

    @cached_property
    def _settings(self) -> Settings | None:
        return stand_ins.read_settings(self._project.config())

    def _clear(self) -> None:
        """Drop what an interrupted command left."""
        if not self.deployed:
            self._discard()
        self.paths.ensure()

    def _prepare(self, pulumi: Pulumi) -> None:
        pulumi.unlock()
        pulumi.prepare()

    def _start(self, report: Reporter) -> None:
        self.emulator.start(report, self.functions.addresses())
        for database in instances(self.paths.postgres):
            database.start()
        if not self.deployed and self._settings is not None:
            for made in stand_ins.put(self._settings, self.stack, self.aws):
                report.say(f"Standing in for others: {made}")

    def _stop(self) -> None:
        for name in self.processes.names():
            self.processes.stop(name)
        stop_all(self.paths.postgres)
        self.processes.sweep()

    def _discard(self) -> None:
        if not self.paths.home.exists():
            return
        self._stop()
        drop_all(self.paths.postgres)
        shutil.rmtree(self.paths.home, ignore_errors=True)


def emulated_stacks(main: Paths) -> list[EmulatedStack]:
    """Those that there are in a data folder; a folder whose name no stack can have is none of them."""
    found = []
    for path in sorted(main.stacks.iterdir()) if main.stacks.is_dir() else ():
        if path.is_dir():
            with contextlib.suppress(Problem):
                found.append(EmulatedStack(main, path.name))
    return found
