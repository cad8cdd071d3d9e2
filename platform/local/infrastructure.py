"""The Pulumi program applied to the local stack, by the real engine or by the in-process one.

What was applied last is noted with a checksum of everything that decides it; the same again needs no
engine. Each stack stays with the kind of engine that made it: only that one knows which resources there
are.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.naming import LOCAL
from local.engine.find import Engine, find_engine
from local.engine.project import Project
from local.files import checksum, read_json, write_atomic
from local.paths import Paths
from local.provider.connection import Aws
from local.reporting import Reporter
from workers.contracts.problem import Problem

Outputs = Mapping[str, Any]

ENGINE = "pulumi"
IN_PROCESS = "in-process"

FALLBACK = (
    "No Pulumi engine here: applied in-process, without plan, protection and policies. "
    "`bmx engine build` or `bmx engine install` gets one."
)


@dataclass(frozen=True)
class Infrastructure:
    """The resources of stack `local` on one emulator."""

    paths: Paths
    aws: Aws
    stack: str = LOCAL

    @property
    def _record(self) -> Path:
        return self.paths.deploy / "infrastructure.json"

    @property
    def _kind_file(self) -> Path:
        return self.paths.state / "engine"

    def outputs(self) -> Outputs | None:
        """What the stack exported when it was last applied; None before that or after an interrupted try."""
        record = read_json(self._record)
        return record["outputs"] if record else None

    def kind(self) -> str | None:
        """Which kind of engine made the stack."""
        return self._kind_file.read_text().strip() if self._kind_file.exists() else None

    def apply(
        self, report: Reporter, *, refresh: bool = False, before: Callable[[], object] = lambda: None
    ) -> Outputs:
        """Bring the emulator in line with the program; at once where nothing has changed since.

        `refresh`: look at every resource first, because some may be missing. `before` is called if there is
        something to do.
        """
        fingerprint = self._fingerprint()
        record = read_json(self._record)
        if record and record["fingerprint"] == fingerprint and not refresh:
            known: Outputs = record["outputs"]
            if self._is_there(known):
                return known
            refresh = True
        before()
        again = self.kind() is not None
        self._record.unlink(missing_ok=True)
        engine = find_engine(self.paths)
        outputs = self._apply(engine, report, refresh=again and (refresh or record is None))
        write_atomic(self._record, json.dumps({"fingerprint": fingerprint, "outputs": dict(outputs)}))
        return outputs

    def _apply(self, engine: Engine | None, report: Reporter, *, refresh: bool) -> Outputs:
        kind = self.kind() or (ENGINE if engine else IN_PROCESS)
        if kind == ENGINE and engine is None:
            raise Problem(
                "The Pulumi engine that made this stack is gone.",
                why="Only it knows which resources there are.",
                fix="Get it back with `./bmx engine install` or `./bmx engine build`, or start afresh with "
                "`./bmx down --volumes`.",
            )
        write_atomic(self._kind_file, kind)
        if kind == IN_PROCESS or engine is None:
            return self._apply_in_process(engine, report)
        from local.engine.cli import Pulumi

        pulumi = Pulumi(engine, self.paths, self.aws.connection, self.stack)
        pulumi.unlock()
        report.say(f"Applying the Pulumi program (pulumi {engine.version}, {engine.origin.value})")
        summary = pulumi.up(report, refresh=refresh)
        report.say(f"Applied: {summary}")
        return pulumi.outputs()

    def _apply_in_process(self, engine: Engine | None, report: Reporter) -> Outputs:
        from local.provider import inprocess

        if engine is None:
            report.warn(FALLBACK)
        project = Project(self.paths.repo, self.paths.state / "project", self.stack)
        with _environment(BMX_HOME=str(self.paths.home)):
            return inprocess.apply(
                self.paths.platform,
                self.stack,
                project.config(),
                self.aws.connection,
                self.paths.state / "in-process.json",
                report.detail,
                project.name,
            )

    def _fingerprint(self) -> str:
        paths = self.paths
        return checksum(
            sys.version,
            self.aws.connection.endpoint,
            str(paths.home),
            [
                paths.repo / "Pulumi.yaml",
                paths.repo / f"Pulumi.{self.stack}.yaml",
                paths.requirements / "bmx.txt",
                paths.platform / "__main__.py",
                paths.platform / "infra",
                paths.platform / "local" / "provider",
                paths.platform / "local" / "postgres.py",
                paths.workers / "contracts",
            ],
        )

    def _is_there(self, outputs: Outputs) -> bool:
        """Whether the emulator still holds the stack, judged by its bucket and its API key."""
        bucket = self.aws.find("s3", "head_bucket", Bucket=outputs["images_bucket"])
        key = self.aws.find("secretsmanager", "describe_secret", SecretId=outputs["api_key_secret_arn"])
        return bucket is not None and key is not None


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Variables for the processes that the body starts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
