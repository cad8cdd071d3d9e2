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
    there = tmp_path / "preview.json"
    there.write_text(preview())
    for more in (["--preview", "none"], ["--approvals", "none"], ["--markdown", "no/folder.md"]):
        done = CliRunner().invoke(app, ["plan", "check", "--preview", str(there), *more])
        assert done.exit_code == 2, more


def test_a_fault_of_the_gate_is_no_verdict_and_shows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_plan: object) -> None:
        raise KeyError(VALUE)

    monkeypatch.setattr("gate.judge.judge", fail)
    exit_code, output = run(preview(), tmp_path)
    assert exit_code == 4
    assert "KeyError" in output
    assert VALUE not in output


def test_a_stack_without_a_plan_is_no_verdict() -> None:
    done = CliRunner().invoke(app, ["plan", "check", "--stack", "nowhere", "--emulator", "--json"])
    assert done.exit_code == 4
    assert json.loads(done.output)["data"]["verdict"] == "could not judge"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"null", b"[1]", b"\x00" * 10])
def test_what_is_no_preview_is_no_verdict(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "preview.json"
    file.write_bytes(content)
    assert CliRunner().invoke(app, ["plan", "check", "--preview", str(file)]).exit_code == 4


def test_a_plan_from_a_file_says_that_the_pack_did_not_look(tmp_path: Path) -> None:
    assert "policy pack did not look" in run(preview(), tmp_path)[1]


def test_another_stacks_preview_cannot_be_judged(tmp_path: Path) -> None:
    assert run(preview(), tmp_path, "--stack", "prod")[0] == 4


def test_a_plan_can_come_on_stdin() -> None:
    done = CliRunner().invoke(app, ["plan", "check", "--preview", "-"], input=UNSAFE)
    assert done.exit_code == 1


def test_the_markdown_is_written_with_the_way_out(tmp_path: Path) -> None:
    report = tmp_path / "plan.md"
    run(UNSAFE, tmp_path, "--markdown", str(report))
    assert "bmx credentials rotate" in report.read_text()


@pytest.mark.parametrize(("text", "code"), [(preview(), 4), (UNSAFE, 1)])
def test_a_report_that_cannot_be_written_is_not_called_unsafe(text: str, code: int, tmp_path: Path) -> None:
    exit_code, output = run(text, tmp_path, "--markdown", "/dev/full")
    assert exit_code == code
    assert "could not be written" in output
    assert "6 resources judged" in output, "what was found is said all the same"


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
