"""The project's own program, on the real engine and the emulator: no false alarm, in any mode it has."""

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate import events
from gate.check import check
from gate.model import NotJudgeable
from gate.preview import preview
from gate.report import Verdict
from local.engine import Engine
from local.engine.cli import Pulumi
from local.paths import Paths
from local.reporting import LogReporter
from local.stack import LocalStack

TODAY = datetime.date(2026, 3, 1)

pytestmark = [pytest.mark.engine, pytest.mark.local]


@pytest.fixture
def pulumi(engine: Engine, tmp_path: Path) -> Iterator[Pulumi]:
    """The real program's stack `local`, not applied yet, on an emulator of its own."""
    paths = Paths(home=tmp_path / "home", cache=Paths.default().cache)
    paths.ensure()
    try:
        pulumi = Pulumi(engine, paths, LocalStack(paths).emulator.start(LogReporter()))
        pulumi.prepare()
        yield pulumi
    finally:
        LocalStack(paths).down(LogReporter(), volumes=True)


def test_a_new_stack_of_the_real_program_passes_pack_and_gate(pulumi: Pulumi) -> None:
    command = [str(pulumi.engine.executable), "--stack", pulumi.stack, "--cwd", str(pulumi.project.folder)]
    made = preview(command, pulumi.env())
    report = check(
        made.digest,
        (),
        TODAY,
        policy_findings=events.findings(made.events),
        stack=pulumi.stack,
    )
    assert [(one.id, one.resource, one.what) for one in report.open] == []
    assert report.verdict is Verdict.SAFE
    assert report.operations["create"] > 50
    assert report.resources == report.operations["create"]
    for length in range(1, len(made.digest.rstrip()), max(1, len(made.digest) // 300)):
        with pytest.raises(NotJudgeable):
            check(made.digest[:length], (), TODAY)
