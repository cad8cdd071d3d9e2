"""`bmx config sync`: what `chalice deploy` needs besides the application's sources."""

from pathlib import Path
from typing import Annotated

import typer

from bmx.options import EmulatorOption, OtherStackOption
from bmx.output import JsonOption, Outcome, Ui, execute
from infra.naming import LOCAL

config = typer.Typer(
    name="config",
    help="Settings that follow from a stack.",
    no_args_is_help=True,
    epilog="Example: bmx config sync --stack staging",
)

OutputsOption = Annotated[
    Path | None,
    typer.Option(
        help="A file with `pulumi stack output --json`; asked from pulumi otherwise.", metavar="FILE"
    ),
]

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(config)


def refuse_local(stack: str) -> None:
    """Wrong usage for the local stack, whose outputs never go into the checkout."""
    if stack == LOCAL:
        raise typer.BadParameter("the local stack's app is packed by `bmx up`.", param_hint="--stack")


@config.command(epilog="Example: bmx config sync --stack staging")
def sync(
    stack: OtherStackOption,
    outputs: OutputsOption = None,
    emulator: EmulatorOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference, write nothing.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Prepare `chalice deploy --stage STACK`: its stage in app/.chalice/config.json, and app/vendor/.

    The stage gets the stack's role, addresses and network; an empty value is refused. vendor/ gets the
    messages that the app shares with the workers. What changes is shown; where nothing does, nothing is
    written.
    """
    refuse_local(stack)
    if outputs is not None and emulator:
        raise typer.BadParameter("--outputs has them already; --emulator asks for them.")

    def action(ui: Ui) -> Outcome:
        from rich.console import Group
        from rich.text import Text

        from local import package, stage
        from local.paths import Paths
        from operations.outputs import outputs_of

        paths = Paths.default()
        found = outputs_of(stack, outputs, ui, paths, emulator=emulator)
        target = paths.app / ".chalice" / "config.json"
        update = stage.update(target, stack, found)
        vendor = paths.app / "vendor"
        if not dry_run:
            update.write()
            package.put_contracts(paths, vendor)
        now = ("would get" if dry_run else "now has") if update.changed else "already has"
        view = Group(
            *(Text(line, style=_COLOURS.get(line[:1], "")) for line in update.diff.splitlines()),
            f"{target} {now} the outputs of {stack}.",
        )
        data = {
            "file": str(target),
            "vendor": str(vendor),
            "stack": stack,
            "changed": update.changed,
            "diff": update.diff,
            "written": update.changed and not dry_run,
        }
        return Outcome(data=data, view=view)

    execute("config sync", json_output, action)
