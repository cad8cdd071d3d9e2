"""`bmx config sync`: a stack's outputs into Chalice's configuration."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from bmx.output import JsonOption, Outcome, Ui, execute
from workers.contracts.problem import Problem

config = typer.Typer(
    name="config",
    help="Settings that follow from a stack.",
    no_args_is_help=True,
    epilog="Example: bmx config sync --stack staging",
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(config)


@config.command(epilog="Example: bmx config sync --stack staging")
def sync(
    stack: Annotated[
        str, typer.Option("--stack", "-s", help="The stack whose outputs are read.", metavar="STACK")
    ] = "local",
    outputs: Annotated[
        Path | None,
        typer.Option(help="A file with `pulumi stack output --json`; asked from pulumi otherwise."),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Write a stack's addresses into app/.chalice/config.json, stage by stage.

    The local stack's go into the data folder: what is particular to this machine never changes the checkout.
    """

    def action(_ui: Ui) -> Outcome:
        from local import stage
        from local.paths import Paths

        paths = Paths.default()
        found = _read(outputs) if outputs else _outputs(paths, stack)
        target = paths.app / ".chalice" / "config.json"
        if stack == "local":
            source, target = target, paths.deploy / "chalice-config.json"
            if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(source.read_text())
        changed = stage.sync(target, stack, found)
        view = f"{target} {'now has' if changed else 'already had'} the outputs of {stack}."
        return Outcome(data={"file": str(target), "stack": stack, "changed": changed}, view=view)

    execute("config sync", json_output, action)


def _outputs(paths: Any, stack: str) -> dict[str, Any]:
    from local.stack import LocalStack

    if stack == "local":
        known = LocalStack(paths).infrastructure.outputs()
        if known is None:
            raise Problem("The local stack has not been applied.", fix="Run `bmx up`.")
        return dict(known)
    return _ask_pulumi(paths.repo, stack)


def _ask_pulumi(repo: Path, stack: str) -> dict[str, Any]:
    import subprocess

    from local.engine import find_engine
    from local.paths import Paths

    engine = find_engine(Paths.default())
    if engine is None:
        raise Problem("pulumi is not here.", fix="Install it, or give its outputs with --outputs FILE.")
    done = subprocess.run(
        [str(engine.executable), "stack", "output", "--json", "--non-interactive", "--stack", stack],
        cwd=repo,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Problem(
            f"pulumi does not give the outputs of {stack}: {' '.join(done.stderr.split())}",
            fix="Log in to the stack's backend with `pulumi login`, or give the outputs with --outputs FILE.",
        )
    return _parse(done.stdout, stack)


def _read(file: Path) -> dict[str, Any]:
    try:
        return _parse(file.read_text(encoding="utf-8"), str(file))
    except FileNotFoundError:
        raise Problem(f"{file} does not exist.", fix="Write it with `pulumi stack output --json`.") from None


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError:
        data = None
    if not isinstance(data, dict):
        raise Problem(f"{where} gives no JSON object of outputs.", fix="Use `pulumi stack output --json`.")
    return data
