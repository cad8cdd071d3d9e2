"""`bmx keys`: the key of the API, rotated with overlap. No command prints a key."""

import sys
from typing import Annotated

import typer

from bmx.api import Api
from bmx.connection import open_api, save
from bmx.options import ApiStackOption, EmulatorOption, UrlOption
from bmx.output import JsonOption, Outcome, Ui, YesOption, execute
from infra.naming import LOCAL
from workers.contracts.problem import Problem

keys = typer.Typer(
    name="keys",
    help="The key of the API: current and previous.",
    no_args_is_help=True,
    epilog="Example: bmx keys rotate --stack staging",
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(keys)


@keys.command(epilog="Example: bmx keys show --stack staging")
def show(stack: ApiStackOption = LOCAL, url: UrlOption = None, json_output: JsonOption = False) -> None:
    """Tell the fingerprints of the keys that are valid."""

    def action(_ui: Ui) -> Outcome:
        with open_api(stack, url) as api:
            found = api.get("/admin/keys")
        return Outcome(data=found, view=_view(found))

    execute("keys show", json_output, action)


@keys.command(epilog="Example: bmx keys rotate --stack staging --yes")
def rotate(
    stack: ApiStackOption = LOCAL,
    url: UrlOption = None,
    replace_lost: Annotated[
        bool,
        typer.Option("--replace-lost", help="The answer with the present key was lost: replace that one."),
    ] = False,
    yes: YesOption = False,
    json_output: JsonOption = False,
) -> None:
    """Make a new key and keep it for this user; the one before stays valid until `bmx keys retire`."""

    def action(ui: Ui) -> Outcome:
        with open_api(stack, url) as api:
            ui.confirm(f"Make a new API key for stack {stack}?", agreed=yes)
            made = api.post("/admin/keys/rotate", {"replace_lost": replace_lost})
        path = save(stack, made.pop("key"))
        return Outcome(data={**made, "file": str(path)}, view=f"{_view(made)}\nThe new key is in {path}.")

    execute("keys rotate", json_output, action)


@keys.command(epilog="Example: bmx keys retire --stack staging --yes")
def retire(
    stack: ApiStackOption = LOCAL,
    url: UrlOption = None,
    yes: YesOption = False,
    json_output: JsonOption = False,
) -> None:
    """End the previous key, when everybody has the new one."""

    def action(ui: Ui) -> Outcome:
        with open_api(stack, url) as api:
            ui.confirm(f"End the previous API key of stack {stack}?", agreed=yes)
            left = api.call("DELETE", "/admin/keys/previous")
        return Outcome(data=left, view=_view(left))

    execute("keys retire", json_output, action)


@keys.command(epilog="Example: bmx keys restore --stack staging --yes")
def restore(
    stack: ApiStackOption = LOCAL,
    emulator: EmulatorOption = False,
    yes: YesOption = False,
    json_output: JsonOption = False,
) -> None:
    """Write a key into a stack's secret that holds none, and keep it for this user.

    The API refuses everybody then, so this goes to the secret itself, with the AWS credentials of whoever
    runs it.
    """

    def action(ui: Ui) -> Outcome:
        from operations import api_key
        from operations.target import open_target

        with open_target(stack, ui, emulator=emulator, plain=True, keep_there=True) as target:
            ui.confirm(f"Write a new API key into the secret of stack {stack}?", agreed=yes)
            path = save(_kept_as(stack, emulator=emulator), api_key.restore(target, target.outputs()))
        return Outcome(data={"file": str(path)}, view=f"The new key is in {path}; it counts within seconds.")

    execute("keys restore", json_output, action)


@keys.command("save", epilog="Example: bmx keys save --stack staging --url https://… < key")
def save_key(
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack whose key it is.")],
    url: Annotated[str, typer.Option("--url", help="The address of its API.")],
    from_secret: Annotated[
        bool,
        typer.Option("--from-secret", help="Read the key from the stack's secret, with AWS credentials."),
    ] = False,
    emulator: EmulatorOption = False,
    json_output: JsonOption = False,
) -> None:
    """Keep a stack's key and address for this user; the key comes from the standard input.

    One of a stack on an emulator is kept as that of STACK-emulator.
    """

    def action(ui: Ui) -> Outcome:
        if stack == LOCAL:
            raise Problem(
                "The local stack keeps its key itself.",
                fix="Commands for the local stack find it by themselves.",
            )
        if emulator and not from_secret:
            raise Problem("--emulator says where a secret is.", fix="Add --from-secret, or leave it out.")
        key = _from_secret(ui, stack, emulator=emulator) if from_secret else _from_input()
        with Api(url, key) as api:
            found = api.get("/admin/keys")
        path = save(_kept_as(stack, emulator=emulator), key, url)
        return Outcome(data={**found, "file": str(path)}, view=f"The key opens the API; it is in {path}.")

    execute("keys save", json_output, action)


def _kept_as(stack: str, *, emulator: bool) -> str:
    """The name by which a stack on an emulator is known beside the real one."""
    return f"{stack}-emulator" if emulator and stack != LOCAL else stack


def _from_secret(ui: Ui, stack: str, *, emulator: bool) -> str:
    from operations import api_key
    from operations.target import open_target

    with open_target(stack, ui, emulator=emulator, looking=True) as target:
        return api_key.read(target, target.outputs())


def _from_input() -> str:
    import getpass

    key = (getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.read()).strip()
    if not key:
        raise Problem(
            "No key was given.", fix="Give it on the standard input (`< FILE`), or read it by --from-secret."
        )
    return key


def _view(found: dict[str, object]) -> str:
    return f"current {found['current']}, previous {found['previous'] or 'none'}"
