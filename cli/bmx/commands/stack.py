"""`bmx up`, `down`, `status` and `logs`: the local stack."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bmx.options import ApiStackOption, EmulatorOption
from bmx.output import JsonOption, Outcome, Ui, YesOption, execute
from infra.naming import LOCAL

if TYPE_CHECKING:
    from rich.console import RenderableType

    from local.stack import LocalStack, StackStatus


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog="Example: bmx up")(up)
    app.command(epilog="Example: bmx down --volumes --yes")(down)
    app.command(epilog="Example: bmx status --json")(status)
    app.command(epilog="Example: bmx logs -f image_processing")(logs)


def up(json_output: JsonOption = False) -> None:
    """Start the local stack, or bring a running one up to date."""

    def action(ui: Ui) -> Outcome:
        found = _stack().up(ui)
        return Outcome(data=found.to_json(), view=_view(found))

    execute("up", json_output, action)


def down(
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Forget all books, images and settings.")
    ] = False,
    yes: YesOption = False,
    json_output: JsonOption = False,
) -> None:
    """Stop the local stack; it keeps everything unless you say --volumes."""

    def action(ui: Ui) -> Outcome:
        if volumes:
            ui.confirm("Forget every book, image and setting of the local stack?", agreed=yes)
        stopped = _stack().down(ui, volumes=volumes)
        what = f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running."
        view = what + (" Everything is forgotten." if volumes else "")
        return Outcome(data={"stopped": stopped, "forgotten": volumes}, view=view)

    execute("down", json_output, action)


def status(json_output: JsonOption = False) -> None:
    """Show what runs, since when and where."""

    def action(_ui: Ui) -> Outcome:
        found = _stack().status()
        return Outcome(data=found.to_json(), view=_view(found))

    execute("status", json_output, action)


def logs(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="All if none is given.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as lines come; Ctrl-C ends it.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 20,
    stack: ApiStackOption = LOCAL,
    emulator: EmulatorOption = False,
    json_output: JsonOption = False,
) -> None:
    """Show the logs of the local stack's services and functions, or of another stack's functions.

    Of another stack, the last lines are those of the last hour; they are read with your AWS credentials.
    """
    if follow and json_output:
        raise typer.BadParameter("an envelope ends, --follow does not; leave one out")

    def show(found: Any) -> Outcome:
        chosen = found.choose(names or [])
        entries = found.last(chosen, lines)
        if json_output:
            return Outcome(data={"lines": [{"name": name, "text": text} for name, text in entries]})
        _print(entries)
        if follow:
            for line in found.follow(chosen):
                _print([line])
        return Outcome()

    def action(ui: Ui) -> Outcome:
        if stack == LOCAL:
            from local.logs import Logs

            return show(Logs(_stack()))
        from operations.function_logs import FunctionLogs
        from operations.target import open_target

        with open_target(stack, ui, emulator=emulator, looking=True) as target:
            return show(FunctionLogs(target))

    execute("logs", json_output, action)


def _stack() -> "LocalStack":
    from local.paths import Paths
    from local.stack import LocalStack

    return LocalStack(Paths.default())


def _print(entries: list[tuple[str, str]]) -> None:
    for name, text in entries:
        typer.echo(f"{name} | {text}")


def _when(moment: float) -> str:
    """The time of day, with the date unless it is today."""
    local = time.localtime(moment)
    today = local[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", local)


_ENGINES = {"pulumi": "pulumi engine", "in-process": "in-process engine: no plan, protection or policies"}


def _view(found: "StackStatus") -> "RenderableType":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    colours = {"running": "green", "stopped": "dim", "crashed": "bold red"}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("service", overflow="fold")
    for column in ("state", "pid", "address", "since"):
        table.add_column(column, no_wrap=True)
    for service in found.services:
        since = _when(service.since) if service.since else ""
        if service.restarts:
            since += f" ({service.restarts}. restart)"
        state = Text(service.state.value, style=colours[service.state.value])
        table.add_row(service.name, state, str(service.pid or ""), service.address, since)
    parts: list[RenderableType] = [table]
    if found.engine:
        parts += [Text(f"\nmade by the {_ENGINES.get(found.engine, found.engine)}", style="dim")]
    for service in found.services:
        if service.last_lines:
            parts += [
                Text(f"\n{service.name} ended with:", style="bold"),
                Text("\n".join(service.last_lines)),
            ]
    if found.api_url and found.state.value != "stopped":
        addresses = Table.grid(padding=(0, 2))
        for name, where in (("pages", found.web_url), ("API", found.api_url), ("admin", found.admin_url)):
            addresses.add_row(Text(name, style="bold"), Text(where, overflow="fold"))
        parts += [Text(), addresses]
    elif found.state.value == "stopped":
        parts += [Text("\nStart it with `./bmx up`.", style="dim")]
    if found.state.value == "crashed":
        parts += [Text("\n`./bmx up` starts what is missing.", style="dim")]
    return Group(*parts)
