"""The command line: `bmx COMMAND`. Commands live in `bmx.commands`, one module an area, and stay thin."""

import os
import signal
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from bmx.commands import api as api_commands
from bmx.commands import (
    bench,
    credentials,
    cutout,
    demo,
    deploy,
    doctor,
    keys,
    model,
    new,
    operate,
    people,
    plan,
    project,
    queues,
)
from bmx.commands import config as config_commands
from bmx.commands import engine as engine_commands
from bmx.commands import image as image_commands
from bmx.commands import package as package_commands
from bmx.commands import stack as stack_commands
from bmx.output import ExitCode, print_envelope

app = typer.Typer(
    name="bmx",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"bmx {version('bluemoxon')}")
        raise typer.Exit


@app.callback(epilog="Example: bmx demo")
def options(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and end.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Photos of books in, clean cutouts out: platform, app and workers, here or on AWS."""


for module in (
    demo,
    stack_commands,
    operate,
    queues,
    keys,
    people,
    api_commands,
    cutout,
    bench,
    model,
    doctor,
    engine_commands,
    config_commands,
    package_commands,
    image_commands,
    plan,
    deploy,
    credentials,
    new,
    project,
):
    module.register(app)


def _end_as_by_ctrl_c() -> None:
    """What else ends a command, as a closed terminal does, ends it as Ctrl-C: it puts back what it has to."""
    ends = (signal.SIGTERM, signal.SIGHUP)
    # Asked now: a closed one no longer says that it was one.
    terminals = [stream.fileno() for stream in (sys.stdout, sys.stderr) if stream.isatty()]

    def interrupt(number: int, _frame: object) -> None:
        for each in ends:  # a closed terminal sends one twice, a session that ends sends both
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGHUP:
            # Whatever is said from now on would fail, in the middle of what is put back.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for terminal in terminals:
                os.dup2(nowhere, terminal)
        raise KeyboardInterrupt

    for number in ends:
        if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` has it ignored
            signal.signal(number, interrupt)


def run() -> None:
    """Entry point. Wrong usage is answered in the envelope too where `--json` was asked for."""
    _end_as_by_ctrl_c()
    if "--json" not in sys.argv[1:]:
        app(prog_name="bmx")
    command = typer.main.get_command(app)
    try:
        code = command.main(prog_name="bmx", standalone_mode=False)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "bmx"
        message = {"message": error.format_message(), "why": "", "fix": f"See `{path} --help`."}
        print_envelope(path.removeprefix("bmx ") or "bmx", "usage", {}, [], message)
        sys.exit(ExitCode.USAGE)
    except typer.Abort:
        sys.exit(ExitCode.FAILED)
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)


if __name__ == "__main__":
    run()
