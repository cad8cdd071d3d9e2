"""`bmx credentials`: verify, rotate, adopt and move the database's login."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bmx.options import EmulatorOption, StackOption
from bmx.output import JsonOption, Outcome, Ui, YesOption, execute
from infra.naming import LOCAL

if TYPE_CHECKING:
    from operations.credentials.login import DatabaseAccess
    from operations.state import Edited

credentials = typer.Typer(
    name="credentials",
    help="Keep the database and its secret in agreement.",
    no_args_is_help=True,
    epilog="Example: bmx credentials verify",
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(credentials)


@credentials.command(epilog="Example: bmx credentials verify --stack staging")
def verify(
    stack: StackOption = None, emulator: EmulatorOption = False, json_output: JsonOption = False
) -> None:
    """Log in to the database with what its secret says now."""

    def action(ui: Ui) -> Outcome:
        with _access(stack, ui, emulator=emulator) as access:
            found = access.verify()
        view = (
            f"{found.username} is logged in to {found.database} at {found.host}:{found.port} "
            f"(PostgreSQL {found.server}) with {found.secret_arn}."
        )
        return Outcome(data={"stack": stack or LOCAL, "mode": access.mode, **found.to_json()}, view=view)

    execute("credentials verify", json_output, action)


@credentials.command(epilog="Example: bmx credentials rotate --stack staging --yes")
def rotate(
    stack: StackOption = None,
    emulator: EmulatorOption = False,
    yes: YesOption = False,
    json_output: JsonOption = False,
) -> None:
    """Give database and secret a new password, with no failed request. Without --yes: only say how."""

    def action(ui: Ui) -> Outcome:
        from operations import changes
        from operations.credentials import adopt as adoption
        from operations.credentials import rotate as rotation
        from workers.contracts.problem import Problem

        with _access(stack, ui, emulator=emulator, change=yes) as access:
            if not yes:
                rotation.check(access)
                steps = [*rotation.STEPS, "take it into Pulumi's state"]
                lines = "\n".join(f"  {number}. {step}" for number, step in enumerate(steps, start=1))
                view = f"The login of {access.where} works. A rotation would:\n{lines}\n--yes does it."
                return Outcome(data={"rotated": False, "steps": steps}, view=view)
            adopts = bool(access.target.command) and access.mode in {"generated", "existing"}
            if adopts:
                changes.plan(access.target)  # where that fails, it fails before anything is changed
            found = rotation.rotate(access, ui.say)
            edited: tuple[str, ...] = ()
            try:
                edited = adoption.adopt(access).edits if adopts else ()
            except Problem as problem:
                raise Problem(
                    "The password is a new one, and login and secret agree; Pulumi's state has the old one.",
                    why=str(problem),
                    fix="Nothing applies the old one. Take the new one into the state: "
                    f"`bmx credentials adopt {access.target.options} --yes`.",
                ) from problem
        view = f"The password of {found.username} is a new one; login and secret agree."
        return Outcome(data={"rotated": True, **found.to_json(), "state": list(edited)}, view=view)

    execute("credentials rotate", json_output, action)


@credentials.command(epilog="Example: bmx credentials adopt --stack staging --yes")
def adopt(
    stack: StackOption = None,
    emulator: EmulatorOption = False,
    yes: YesOption = False,
    json_output: JsonOption = False,
) -> None:
    """Take the password in use into Pulumi's state; database and secret stay as they are. Without --yes: only
    say what."""

    def action(ui: Ui) -> Outcome:
        from operations.credentials import adopt as adoption

        with _access(stack, ui, emulator=emulator, change=yes) as access:
            found = adoption.adopt(access) if yes else adoption.look(access)
        return _told(found, "adopted", yes, "Pulumi's state has the password in use already.")

    execute("credentials adopt", json_output, action)


@credentials.command(epilog="Example: bmx credentials move --to existing --stack staging --yes")
def move(
    to: Annotated[str, typer.Option("--to", help="The mode: see docs/credentials.md.", metavar="MODE")],
    stack: StackOption = None,
    emulator: EmulatorOption = False,
    yes: YesOption = False,
    json_output: JsonOption = False,
) -> None:
    """Change who owns the login, with no login refused meanwhile. Without --yes: only say what."""

    def action(ui: Ui) -> Outcome:
        from operations.credentials import move as moving

        with _access(stack, ui, emulator=emulator, change=yes, plans=True) as access:
            found = moving.move(access, to, ui.say) if yes else moving.look(access, to)
        return _told(found, "moved", yes, f"The mode is `{to}` already.", mode=to)

    execute("credentials move", json_output, action)


def _told(found: "Edited", done: str, yes: bool, nothing: str, **more: str) -> Outcome:
    """What a command that edits the state has done, or would do."""
    data = {done: yes, "edits": list(found.edits), "backup": found.backup, **more}
    if not found.edits:
        return Outcome(data=data, view=nothing)
    lines = "\n".join(f"  - {edit}" for edit in found.edits)
    end = "--yes does it."
    if yes:
        end = f"The state before: {found.backup}." if found.backup else ""
    return Outcome(data=data, view=f"{'Done' if yes else 'This would be done'}:\n{lines}\n{end}".rstrip())


@contextmanager
def _access(
    stack: str | None, ui: Ui, *, emulator: bool, change: bool = False, plans: bool = False
) -> "Iterator[DatabaseAccess]":
    """The database of a stack; one command at a time may change the local stack's. `plans`: also who changes
    nothing needs the engine on the settings of now.
    """
    from local import locking
    from local.paths import Paths
    from operations.credentials.login import DatabaseAccess
    from operations.target import open_target

    paths = Paths.default()
    with open_target(
        stack or LOCAL,
        ui,
        emulator=emulator,
        plain=True,
        looking=not (change or plans),
        keep_there=True,
        paths=paths,
    ) as target:
        if change and (stack or LOCAL) == LOCAL:
            with locking.hold(paths.stack_lock, "bmx credentials"):
                yield DatabaseAccess.of(target)
        else:
            yield DatabaseAccess.of(target)
