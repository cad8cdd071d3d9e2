"""A stack of the incident program on the real engine, the emulator and a real PostgreSQL, and who uses it."""

import datetime
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg

from gate import events
from gate.check import check
from gate.findings import Finding
from gate.preview import PACK, Preview, preview
from local.engine.cli import Outputs, Pulumi
from local.engine.find import Engine
from local.paths import Paths
from local.provider.connection import Aws, Connection
from local.reporting import LogReporter
from local.stack import LocalStack
from tests.incidents.program import VARIABLE, Edit

STACK = "incident"
MAIN = "from tests.incidents.program import main\n\nmain()\n"


class World:
    """One stack; `apply` is what somebody runs on it, the rest is what others then see."""

    def __init__(self, paths: Paths, engine: Engine, source: Path) -> None:
        self._paths = paths
        self._local = LocalStack(paths)
        source.mkdir()
        (source / "Pulumi.yaml").write_text("name: bluemoxon\nruntime: python\nmain: .\n")
        (source / f"Pulumi.{STACK}.yaml").write_text("config:\n  aws:region: us-west-2\n")
        (source / "__main__.py").write_text(MAIN)
        self._engine, self._source = engine, source

    @cached_property
    def connection(self) -> Connection:
        return self._local.emulator.start(LogReporter())

    @cached_property
    def pulumi(self) -> Pulumi:
        pulumi = Pulumi(self._engine, self._paths, self.connection, STACK, self._source)
        pulumi.prepare()
        return pulumi

    def stop(self) -> None:
        """End everything and forget it, PostgreSQL's data folder outside the home included."""
        self._local.down(LogReporter(), volumes=True)

    def apply(self, edit: Edit, *flags: str) -> "subprocess.CompletedProcess[str]":
        """`pulumi up` of the edited program."""
        with _environment(edit):
            return self.pulumi.run("up", "--yes", "--skip-preview", *flags)

    def apply_under_policies(self, edit: Edit, *flags: str) -> "subprocess.CompletedProcess[str]":
        """The same with the policy pack."""
        return self.apply(edit, "--policy-pack", str(PACK), *flags)

    def gate(self, edit: Edit) -> list[Finding]:
        """What the gate alone finds in the plan."""
        return list(check(self._preview(edit).digest, (), _today()).open)

    def policies(self, edit: Edit) -> set[str]:
        """The rules that the edit breaks, and that the unguarded program without it does not."""
        return self._violated(edit) - self._violated_without_edit

    @cached_property
    def _violated_without_edit(self) -> set[str]:
        return self._violated(Edit())

    def _violated(self, edit: Edit) -> set[str]:
        return {finding.id.removeprefix("policy:") for finding in events.findings(self._preview(edit).events)}

    def _preview(self, edit: Edit) -> Preview:
        command = [str(self._engine.executable), "--stack", STACK, "--cwd", str(self.pulumi.project.folder)]
        return preview(command, {**self.pulumi.env(), **_variables(edit)})

    def urn(self, type_: str, name: str) -> str:
        """Of a resource in the stack."""
        resources = self.pulumi.export()["deployment"]["resources"]
        return next(
            str(one["urn"]) for one in resources if one["type"] == type_ and one["urn"].endswith(f"::{name}")
        )

    @cached_property
    def outputs(self) -> Outputs:
        return self.pulumi.outputs()

    def secret(self, name: str) -> dict[str, Any]:
        """What the application reads."""
        value = self.secrets.get_secret_value(SecretId=self.outputs[f"{name}-secret"])["SecretString"]
        read: dict[str, Any] = json.loads(value)
        return read

    @cached_property
    def secrets(self) -> Any:
        """A client of Secrets Manager."""
        return Aws(self.connection).client("secretsmanager")

    def login(self) -> str:
        """The application's login, with what the secret says now: the user that PostgreSQL sees."""
        secret = self.secret("database")
        with psycopg.connect(
            host=self.outputs["host"],
            port=int(self.outputs["port"]),
            dbname="bluemoxon",
            user=secret["username"],
            password=secret["password"],
            connect_timeout=10,
        ) as connection:
            row = connection.execute("select current_user").fetchone()
        return str(row[0]) if row else ""


def _variables(edit: Edit) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    return {
        VARIABLE: json.dumps(asdict(edit)),
        "PYTHONPATH": root,
        # gRPC's handlers abort now and then a child that the provider starts as another user (PostgreSQL's).
        "GRPC_ENABLE_FORK_SUPPORT": "0",
    }


@contextmanager
def _environment(edit: Edit) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(_variables(edit))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
