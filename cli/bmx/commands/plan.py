"""`bmx plan`: judge a planned change before anything is touched."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bmx.output import ExitCode, JsonOption, Outcome, Ui, execute
from workers.contracts.problem import Problem

if TYPE_CHECKING:
    from gate.findings import Finding
    from gate.report import Report

REPOSITORY = Path(__file__).resolve().parents[3]
LOCAL = "local"
STDIN = Path("-")

plan = typer.Typer(
    name="plan", help="Judge a planned change before anything is touched.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(plan)


@plan.command(epilog="Example: bmx plan check --stack staging --markdown plan.md")
def check(
    stack: Annotated[
        str | None, typer.Option("--stack", "-s", help="`local` if not given.", metavar="STACK")
    ] = None,
    emulator: Annotated[
        bool, typer.Option("--emulator", help="Plan the stack on the running local stack's emulator.")
    ] = False,
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

    if preview is not None and preview != STDIN and not preview.is_file():
        raise typer.BadParameter(f"there is no file {preview}", param_hint="--preview")

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
        except NotJudgeable as problem:
            report = reports.undecided(stack or (LOCAL if preview is None else "unknown"), problem)
        if markdown is not None:
            markdown.write_text(reports.as_markdown(report), encoding="utf-8")
        return Outcome(
            data=reports.as_data(report),
            view=reports.as_table(report),
            ok=report.verdict is reports.Verdict.SAFE,
            exit_code=_exit_code(report),
        )

    execute("plan check", json_output, action)


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

    command, environment, folder = _engine(stack, emulator=emulator or stack == LOCAL)
    ui.say(f"Planning stack {stack}")
    made = preview(command, environment, folder)
    return _Source(made.digest, tuple(events.findings(made.events)), stack)


def _engine(stack: str, *, emulator: bool) -> tuple[list[str], Mapping[str, str], Path]:
    """Command, environment and folder: on the emulator, or as the person's own `pulumi` works."""
    from gate.model import NotJudgeable
    from local.engine import find_engine
    from local.paths import Paths

    paths = Paths.default()
    engine = find_engine(paths)
    if engine is None:
        raise NotJudgeable(
            "There is no Pulumi engine here to make the plan.",
            fix="`bmx engine install` fetches the official one, `bmx engine build` builds it with Go.",
        )
    executable = str(engine.executable)
    if not emulator:
        if not engine.has_language_host:
            raise NotJudgeable(
                "This engine was built for the local stack and has no providers for AWS.",
                fix="`bmx engine install` fetches the official one; --emulator plans on the emulator.",
            )
        return [executable, "--stack", stack], {}, REPOSITORY
    from local.engine.cli import Pulumi
    from local.stack import LocalStack

    emulated = LocalStack(paths).emulator
    if not emulated.healthy():
        raise Problem("The local stack is not running.", fix="Start it with `bmx up`.")
    pulumi = Pulumi(engine, paths, emulated.connection, stack)
    pulumi.prepare()
    return [executable, "--stack", stack], pulumi.env(), pulumi.project.folder
