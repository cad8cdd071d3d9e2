"""`bmx engine`: the Pulumi engine of this machine."""

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from bmx.options import StackOption
from bmx.output import JsonOption, Outcome, Ui, execute
from infra.naming import LOCAL
from workers.contracts.problem import Problem

if TYPE_CHECKING:
    from local.engine import Engine
    from local.paths import Paths

engine = typer.Typer(
    name="engine",
    help="Find, install or build the Pulumi engine.",
    no_args_is_help=True,
    epilog="Example: bmx engine status",
)


GET_ONE = "`bmx engine install` fetches the official one, `bmx engine build` builds it with Go."


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(engine)


@engine.command(epilog="Example: bmx engine status --json")
def status(json_output: JsonOption = False) -> None:
    """Say which engine there is, and which made the local stack."""

    def action(ui: Ui) -> Outcome:
        from local.engine import find_engine
        from local.engine.build import intact
        from local.engine.find import Origin, pinned_version
        from local.paths import Paths
        from local.stack import LocalStack

        paths = Paths.default()
        found = find_engine(paths)
        sound = intact(paths) if found and found.origin is Origin.BUILT else None
        stack = LocalStack(paths).status()
        data = {
            "found": found is not None,
            "executable": str(found.executable) if found else None,
            "version": found.version if found else None,
            "origin": found.origin.value if found else None,
            "wanted_version": pinned_version(),
            "intact": sound,
            "stack_made_by": stack.engine,
        }
        if sound is False:
            ui.warn("It does not fit the record of its build: `bmx engine build` makes it anew.")
        if found:
            view = f"pulumi {found.version} ({found.origin.value}): {found.executable}"
        else:
            view = f"No engine. {GET_ONE}"
        if stack.engine:
            view += f"\nThe local stack was made by: {stack.engine}"
        return Outcome(data=data, view=view)

    execute("engine status", json_output, action)


@engine.command(epilog="Example: bmx engine install")
def install(json_output: JsonOption = False) -> None:
    """Fetch the official Pulumi CLI from get.pulumi.com into the cache."""

    def action(ui: Ui) -> Outcome:
        from local.engine.install import install as fetch

        return _get(fetch, ui)

    execute("engine install", json_output, action)


@engine.command(epilog="Example: bmx engine build")
def build(json_output: JsonOption = False) -> None:
    """Build the Pulumi CLI with Go from the Go module proxy; about 5 minutes the first time."""

    def action(ui: Ui) -> Outcome:
        from local.engine.build import build as compile_engine

        return _get(compile_engine, ui)

    execute("engine build", json_output, action)


def _get(make: "Callable[[Paths, Ui], Engine]", ui: Ui) -> Outcome:
    from local.paths import Paths

    made = make(Paths.default(), ui)
    data = {"executable": str(made.executable), "version": made.version}
    return Outcome(data=data, view=f"pulumi {made.version}: {made.executable}")


@engine.command(epilog='Example: eval "$(bmx engine env)" && pulumi stack --stack local')
def env(stack: StackOption = None, json_output: JsonOption = False) -> None:
    """Print the variables with which plain `pulumi` works, in this project and in any other program's folder.

    AWS is the local stack's emulator then, or that of another stack after `bmx deploy --emulator`. In the
    checkout, `pulumi` works on a copy of the project, so that its settings stay as they are.
    """

    def action(_ui: Ui) -> Outcome:
        from local.emulated import EmulatedStack
        from local.engine import find_engine
        from local.engine.cli import Pulumi
        from local.paths import Paths
        from local.stack import LocalStack

        paths = Paths.default()
        found = find_engine(paths)
        if found is None:
            raise Problem("No Pulumi engine is here.", fix=GET_ONE)
        paths.ensure()
        if stack in {None, LOCAL}:
            pulumi = Pulumi(found, paths, LocalStack(paths).emulator.connection)
        else:
            emulated = EmulatedStack(paths, str(stack))
            if not emulated.deployed:
                raise Problem(
                    f"Stack {stack} is not deployed on an emulator here.",
                    fix=f"`bmx deploy --stack {stack} --emulator` does that.",
                )
            pulumi = emulated.pulumi
        pulumi.project.write()
        variables = pulumi.env()
        lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
        if not json_output:
            typer.echo("\n".join(lines))
        return Outcome(data={"environment": variables})

    execute("engine env", json_output, action)
