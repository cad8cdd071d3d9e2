"""Stacks of the program and of edited copies of it: the real engine, an emulator with IAM enforced, and a
real PostgreSQL for each database."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from gate.preview import PACK, Preview, preview
from local.emulator import Emulator
from local.engine import Engine
from local.engine.cli import Pulumi
from local.engine.project import Project
from local.paths import Paths
from local.ports import Ports
from local.postgres import drop_all
from local.processes import Processes
from local.provider.connection import Aws
from local.reporting import LogReporter
from tests.incidents.sources import Edit, copy

PROVIDERS = ("aws", "random")


@dataclass(frozen=True)
class Program(Pulumi):
    """The program, edited, on one stack."""

    folder: Path = field(kw_only=True)
    variables: dict[str, str] = field(kw_only=True)

    @property
    def project(self) -> Project:
        assert self.source is not None
        return Project(self.source, self.folder, self.stack)

    def env(self) -> dict[str, str]:
        return {**super().env(), **self.variables}

    def apply(self, *flags: str) -> "subprocess.CompletedProcess[str]":
        """`pulumi up`, unseen, as somebody in a hurry runs it."""
        return self.run("up", "--yes", "--skip-preview", *flags)

    def apply_under_policies(self, *flags: str) -> "subprocess.CompletedProcess[str]":
        """`pulumi up` with the policy pack, which is first heard on the preview."""
        return self.run("up", "--yes", "--policy-pack", str(PACK), *flags)

    def preview_judged(self, *flags: str) -> Preview:
        """A plan with what the policy pack says of it."""
        return preview([*self.command, *flags], self.env())


class Ground:
    """Where the stacks stand: one emulator, one backend, and providers that stay."""

    def __init__(self, engine: Engine, home: Path) -> None:
        self._engine = engine
        self._paths = Paths(home=home, cache=Paths.default().cache)
        self._paths.ensure()
        self._copies = home / "copies"
        self._processes = Processes(self._paths.run, self._paths.home)
        self._providers: list[subprocess.Popen[bytes]] = []

    @cached_property
    def emulator(self) -> Emulator:
        emulator = Emulator(self._paths, self._processes, Ports(self._paths.ports), as_tls=True)
        emulator.start(LogReporter())
        return emulator

    @cached_property
    def aws(self) -> Aws:
        """The emulator, as its root."""
        return Aws(self.emulator.connection)

    @cached_property
    def _variables(self) -> dict[str, str]:
        """With providers that are there already, each operation is some seconds shorter."""
        ports = {package: self._serve(package) for package in PROVIDERS}
        return {"PULUMI_DEBUG_PROVIDERS": ",".join(f"{package}:{port}" for package, port in ports.items())}

    def _serve(self, package: str) -> int:
        environment = {
            "BMX_HOME": str(self._paths.home),
            "BMX_CACHE": str(self._paths.cache),
            **self.emulator.connection.to_environment(),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "local.provider", package],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=(self._paths.logs / f"provider-{package}.log").open("wb"),
        )
        self._providers.append(process)
        assert process.stdout is not None
        return int(process.stdout.readline())

    def program(self, stack: str, *edits: Edit, like: Program | None = None) -> Program:
        """The program with these edits on a stack: a new one, or the one that `like` works on."""
        self._copies.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{stack}-", dir=self._copies))
        program = Program(
            self._engine,
            self._paths,
            self.emulator.connection,
            stack,
            copy(folder / "checkout", stack, edits),
            folder=folder / "project",
            variables=self._variables,
        )
        if like is not None:
            program.folder.mkdir()
            shutil.copy2(like.project.settings, program.project.settings)
        program.prepare()
        return program

    def stop(self) -> None:
        """End everything; the databases' data lies outside the home where PostgreSQL may not run as root."""
        for process in self._providers:
            process.terminate()
        for process in self._providers:
            process.wait(timeout=30)
        for name in self._processes.names():
            self._processes.stop(name)
        drop_all(self._paths.postgres)
        self._processes.sweep()


@contextmanager
def ground(engine: Engine) -> Iterator[Ground]:
    """A ground in a folder that PostgreSQL's own user can get to."""
    with tempfile.TemporaryDirectory(prefix="bmx-incidents-") as folder:
        Path(folder).chmod(0o755)
        made = Ground(engine, Path(folder) / "home")
        try:
            yield made
        finally:
            made.stop()
