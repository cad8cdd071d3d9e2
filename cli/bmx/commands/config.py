"""`bmx config sync`: what `chalice deploy` needs besides the application's sources."""

from pathlib import Path
from typing import Annotated

import typer

from bmx.output import JsonOption, Outcome, Ui, execute

config = typer.Typer(
    name="config",
    help="Settings that follow from a stack.",
    no_args_is_help=True,
    epilog="Example: bmx config sync --stack staging",
)

StackOption = Annotated[
    str, typer.Option("--stack", "-s", help="The stack whose outputs are read.", metavar="STACK")
]
OutputsOption = Annotated[
    Path | None,
    typer.Option(
        help="A file with `pulumi stack output --json`; asked from pulumi otherwise.", metavar="FILE"
    ),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(config)


def refuse_local(stack: str) -> None:
    """Wrong usage for the local stack, whose outputs never go into the checkout."""
    if stack == "local":
        raise typer.BadParameter("the local stack's app is packed by `bmx up`.", param_hint="--stack")


@config.command(epilog="Example: bmx config sync --stack staging")
def sync(
    stack: StackOption,
    outputs: OutputsOption = None,
    json_output: JsonOption = False,
) -> None:
    """Prepare `chalice deploy --stage STACK`: its stage in app/.chalice/config.json, and app/vendor/.

    The stage gets the stack's addresses; vendor/ gets the messages that the app shares with the workers.
    """
    refuse_local(stack)

    def action(ui: Ui) -> Outcome:
        from local import package, stage
        from local.paths import Paths
        from operations.outputs import outputs_of

        paths = Paths.default()
        found = outputs_of(stack, outputs, ui, paths)
        target = paths.app / ".chalice" / "config.json"
        changed = stage.sync(target, stack, found)
        vendor = paths.app / "vendor"
        package.put_contracts(paths, vendor)
        view = f"{target} {'now has' if changed else 'already had'} the outputs of {stack}."
        data = {"file": str(target), "vendor": str(vendor), "stack": stack, "changed": changed}
        return Outcome(data=data, view=view)

    execute("config sync", json_output, action)
