"""The local providers for many operations of the engine instead of one each.

An engine starts a provider when the program asks for its first resource, and ends it with the operation:
seconds of imports, each time, in which the program waits. Here one process serves every package; it starts
while the emulator does, and the engine is told where it listens.
"""

import os
import subprocess
import sys
from dataclasses import replace
from types import TracebackType

from local.engine.cli import Pulumi
from local.engine.launchers import PROVIDERS
from local.files import tail
from workers.contracts.problem import Problem

STOP_SECONDS = 5.0
LOG = "provider.log"


class Providers:
    """The process, from entering to leaving. It carries the stack's mark: what a killed command left is swept
    with the stack."""

    def __init__(self, pulumi: Pulumi) -> None:
        self._pulumi = pulumi
        self._log = pulumi.paths.logs / LOG

    def __enter__(self) -> "Providers":
        self._log.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **self._pulumi.environment()}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # without byte code, pulumi_aws is compiled anew
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.provider", *PROVIDERS],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                # A Ctrl-C must not reach it: the engine, told by us, ends what it has begun.
                start_new_session=True,
            )
        return self

    def attach(self) -> Pulumi:
        """The engine with these providers; waits until they listen."""
        lines = [self._process.stdout.readline() if self._process.stdout else b"" for _ in PROVIDERS]
        if not all(line.strip().isdigit() for line in lines):
            raise Problem(
                "The local provider did not start: " + (" | ".join(tail(self._log, 3)) or "it says nothing."),
                fix=f"See {self._log}.",
            )
        ports = dict(zip(PROVIDERS, (int(line) for line in lines), strict=True))
        return replace(self._pulumi, providers=ports)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
