"""`bmx plan`: see a planned change and judge it before anything is touched."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bmx.options import EmulatorOption, StackOption
from bmx.output import ExitCode, JsonOption, Outcome, Ui, execute
from infra.naming import LOCAL
from workers.contracts.problem import Problem

if TYPE_CHECKING:
    from gate.findings import Finding
    from gate.model import NotJudgeable
    from gate.report import Report

STDIN = Path("-")

plan = typer.Typer(
    name="plan",
    help="See a planned change, and judge it, before anything is touched.",
    invoke_without_command=True,
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(plan)


@plan.callback(epilog="Example: bmx plan --stack staging --emulator")
def show(
    context: typer.Context,
    stack: StackOption = None,
    emulator: EmulatorOption = False,
    json_output: JsonOption = False,
) -> None:
    """Show what deploying a stack would change, by resource and property; `check` judges it.

    With --emulator the stack's own settings are planned on an emulator of its own: against what
    `bmx deploy --emulator` made there, else against an account that has nothing of it yet.
    """
    if context.invoked_subcommand is not None:
        if stack is not None or emulator or json_output:
            raise typer.BadParameter(f"give options after `{context.invoked_subcommand}`.")
        return

    def action(ui: Ui) -> Outcome:
        from operations import changes
        from operations.target import open_target

        with open_target(stack or LOCAL, ui, emulator=emulator) as target:
            ui.say(f"Planning stack {target.stack}")
            found = changes.plan(target)
        return Outcome(data=found.to_json(), view=changes.as_tree(found))

    execute("plan", json_output, action)


@plan.command(epilog="Example: bmx plan check --stack staging --markdown plan.md")
def check(
    stack: StackOption = None,
    emulator: EmulatorOption = False,
    preview: Annotated[
        Path | None,
        typer.Option(
            help="Judge this output of `pulumi preview --json --show-sames` instead; `-` is stdin.",
            metavar="FILE",
        ),
    ] = None,
    approvals: Annotated[
        Path | None,
        typer.Option(
            help="The approvals under review; policies/approvals.yaml if not given.", metavar="FILE"
        ),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Also write the report for a pull request.", metavar="FILE"),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Say whether a change is safe: exit code 0 safe, 1 unsafe, 2 usage, 4 could not judge."""
    if preview is not None and emulator:
        raise typer.BadParameter("--preview is a plan already; --emulator makes one.")

    for option, file in (("--preview", preview), ("--approvals", approvals)):
        if file is not None and file != STDIN and not file.is_file():
            raise typer.BadParameter(f"there is no file {file}", param_hint=option)
    if markdown is not None and (markdown.is_dir() or not markdown.parent.is_dir()):
        raise typer.BadParameter(f"{markdown} cannot be a file", param_hint="--markdown")

    def action(ui: Ui) -> Outcome:
        import datetime

        from gate import approvals as agreed
        from gate import check as gate
        from gate import report as reports
        from gate.model import NotJudgeable

        try:
            source = _read(preview, stack) if preview is not None else _plan(stack or LOCAL, emulator, ui)
            report = gate.check(
                source.text,
                agreed.load(approvals or agreed.APPROVALS),
                datetime.datetime.now(datetime.UTC).date(),
                policy_findings=source.policy_findings,
                stack=source.stack,
            )
        except Exception as error:  # noqa: BLE001 - whatever goes wrong: what was not judged is not let through
            problem = error if isinstance(error, NotJudgeable) else _unexpected(error)
            report = reports.undecided(stack or (LOCAL if preview is None else "unknown"), problem)
        if preview is not None:
            report = replace(report, notes=(*report.notes, WITHOUT_PACK))
        if markdown is not None:
            try:
                markdown.write_text(reports.as_markdown(report), encoding="utf-8")
            except OSError as error:
                unwritten = f"The report could not be written to {markdown} ({error.strerror})."
                report = replace(report, undecided=(*report.undecided, unwritten))
        return Outcome(
            data=reports.as_data(report),
            view=reports.as_table(report),
            ok=report.verdict is reports.Verdict.SAFE,
            exit_code=_exit_code(report),
        )

    execute("plan check", json_output, action)


WITHOUT_PACK = "Judged from a file: the policy pack did not look at this plan."


def _unexpected(error: Exception) -> "NotJudgeable":
    """A fault that nobody foresaw. Its text may repeat what was read, so only its kind is told."""
    from gate.model import NotJudgeable

    if isinstance(error, Problem):
        return NotJudgeable(error.what, why=error.why, fix=error.fix)
    return NotJudgeable(
        f"The gate failed ({type(error).__name__}).",
        why="What was not judged is not let through.",
        fix="Please report it; `pulumi preview` shows the plan.",
    )


@dataclass(frozen=True)
class _Source:
    """A preview's text, what the policy pack said of it, and the stack it has to be of (None: any)."""

    text: str
    policy_findings: "tuple[Finding, ...]" = ()
    stack: str | None = None


def _exit_code(report: "Report") -> ExitCode:
    from gate.report import Verdict

    codes = {
        Verdict.SAFE: ExitCode.DONE,
        Verdict.UNSAFE: ExitCode.FAILED,
        Verdict.UNDECIDED: ExitCode.COULD_NOT_JUDGE,
    }
    return codes[report.verdict]


def _read(preview: Path, stack: str | None) -> _Source:
    from gate.model import NotJudgeable

    try:
        text = sys.stdin.read() if preview == STDIN else preview.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise NotJudgeable(
            "The preview is no text.", fix="Give what `pulumi preview --json` wrote."
        ) from None
    return _Source(text, stack=stack)


def _plan(stack: str, emulator: bool, ui: Ui) -> _Source:
    from gate import events
    from gate.preview import preview
    from operations.target import open_target

    with open_target(stack, ui, emulator=emulator) as target:
        ui.say(f"Planning stack {stack}")
        made = preview(target.command, target.environment, target.folder)
    return _Source(made.digest, tuple(events.findings(made.events)), stack)
