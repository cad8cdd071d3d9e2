"""`bmx plan check --preview`: what it prints, and its exit codes."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bmx.commands import plan
from gate.model import parse
from tests.policies.plans import DATABASE, QUEUE, VALUE, preview, step

app = typer.Typer()
app.callback()(lambda: None)
plan.register(app)

UNSAFE = preview(step("update", DATABASE, "password"))


def run(text: str, tmp_path: Path, *more: str) -> tuple[int, str]:
    file = tmp_path / "preview.json"
    file.write_text(text)
    done = CliRunner().invoke(app, ["plan", "check", "--preview", str(file), *more])
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("text", "code", "verdict"),
    [(preview(), 0, "safe"), (UNSAFE, 1, "unsafe"), (UNSAFE[:-9], 4, "could not judge")],
)
def test_the_exit_code_is_the_verdict(text: str, code: int, verdict: str, tmp_path: Path) -> None:
    exit_code, output = run(text, tmp_path, "--json")
    envelope = json.loads(output)
    assert exit_code == code
    assert envelope["data"]["verdict"] == verdict
    assert envelope["status"] == ("ok" if code == 0 else "failed")
    assert VALUE not in output


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["plan", "check", "--preview", str(tmp_path / "none")])
    assert done.exit_code == 2


def test_another_stacks_preview_cannot_be_judged(tmp_path: Path) -> None:
    assert run(preview(), tmp_path, "--stack", "prod")[0] == 4


def test_a_plan_can_come_on_stdin() -> None:
    done = CliRunner().invoke(app, ["plan", "check", "--preview", "-"], input=UNSAFE)
    assert done.exit_code == 1


def test_the_markdown_is_written_with_the_way_out(tmp_path: Path) -> None:
    report = tmp_path / "plan.md"
    run(UNSAFE, tmp_path, "--markdown", str(report))
    assert "bmx credentials rotate" in report.read_text()


def test_an_approval_under_review_lets_its_plan_through(tmp_path: Path) -> None:
    deletion = preview(step("delete", QUEUE))
    approvals = tmp_path / "approvals.yaml"
    approvals.write_text(
        f"""approvals:
  - urn: {QUEUE}
    operation: delete
    plan: {parse(deletion).digest}
    reason: The worker is retired, see the runbook.
    approved_by: someone
    expires: {_soon()}
"""
    )
    assert run(deletion, tmp_path)[0] == 1
    assert run(deletion, tmp_path, "--approvals", str(approvals))[0] == 0
    approvals.write_text("approvals: [{urn: x}]")
    assert run(deletion, tmp_path, "--approvals", str(approvals))[0] == 4


def _soon() -> str:
    import datetime

    return (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=3)).isoformat()
