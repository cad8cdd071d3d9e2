"""One stack and the engine that works on it: the local one, one on an emulator of its own, or one on AWS."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.naming import LOCAL
from local.emulated import NO_ENGINE, EmulatedStack
from local.engine.cli import CANCEL_SECONDS, Pulumi, Summary, stream
from local.engine.find import find_engine
from local.paths import Paths
from local.provider.connection import Aws
from local.reporting import Reporter
from workers.contracts.problem import Problem

if TYPE_CHECKING:
    from infra.settings import Settings

FUNCTION_SECONDS = 310
"""How long an answer of a function is waited for: Chalice's longest, 300, and what the way takes."""


@dataclass(frozen=True)
class Target:
    """A stack that can be worked on. `emulator` is None for one on AWS."""

    stack: str
    paths: Paths
    command: tuple[str, ...]
    """The engine with the stack and how it is to speak; operations are appended."""
    environment: Mapping[str, str]
    """On top of this process's own."""
    folder: Path
    emulator: Aws | None = None
    log: Path | None = None
    """Where errors are kept in full."""
    known: Mapping[str, Any] | None = None
    """What the stack exports, where there is no engine to ask; then `command` is empty."""

    @property
    def options(self) -> str:
        """The options of `bmx` that name it."""
        return f"--stack {self.stack}" + (" --emulator" if self.emulator and self.stack != LOCAL else "")

    @property
    def records(self) -> Path:
        """Where files about it are kept on this machine: for as long as it can be there."""
        return self.paths.state if self.emulator is not None else self.paths.on_aws

    def run(self, *arguments: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        """An operation of the engine, to its end; the output is captured and the exit code not judged."""
        return subprocess.run(
            [*self.command, *arguments],
            env={**os.environ, **self.environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        )

    def stream(self, report: Reporter, *arguments: str) -> Summary:
        """An operation that changes something, reporting each resource; raises `EngineFailed`."""
        log = self.log or self.paths.logs / f"pulumi-{self.stack}.log"
        return stream(
            [*self.command, *arguments],
            {**os.environ, **self.environment},
            report,
            log,
            self.folder,
            # What is left unfinished on an emulator can be thrown away; on AWS a database takes long.
            patience=CANCEL_SECONDS if self.emulator is not None else None,
        )

    def outputs(self) -> dict[str, Any]:
        """What the stack exports; raises `Problem` where it was never deployed."""
        if self.known is not None:
            return dict(self.known)
        done = self.run("stack", "output", "--json")
        try:
            found: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            found = {}
        if done.returncode or not found:
            said = done.stderr.strip()
            raise Problem(
                f"Stack {self.stack} exports nothing.",
                why=said.splitlines()[-1] if said else "It was not deployed yet.",
                fix="Deploy it first: `./bmx up` for the local one, else `bmx deploy`.",
            )
        return found

    @cached_property
    def region(self) -> str:
        """Where the stack is, from its settings."""
        return self._config().get("aws:region", "us-west-2")

    @property
    def settings(self) -> "Settings | None":
        """What the stack's file says now; None where it is wrong, which the program says better."""
        from local.stand_ins import read_settings

        return read_settings(self._config())

    def _config(self) -> dict[str, str]:
        from local.engine.project import Project

        return Project(self.paths.repo, self.folder, self.stack).config()

    def client(self, service: str, *, once: bool = False) -> Any:
        """A boto3 client of the account that the stack is in. `once`: no call is made a second time, however
        long its answer takes."""
        if self.emulator is not None:
            return self.emulator.client(service)
        import boto3
        from botocore.config import Config

        make: Any = boto3.client
        patient = Config(read_timeout=FUNCTION_SECONDS, retries={"total_max_attempts": 1})
        return make(service, region_name=self.region, config=patient if once else None)


@contextmanager
def open_target(
    stack: str,
    report: Reporter,
    *,
    emulator: bool,
    keep: bool = False,
    keep_there: bool = False,
    plain: bool = False,
    looking: bool = False,
    paths: Paths | None = None,
) -> Iterator[Target]:
    """A stack with its engine. `keep`: a stack on an emulator of its own is there afterwards; `keep_there`:
    and has to be there before.
    `plain`: what the stack exports is enough, so one that was made without an engine will do.
    `looking`: nothing is changed. One on an emulator of its own has to be there, and another command may be
    changing it.

    The local stack has to be up; a stack on AWS needs an official engine. Raises `Problem` where one of
    that is missing.
    """
    paths = paths or Paths.default()
    if stack == LOCAL:
        made = _made_in_process(paths) if plain else None
        yield made or emulated_target(_local(paths), paths)
    elif emulator:
        emulated = EmulatedStack(paths, stack)
        if looking or keep_there:
            emulated.require_deployed()
        if looking and emulated.emulator.healthy():
            yield _emulated(emulated.pulumi, emulated.paths)
        else:
            with emulated.session(report, keep=keep or looking or keep_there) as pulumi:
                yield emulated_target(pulumi, emulated.paths)
    else:
        yield _on_aws(stack, paths)


def _made_in_process(paths: Paths) -> Target | None:
    from local.infrastructure import IN_PROCESS
    from local.stack import LocalStack

    status = LocalStack(paths).status()
    if status.engine != IN_PROCESS or status.outputs is None:
        return None
    return Target(LOCAL, paths, (), {}, paths.repo, status.connection, known=status.outputs)


def _local(paths: Paths) -> Pulumi:
    from local.infrastructure import IN_PROCESS
    from local.stack import LocalStack, NotRunning

    local = LocalStack(paths)
    if not local.emulator.healthy():
        raise NotRunning("The local stack is not running.", fix="Start it with `./bmx up`.")
    engine = find_engine(paths)
    if engine is None:
        raise NO_ENGINE
    if local.infrastructure.kind() == IN_PROCESS:
        raise Problem(
            "The local stack was made without an engine.",
            why="So nobody keeps its state, and there is nothing to compare a plan with.",
            fix="`./bmx down --volumes` and `./bmx up` make it anew with the engine that is here now.",
        )
    return Pulumi(engine, paths, local.emulator.connection, LOCAL)


def emulated_target(pulumi: Pulumi, paths: Paths) -> Target:
    """A stack on an emulator that runs, with its own data folder."""
    pulumi.prepare()
    return _emulated(pulumi, paths)


def _emulated(pulumi: Pulumi, paths: Paths) -> Target:
    return Target(
        stack=pulumi.stack,
        paths=paths,
        command=pulumi.command,
        environment=pulumi.environment(),
        folder=pulumi.project.folder,
        emulator=Aws(pulumi.connection),
        log=pulumi.log,
    )


def _on_aws(stack: str, paths: Paths) -> Target:
    engine = find_engine(paths)
    if engine is None:
        raise NO_ENGINE
    if not engine.has_language_host:
        raise Problem(
            "This engine was built for emulated stacks and has no providers for AWS.",
            fix="`bmx engine install` fetches the official one; --emulator works with this one.",
        )
    command = (str(engine.executable), "--non-interactive", "--color=never", "--stack", stack)
    return Target(stack, paths, command, {"PULUMI_SKIP_UPDATE_CHECK": "1"}, paths.repo)
