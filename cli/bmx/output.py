"""How every command speaks: a view for people on stdout, or one JSON envelope; progress on stderr.

Exit codes: 0 done, 1 failed, 2 usage, 3 confirmation needed, 4 could not judge. A `Problem`
becomes one sentence with its fix; only a fault of this program itself shows a traceback.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.control import Control
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.segment import ControlType
from rich.text import Text

from workers.contracts.problem import Problem

SCHEMA_VERSION = 1

UNBOUNDED = 1_000
"""Columns of output that no terminal shows."""


class ExitCode(IntEnum):
    """What the process's exit code says."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CONFIRMATION_NEEDED = 3
    COULD_NOT_JUDGE = 4


class ConfirmationNeeded(Problem):
    """The command would change something that a person has to agree to first; `--yes` agrees."""


@dataclass
class Outcome:
    """What a command did: `data` for programs, `view` for people."""

    data: dict[str, Any] = field(default_factory=dict)
    view: RenderableType | None = None
    ok: bool = True
    """False where what it looked at is not well: the envelope says `failed`, the exit code is 1."""
    exit_code: ExitCode | None = None
    """Instead of the code that follows from `ok`."""


JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON envelope on stdout.", rich_help_panel="Output")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Agree beforehand; ask nothing.")]


def _console(*, stderr: bool = False) -> Console:
    """A console that takes text as it is: names of people's files may look like markup.

    Nothing is wrapped where no terminal sets the width, so that a path can be cut out of piped output.
    """
    console = Console(stderr=stderr, emoji=False, markup=False, highlight=False)
    return (
        console
        if console.is_terminal
        else Console(stderr=stderr, emoji=False, markup=False, highlight=False, width=UNBOUNDED)
    )


class Ui:
    """What a running command may say on stderr: steps; on a terminal progress, too. Warnings are kept."""

    def __init__(self, *, json_output: bool = False) -> None:
        self.console = _console(stderr=True)
        self.quiet = json_output or not self.console.is_terminal
        self.json_output = json_output
        self.warnings: list[str] = []
        self._detail_shown = False
        self._lock = Lock()

    def say(self, text: str) -> None:
        """One step, in a few words; also into a log, where nothing else tells how far it is."""
        if not self.json_output:
            self._print(Text.assemble(("· ", "dim"), text))

    def detail(self, text: str) -> None:
        """One of the many things that happen within a step: a line that the next one replaces."""
        if self.quiet:
            return
        line = Text(f"  {text}", "dim", no_wrap=True, overflow="ellipsis")
        line.truncate(self.console.width - 1, overflow="ellipsis")
        with self._lock:
            self._clear_detail()
            self.console.print(line, end="")
            self._detail_shown = True

    def warn(self, text: str) -> None:
        """Something the person should know though the command goes on; part of the envelope."""
        self.warnings.append(text)
        if not self.json_output:
            self._print(Text.assemble(("warning: ", "yellow"), text))

    def end_detail(self) -> None:
        """Take the last detail away."""
        with self._lock:
            self._clear_detail()

    def _print(self, line: Text) -> None:
        with self._lock:
            self._clear_detail()
            self.console.print(line)

    def _clear_detail(self) -> None:
        if self._detail_shown:
            self.console.control(Control.move_to_column(0), Control((ControlType.ERASE_IN_LINE, 2)))
            self._detail_shown = False

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Progress bars that vanish when done and stay silent where nobody watches."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self.end_detail()
        with Progress(*columns, console=self.console, transient=True, disable=self.quiet) as bars:
            yield bars

    def confirm(self, question: str, *, agreed: bool) -> None:
        """Go on only if a person agrees; raises `ConfirmationNeeded` where there is none to ask."""
        if agreed:
            return
        if self.json_output or not sys.stdin.isatty():
            raise ConfirmationNeeded(question, fix="Add --yes to agree.")
        if not typer.confirm(question, err=True):
            raise ConfirmationNeeded("Nothing was changed.", fix="Add --yes to agree beforehand.")


def execute(command: str, json_output: bool, action: Callable[[Ui], Outcome]) -> None:
    """Run a command's action and end the process as the module's docstring says."""
    ui = Ui(json_output=json_output)
    try:
        try:
            outcome = action(ui)
        finally:
            ui.end_detail()
    except ConfirmationNeeded as problem:
        _fail(command, ui, problem, "confirmation_needed", ExitCode.CONFIRMATION_NEEDED)
    except Problem as problem:
        _fail(command, ui, problem, "failed", ExitCode.FAILED)
    except KeyboardInterrupt:
        stopped = Problem("Interrupted.", fix="Run the command again to go on, or `bmx down` to stop all.")
        _fail(command, ui, stopped, "interrupted", ExitCode.FAILED)
    except OSError as error:
        _fail(command, ui, explain_os_error(error), "failed", ExitCode.FAILED)
    except Exception as error:
        # A fault of this program: its traceback is wanted, and whoever reads stdout still gets a line.
        if json_output:
            what = f"bmx failed unexpectedly: {type(error).__name__}."
            details = {"message": what, "why": "The traceback is on stderr.", "fix": "Please report it."}
            print_envelope(command, "failed", {}, ui.warnings, details)
        raise
    else:
        if json_output:
            print_envelope(command, "ok" if outcome.ok else "failed", outcome.data, ui.warnings)
        elif outcome.view is not None:
            _console().print(outcome.view, soft_wrap=isinstance(outcome.view, str))
        code = ExitCode.DONE if outcome.ok else ExitCode.FAILED
        raise typer.Exit(code if outcome.exit_code is None else outcome.exit_code)


def explain_os_error(error: OSError) -> Problem:
    """A fault of the system with a file, in words; one that names no file is raised again as it is."""
    import errno

    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Problem(f"The disk is full{where}.", fix="Free some space and run the command again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Problem(
            f"Not allowed to write or read{where}.",
            fix="Make the folder yours, or set BMX_HOME and BMX_CACHE to folders that are.",
        )
    if error.filename is None:
        raise error
    return Problem(
        f"{error.filename} cannot be used.",
        why=f"{error.strerror or type(error).__name__}.",
        fix="Name another one. BMX_HOME and BMX_CACHE, where they are set, must name folders.",
    )


def print_envelope(
    command: str,
    status: str,
    data: dict[str, Any],
    warnings: list[str],
    error: dict[str, str] | None = None,
) -> None:
    """The one line of JSON on stdout, and nothing else there."""
    envelope = {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "status": status,
        "data": data,
        "warnings": warnings,
        "error": error,
    }
    sys.stdout.write(json.dumps(envelope, default=_jsonable) + "\n")
    sys.stdout.flush()


def report_problem(problem: Problem, console: Console) -> None:
    """What, why and the fix, without a traceback."""
    console.print(Text.assemble((problem.what, "bold red"), f" {problem.why}" if problem.why else ""))
    if problem.fix:
        console.print(Text.assemble(("→ ", "green"), problem.fix))


def _fail(command: str, ui: Ui, problem: Problem, status: str, code: ExitCode) -> None:
    if ui.json_output:
        error = {"message": problem.what, "why": problem.why, "fix": problem.fix}
        print_envelope(command, status, {}, ui.warnings, error)
    else:
        report_problem(problem, ui.console)
    raise typer.Exit(code)


def _jsonable(value: object) -> str:
    if isinstance(value, os.PathLike):
        return str(Path(value))
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise TypeError(f"{type(value).__name__} is no JSON value")
