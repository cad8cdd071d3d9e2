"""`bmx deploy`: apply a stack's program, on AWS or on an emulator of its own."""

from typing import Annotated

import typer

from bmx.commands.plan import LOCAL, EmulatorOption
from bmx.output import JsonOption, Outcome, Ui, YesOption, execute


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog="Example: bmx deploy --stack prod --emulator")(deploy)


def deploy(
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack to apply.", metavar="STACK")],
    emulator: EmulatorOption = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="With --emulator: forget what was deployed there before.")
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="With --emulator: forget it when the command ends.")
    ] = False,
    yes: YesOption = False,
    json_output: JsonOption = False,
) -> None:
    """Plan a stack under the policies, judge the plan, and apply it.

    With --emulator the result stays on this machine, under stacks/STACK of the data folder, until
    --fresh, --discard or `bmx down --volumes`; `bmx plan` compares with it.
    """
    if (fresh or discard) and not emulator:
        raise typer.BadParameter("--fresh and --discard are for --emulator; AWS forgets nothing.")
    if stack == LOCAL:
        raise typer.BadParameter("the local stack is applied by `bmx up`.", param_hint="--stack")

    def action(ui: Ui) -> Outcome:
        from local.emulated import EmulatedStack
        from local.paths import Paths
        from operations import deploy as deployment
        from operations.changes import as_tree
        from operations.target import open_target

        paths = Paths.default()
        if fresh:
            EmulatedStack(paths, stack).discard()
        try:
            with open_target(stack, ui, emulator=emulator, keep=True, paths=paths) as target:
                ui.say(f"Planning stack {stack}")
                plan = deployment.plan(target)
                if plan.changes and not emulator:
                    if not json_output:
                        ui.console.print(as_tree(plan.changes))
                    ui.confirm(f"Apply this to stack {stack}?", agreed=yes)
                summary, outputs = deployment.apply(target, ui)
        finally:
            if discard:
                EmulatedStack(paths, stack).discard()
        data = {
            "stack": stack,
            "emulator": emulator,
            "operations": summary.changes,
            "changed": summary.changed,
            "outputs": outputs,
        }
        view = f"Stack {stack}: {summary}." + ("" if summary.changed else " Nothing has changed.")
        return Outcome(data=data, view=view)

    execute("deploy", json_output, action)
