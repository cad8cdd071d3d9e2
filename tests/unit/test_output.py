"""How commands speak: envelope, exit codes, no traceback for known faults."""

import errno
import json
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
import typer

from bmx.output import ExitCode, Outcome, Ui, execute, explain_os_error
from workers.contracts import Problem

Captured: TypeAlias = Any
"""What pytest caught of stdout and stderr; its class has no public name."""


def _run(
    action: Callable[[Ui], Outcome], capsys: pytest.CaptureFixture[str], *, json_output: bool = True
) -> tuple[int, dict[str, Any], Captured]:
    with pytest.raises(typer.Exit) as stop:
        execute("probe", json_output, action)
    captured = capsys.readouterr()
    envelope = json.loads(captured.out) if json_output else {}
    return stop.value.exit_code, envelope, captured


def test_a_success_is_one_envelope_with_its_data(capsys: pytest.CaptureFixture[str]) -> None:
    code, envelope, _ = _run(lambda _: Outcome(data={"answer": 42}), capsys)
    assert code == ExitCode.DONE
    assert envelope == {
        "schema_version": 1,
        "command": "probe",
        "status": "ok",
        "data": {"answer": 42},
        "warnings": [],
        "error": None,
    }


def test_a_problem_becomes_the_envelopes_error_with_its_fix(capsys: pytest.CaptureFixture[str]) -> None:
    def action(_ui: Ui) -> Outcome:
        raise Problem("It is broken.", why="A part is missing.", fix="Add it.")

    code, envelope, captured = _run(action, capsys)
    assert code == ExitCode.FAILED
    assert envelope["status"] == "failed"
    assert envelope["error"] == {"message": "It is broken.", "why": "A part is missing.", "fix": "Add it."}
    assert "Traceback" not in captured.err


def test_without_json_a_problem_is_told_on_stderr_only(capsys: pytest.CaptureFixture[str]) -> None:
    def action(_ui: Ui) -> Outcome:
        raise Problem("It is broken.", fix="Add the part.")

    code, _, captured = _run(action, capsys, json_output=False)
    assert code == ExitCode.FAILED
    assert captured.out == ""
    assert "It is broken." in captured.err
    assert "Add the part." in captured.err


def test_what_is_not_well_fails_and_still_gives_its_data(capsys: pytest.CaptureFixture[str]) -> None:
    code, envelope, _ = _run(lambda _: Outcome(data={"bad": 1}, ok=False), capsys)
    assert code == ExitCode.FAILED
    assert (envelope["status"], envelope["data"], envelope["error"]) == ("failed", {"bad": 1}, None)


def test_warnings_are_kept_in_the_envelope(capsys: pytest.CaptureFixture[str]) -> None:
    def action(ui: Ui) -> Outcome:
        ui.warn("Mind the gap.")
        return Outcome()

    _, envelope, captured = _run(action, capsys)
    assert envelope["warnings"] == ["Mind the gap."]
    assert captured.err == ""


def test_a_change_nobody_can_agree_to_asks_for_confirmation(capsys: pytest.CaptureFixture[str]) -> None:
    def action(ui: Ui) -> Outcome:
        ui.confirm("Forget everything?", agreed=False)
        return Outcome()

    code, envelope, _ = _run(action, capsys)
    assert code == ExitCode.CONFIRMATION_NEEDED
    assert envelope["status"] == "confirmation_needed"
    assert "--yes" in envelope["error"]["fix"]


def test_ctrl_c_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    def action(_ui: Ui) -> Outcome:
        raise KeyboardInterrupt

    code, envelope, _ = _run(action, capsys)
    assert code == ExitCode.FAILED
    assert envelope["status"] == "interrupted"
    assert "bmx down" in envelope["error"]["fix"]


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EACCES, "Not allowed"), (errno.EROFS, "Not allowed")],
)
def test_everyday_faults_of_the_disk_are_told_in_words(number: int, words: str) -> None:
    problem = explain_os_error(OSError(number, "x", "/somewhere"))
    assert words in problem.what
    assert "/somewhere" in problem.what
    assert problem.fix


def test_an_unknown_fault_of_the_system_is_not_swallowed() -> None:
    with pytest.raises(OSError, match="odd"):
        explain_os_error(OSError(errno.EXDEV, "odd"))
