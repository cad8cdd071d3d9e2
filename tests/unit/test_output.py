"""How commands speak: envelope, exit codes, no traceback for known faults."""

import errno
import json
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


def test_steps_are_told_where_nobody_watches_and_progress_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def action(ui: Ui) -> Outcome:
        ui.say("Planning")
        ui.detail("one of many")
        return Outcome()

    _, _, captured = _run(action, capsys, json_output=False)
    assert captured.err == "· Planning\n"
    _, _, captured = _run(action, capsys)
    assert captured.err == ""


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


@pytest.mark.parametrize("number", [errno.ENOTDIR, errno.ENOENT, errno.EISDIR, errno.EXDEV])
def test_a_fault_with_a_file_names_it_and_says_how_to_go_on(number: int) -> None:
    problem = explain_os_error(OSError(number, "odd", "/somewhere"))
    assert problem.what.startswith("/somewhere")
    assert problem.fix


@given(text=st.text(alphabet="[]/\\ab red=:", min_size=1, max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_names_that_look_like_markup_are_shown_as_they_are(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    def action(ui: Ui) -> Outcome:
        ui.warn(text)
        return Outcome(view=f"view {text}|")

    _, _, captured = _run(action, capsys, json_output=False)
    assert f"view {text}|" in captured.out
    assert text in captured.err

    def fails(_ui: Ui) -> Outcome:
        raise Problem(text, why=text, fix=text)

    _, _, captured = _run(fails, capsys, json_output=False)
    assert captured.err.count(text) >= 2


def test_piped_output_is_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/very/long" * 30
    _, _, captured = _run(lambda _: Outcome(view=path), capsys, json_output=False)
    assert captured.out == path + "\n"


def test_a_fault_of_bmx_itself_still_gives_programs_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    def action(_ui: Ui) -> Outcome:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        execute("probe", True, action)
    envelope = json.loads(capsys.readouterr().out)
    assert envelope["status"] == "failed"
    assert "RuntimeError" in envelope["error"]["message"]


def test_an_unknown_fault_of_the_system_is_not_swallowed() -> None:
    with pytest.raises(OSError, match="odd"):
        explain_os_error(OSError(errno.EXDEV, "odd", None))
