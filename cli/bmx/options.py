"""Options that several commands have, each worded once."""

from typing import Annotated

import typer

StackOption = Annotated[
    str | None, typer.Option("--stack", "-s", help="`local` if not given.", metavar="STACK")
]
OtherStackOption = Annotated[
    str,
    typer.Option("--stack", "-s", help="The stack; not `local`, which `bmx up` applies.", metavar="STACK"),
]
ApiStackOption = Annotated[
    str, typer.Option("--stack", "-s", help="The stack whose API is called.", metavar="STACK")
]
UrlOption = Annotated[
    str | None, typer.Option("--url", help="Its address, where ~/.bmx does not tell.", envvar="BMX_API_URL")
]
EmulatorOption = Annotated[
    bool,
    typer.Option(
        "--emulator", help="On an emulator of AWS on this machine, one for each stack, instead of AWS."
    ),
]
