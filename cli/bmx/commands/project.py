"""`bmx test` and `bmx dev`: what a developer of this project runs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from bmx.output import ExitCode, JsonOption, Outcome, Ui, execute
from local.paths import REPO
from workers.contracts.problem import Problem

UNIVERSAL = ("--universal", "--python-version", "3.11")
LAMBDA = ("--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_17", "--only-binary", ":all:")

LOCKED = {
    "requirements/bmx": UNIVERSAL,
    "requirements/audit": UNIVERSAL,
    "requirements/bench": UNIVERSAL,
    "requirements/docs": UNIVERSAL,
    "requirements/emulator": UNIVERSAL,
    "requirements/uv": UNIVERSAL,
    "requirements/worker": UNIVERSAL,
    "requirements/worker-models": UNIVERSAL,
    "requirements/worker-rembg": UNIVERSAL,
    "app/requirements": LAMBDA,
}
"""What is locked, in this order (later ones follow the versions of bmx), and for which machines."""

dev = typer.Typer(
    name="dev",
    help="Checks and locks for those who change this project.",
    no_args_is_help=True,
    epilog="Example: bmx dev check --fix",
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(
        "test",
        epilog="Example: bmx test tests/unit -k naming",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(run_tests)
    app.add_typer(dev)


def run_tests(context: typer.Context, json_output: JsonOption = False) -> None:
    """Run the tests, all of them in several processes; what follows goes to pytest, which then uses one."""

    def action(ui: Ui) -> Outcome:
        import pytest

        tally = _Tally()
        everything = ["--numprocesses", str(_processes()), "--dist", "loadscope"]
        arguments = [f"--rootdir={REPO}", f"--confcutdir={REPO}", *(context.args or everything)]
        os.chdir(REPO)
        if ui.json_output:
            # The envelope is alone on stdout; what pytest prints goes where progress goes.
            saved = os.dup(1)
            os.dup2(2, 1)
            try:
                code = int(pytest.main(arguments, plugins=[tally]))
            finally:
                sys.stdout.flush()
                os.dup2(saved, 1)
        else:
            code = int(pytest.main(arguments, plugins=[tally]))
        return Outcome(data={"exit_code": code, **tally.counts}, ok=code == 0)

    execute("test", json_output, action)


def _processes() -> int:
    """Many tests wait more than they compute; each process may hold an emulator and a model (1 GB)."""
    return min(4, max(2, os.cpu_count() or 2))


class _Tally:
    """Counts pytest's outcomes for the envelope."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def pytest_terminal_summary(self, terminalreporter: object) -> None:
        stats: dict[str, list[object]] = getattr(terminalreporter, "stats", {})
        self.counts = {
            name: len(stats.get(name, ())) for name in ("passed", "failed", "error", "skipped", "xfailed")
        }


