"""`bmx people`: who may sign in to the pages of a stack, and what they may do there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from bmx.options import EmulatorOption, StackOption
from bmx.output import JsonOption, Outcome, Ui, YesOption, execute
from bmx.tables import plain_table
from infra.naming import LOCAL
from workers.contracts.roles import Role

if TYPE_CHECKING:
    from pathlib import Path

    from operations.people import People

people = typer.Typer(
    name="people",
    help="Who may sign in to the pages, and as what.",
    no_args_is_help=True,
    epilog="Example: bmx people add anna@example.org editor --stack staging",
)

EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail address.")]
RoleArgument = Annotated[Role, typer.Argument(help="Each may do what the ones before it may.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(people)


@people.command("list", epilog="Example: bmx people list --stack staging")
def list_people(
    stack: StackOption = None, emulator: EmulatorOption = False, json_output: JsonOption = False
) -> None:
    """List the accounts of the user pool."""

    def action(ui: Ui) -> Outcome:
        with _people(stack, ui, emulator, change=False) as pool:
            found = pool.all()
        rows = [(one.email, one.role or "nothing", one.state.replace("_", " ").lower()) for one in found]
        view = plain_table(("person", "may be", "account"), rows) if rows else "Nobody has an account yet."
        return Outcome(data={"people": [asdict(one) for one in found]}, view=view)

    execute("people list", json_output, action)


@people.command(epilog="Example: bmx people add anna@example.org editor --stack staging")
def add(
    email: EmailArgument,
    role: RoleArgument,
    stack: StackOption = None,
    emulator: EmulatorOption = False,
    json_output: JsonOption = False,
) -> None:
    """Make an account. Cognito mails a temporary password, which is changed at the first sign-in.

    Nobody sends mail from an emulator: there the password is put into a file that only you can read.
    """

    def action(ui: Ui) -> Outcome:
        from local.files import write_atomic
        from operations.people import address

        person = address(email)
        with _people(stack, ui, emulator) as pool:
            word = pool.add(person, role)
        data = {"email": person, "role": role.value}
        if word is None:
            return Outcome(data=data, view=f"{person} may be {role.value}, and gets a mail with the way in.")
        path = _password_file(stack, person)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(path, word + "\n", mode=0o600)
        view = f"{person} may be {role.value}; the password for the first sign-in is in {path}."
        return Outcome(data={**data, "file": str(path)}, view=view)

    execute("people add", json_output, action)


@people.command("role", epilog="Example: bmx people role anna@example.org admin --stack staging")
def change_role(
    email: EmailArgument,
    role: RoleArgument,
    stack: StackOption = None,
    emulator: EmulatorOption = False,
    json_output: JsonOption = False,
) -> None:
    """Give somebody another role. It counts from their next token on, within an hour."""

    def action(ui: Ui) -> Outcome:
        from operations.people import address

        person = address(email)
        with _people(stack, ui, emulator) as pool:
            pool.give(person, role)
        return Outcome(data={"email": person, "role": role.value}, view=f"{person} may be {role.value}.")

    execute("people role", json_output, action)


@people.command(epilog="Example: bmx people remove anna@example.org --stack staging --yes")
def remove(
    email: EmailArgument,
    stack: StackOption = None,
    emulator: EmulatorOption = False,
    yes: YesOption = False,
    json_output: JsonOption = False,
) -> None:
    """Delete somebody's account. What they did stays in the audit log."""

    def action(ui: Ui) -> Outcome:
        from operations.people import address

        person = address(email)
        with _people(stack, ui, emulator) as pool:
            admins = [one.email for one in pool.all() if one.role is Role.ADMIN]
            last = ", the only administrator" if admins == [person] else ""
            ui.confirm(f"Delete the account of {person}{last}?", agreed=yes)
            pool.remove(person)
        _password_file(stack, person).unlink(missing_ok=True)
        return Outcome(data={"email": person}, view=f"{person} has no account any more.")

    execute("people remove", json_output, action)


def _password_file(stack: str | None, person: str) -> "Path":
    from local.paths import Paths

    return Paths.default().run / "people" / (stack or LOCAL) / f"{person}.password"


@contextmanager
def _people(stack: str | None, ui: Ui, emulator: bool, *, change: bool = True) -> "Iterator[People]":
    from operations.people import People
    from operations.target import open_target

    with open_target(
        stack or LOCAL, ui, emulator=emulator, plain=True, looking=not change, keep_there=change
    ) as target:
        yield People.of(target)