@dev.command(epilog="Example: bmx dev check --fix")
def check(
    fix: Annotated[bool, typer.Option("--fix", help="Repair what the tools can repair.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Format, lint and type-check everything, as CI does."""

    def action(ui: Ui) -> Outcome:
        results: dict[str, bool] = {}
        steps = {
            "ruff format": ["ruff", "format", *([] if fix else ["--check"]), "."],
            "ruff check": ["ruff", "check", *(["--fix"] if fix else []), "."],
            "mypy": ["mypy"],
        }
        for name, command in steps.items():
            ui.say(name)
            results[name] = _run_tool(command, quiet_stdout=ui.json_output)
        failed = [name for name, passed in results.items() if not passed]
        if failed:
            ui.warn(f"{', '.join(failed)} found something (above).")
        return Outcome(data=dict(results), ok=not failed)

    execute("dev check", json_output, action)


@dev.command(epilog="Example: bmx dev lock --upgrade")
def lock(
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Take newer versions where *.in allows.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Lock requirements/*.in into requirements/*.txt: versions and hashes, no addresses."""

    def action(ui: Ui) -> Outcome:
        uv = os.environ.get("BMX_UV", "uv")
        for name, machines in LOCKED.items():
            ui.say(f"{name}.txt")
            source = REPO / f"{name}.in"
            command = [uv, "pip", "compile", "--quiet", "--generate-hashes", "--no-annotate", *machines]
            command += ["--no-emit-index-url", *(["--upgrade"] if upgrade else [])]
            command += ["--custom-compile-command", "./bmx dev lock", source.name]
            command += ["--output-file", source.with_suffix(".txt").name]
            try:
                subprocess.run(command, cwd=source.parent, check=True, stdout=subprocess.DEVNULL)
            except (OSError, subprocess.CalledProcessError) as error:
                raise Problem(
                    f"{name}.txt could not be locked.",
                    why=f"{error}.",
                    fix="See uv's message above; run it through ./bmx so that the project's own uv is used.",
                ) from error
        return Outcome(data={"locked": [f"{name}.txt" for name in LOCKED]})

    execute("dev lock", json_output, action)


@dev.command(epilog="Example: bmx dev docs")
def docs(json_output: JsonOption = False) -> None:
    """Build the documentation as a site in .bmx/site; a broken link fails, and a page that no menu names."""

    def action(ui: Ui) -> Outcome:
        from bmx.site import build
        from local.paths import Paths

        paths = Paths.default()
        site = paths.home / "site"
        build(REPO, site, paths, ui)
        return Outcome(data={"site": str(site)}, view=f"{site / 'index.html'}")

    execute("dev docs", json_output, action)


@dev.command(epilog="Example: bmx dev audit")
def audit(json_output: JsonOption = False) -> None:
    """Look up known vulnerabilities of everything that is locked.

    Exit code 1 where there is one, 4 where nobody could be asked about some package.
    """

    def action(ui: Ui) -> Outcome:
        from bmx.audit import audit as look_up
        from local.paths import Paths
        from local.toolbox import locked_environment

        paths = Paths.default()
        python = locked_environment(
            paths, paths.requirements / "audit.txt", paths.cache / "audit", ui, what="the audit"
        )
        ui.say("Asking about what is locked")
        found = look_up(python, [REPO / f"{name}.txt" for name in LOCKED])
        lines = [
            f"{one.package} {one.version} ({one.lock}): {one.id}, "
            + (f"not in {', '.join(one.fixed_in)}" if one.fixed_in else "in every version")
            for one in found.vulnerabilities
        ]
        if found.unknown:
            more = f" and {len(found.unknown) - 5} more" if len(found.unknown) > 5 else ""
            ui.warn(f"The index says nothing of {', '.join(found.unknown[:5])}{more}.")
        lines.append(
            f"{found.judged} locked versions judged, {len(found.vulnerabilities)} vulnerabilities."
            if found.judged
            else "Nothing was judged: the index gave no answer."
        )
        data = {
            "vulnerabilities": [one.to_json() for one in found.vulnerabilities],
            "judged": found.judged,
            "unknown": list(found.unknown),
        }
        code = ExitCode.COULD_NOT_JUDGE if found.unknown and not found.vulnerabilities else None
        return Outcome(data=data, view="\n".join(lines), ok=not found.vulnerabilities, exit_code=code)

    execute("dev audit", json_output, action)


@dev.command(epilog="Example: bmx dev comment --pull-request 7 reports/*.md")
def comment(
    reports: Annotated[
        list[Path],
        typer.Argument(help="What `bmx plan check --markdown` wrote, a file a stack.", metavar="REPORT..."),
    ],
    pull_request: Annotated[int, typer.Option("--pull-request", help="Its number.", metavar="NUMBER")],
    json_output: JsonOption = False,
) -> None:
    """Put reports into one comment of a pull request, which is edited from then on. For workflows."""
    for report in reports:
        if not report.is_file():
            raise typer.BadParameter(f"there is no file {report}", param_hint="REPORT")

    def action(_ui: Ui) -> Outcome:
        from bmx.github import PullRequest, joined

        text = joined([report.read_text(encoding="utf-8") for report in reports])
        new = PullRequest.of_workflow(pull_request).put(text)
        return Outcome(
            data={"pull_request": pull_request, "new": new},
            view=f"Comment on #{pull_request} {'written' if new else 'edited'}.",
        )

    execute("dev comment", json_output, action)


def _run_tool(command: list[str], *, quiet_stdout: bool) -> bool:
    """Run a tool of the locked environment in the repository; True when it is content."""
    stdout = sys.stderr if quiet_stdout else None
    return (
        subprocess.run([sys.executable, "-m", *command], cwd=REPO, stdout=stdout, check=False).returncode == 0
    )
