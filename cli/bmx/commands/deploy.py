"""`bmx deploy`: release the checkout to a stack, on AWS or on an emulator of its own."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bmx.options import EmulatorOption
from bmx.output import ExitCode, JsonOption, Outcome, Ui, YesOption, execute
from infra.naming import LOCAL

if TYPE_CHECKING:
    from rich.console import RenderableType

    from local.paths import Paths
    from operations.release.steps import Release, Step

STEPS = "platform, migrations, app, mappings, smoke"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog="Example: bmx deploy --stack prod --emulator")(deploy)


def deploy(
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack to release to.", metavar="STACK")],
    emulator: EmulatorOption = False,
    first: Annotated[
        str | None, typer.Option("--from", help=f"The step to begin with: {STEPS}.", metavar="STEP")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="The step to end with.", metavar="STEP")] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", help="A step to leave out; may be repeated.", metavar="STEP")
    ] = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Release the last commit that worked once more.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="With --emulator: forget what was deployed there before.")
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="With --emulator: forget it when the command ends.")
    ] = False,
    yes: YesOption = False,
    json_output: JsonOption = False,
) -> None:
    """Release to a stack: platform, schema, application, and a try of all of it with a photo.

    The platform is planned under the policies and judged; nothing is changed before you agree. A step
    that fails says how to go on from it. While a worker waits for its first image, only the platform is
    deployed; an emulator goes on with a stand-in for it.

    With --emulator the result stays on this machine, under stacks/STACK of the data folder, until
    --fresh, --discard or `bmx down --volumes`; `bmx plan` compares with it.

    --rollback checks out the commit whose smoke test passed last and releases it, without its migrations:
    an application works with the schema of the release after it.
    """
    if (fresh or discard) and not emulator:
        raise typer.BadParameter("--fresh and --discard are for --emulator; AWS forgets nothing.")
    if stack == LOCAL:
        raise typer.BadParameter("the local stack is applied by `bmx up`.", param_hint="--stack")
    if rollback and (first or last or skip or fresh):
        raise typer.BadParameter("--rollback has its own steps.")
    steps = _steps(first, last, skip or [])

    def action(ui: Ui) -> Outcome:
        from local.emulated import EmulatedStack
        from local.engine.project import require_settings
        from local.paths import Paths

        paths = Paths.default()
        require_settings(paths.repo, stack)
        if fresh:
            EmulatedStack(paths, stack).discard()
        try:
            if rollback:
                return _roll_back(ui, stack, paths, emulator=emulator, yes=yes)
            return _release(ui, stack, paths, steps, emulator=emulator, yes=yes)
        finally:
            if discard:
                EmulatedStack(paths, stack).discard()

    execute("deploy", json_output, action)


def _steps(first: str | None, last: str | None, skip: list[str]) -> "list[Step]":
    from operations.release.steps import Step, between

    def step(name: str, option: str) -> Step:
        try:
            return Step(name)
        except ValueError:
            raise typer.BadParameter(f"{name!r} is none of {STEPS}.", param_hint=option) from None

    begin = step(first, "--from") if first else None
    end = step(last, "--to") if last else None
    try:
        return between(begin, end, [step(name, "--skip") for name in skip])
    except ValueError:
        raise typer.BadParameter("these options leave no step.") from None


def _release(
    ui: Ui, stack: str, paths: "Paths", steps: "list[Step]", *, emulator: bool, yes: bool
) -> Outcome:
    from local.emulated import EmulatedStack
    from operations.release.steps import Release
    from operations.target import open_target

    with open_target(stack, ui, emulator=emulator, keep=True, paths=paths) as target:
        release = Release(
            target,
            ui,
            _agree(ui, stack, steps, emulator=emulator, yes=yes),
            _smoke(ui),
            EmulatedStack(paths, stack) if emulator else None,
        )
        release.run(steps)
        waiting = release.waits_for_image
        data = {
            "stack": stack,
            "emulator": emulator,
            "steps": {str(step): _json(said) for step, said in release.done.items()},
            "waits_for_image": waiting,
            "outputs": release.outputs,
        }
        return Outcome(data=data, view=_summary(release, stack))


def _agree(ui: Ui, stack: str, steps: "list[Step]", *, emulator: bool, yes: bool) -> Callable[[Any], None]:
    def agree(plan: Any) -> None:
        from operations.changes import as_tree

        if emulator:
            return
        rest = ", ".join(step for step in steps if step != "platform")
        if plan is None:
            ui.confirm(f"Release to stack {stack}: {rest}?", agreed=yes)
            return
        if not ui.json_output:
            ui.console.print(as_tree(plan.changes))
        ui.confirm(f"Apply this to stack {stack}{rest and f', then {rest}'}?", agreed=yes)

    return agree


def _smoke(ui: Ui) -> Callable[[str, str], Any]:
    def run(url: str, key: str) -> Any:
        from bmx.api import Api
        from bmx.smoke import smoke

        with Api(url, key) as api:
            return smoke(api, ui.say)

    return run


def _json(said: Any) -> Any:
    return said.to_json() if hasattr(said, "to_json") else said


def _summary(release: "Release", stack: str) -> "RenderableType":
    from rich.table import Table

    from operations.release.steps import Step

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    words: dict[Step, Callable[[Any], str]] = {
        Step.PLATFORM: lambda said: ", ".join(
            f"{n} {what}" for what, n in sorted(said["operations"].items())
        ),
        Step.APP: lambda said: str(said["url"]),
        Step.MIGRATIONS: lambda said: (
            f"at {said['after']}" + ("" if said["before"] == said["after"] else f", was {said['before']}")
        ),
        Step.MAPPINGS: lambda said: ", ".join(said["changed"]) or "as they have to be",
        Step.SMOKE: str,
    }
    for step, said in release.done.items():
        table.add_row(str(step), words[step](said))
    if release.waits_for_image:
        images = ", ".join(release.waits_for_image)
        push = f"bmx image push --stack {stack}, then digest"
        waiting = f"for the first image of {images}: {push}"
        if "stand_ins" in release.done.get(Step.PLATFORM, {}):
            waiting = (
                f"a stand-in took the place of the first image of {images}: an emulator runs none. "
                f"Pulumi.{stack}.yaml is as it was; a release to AWS ends after the platform until {push}"
            )
        table.add_row("waiting", waiting)
    return table


def _roll_back(ui: Ui, stack: str, paths: "Paths", *, emulator: bool, yes: bool) -> Outcome:
    from local import locking

    # Two at once would release the same commit from one checkout, which goes when the first of them ends.
    lock = paths.run / f"rollback-{stack}.lock"
    with locking.hold(lock, "bmx deploy --rollback", f"stack {stack}"):
        return _release_again(ui, stack, paths, emulator=emulator, yes=yes)


def _release_again(ui: Ui, stack: str, paths: "Paths", *, emulator: bool, yes: bool) -> Outcome:
    import datetime

    from operations.release import source
    from operations.release.kept import kept_for
    from operations.target import open_target
    from workers.contracts.problem import Problem

    with open_target(stack, ui, emulator=emulator, keep_there=True, paths=paths) as target:
        kept = kept_for(target)
        good = source.good_before(kept)
        if good is None:
            raise Problem(
                f"No release of stack {stack} before this one is known to have worked.",
                why="One is remembered when its smoke test has passed and nothing was left uncommitted.",
                fix=f"Check the commit you want out and there: bmx deploy {target.options} --skip migrations",
            )
        ui.confirm(f"Release {good} to stack {stack} again?", agreed=yes)
        source.note_returning(kept, good, datetime.datetime.now(datetime.UTC))
    ui.say(f"Releasing {good}")
    options = ["--stack", stack, "--yes", "--skip", "migrations", *(["--emulator"] if emulator else [])]
    folder = paths.rollback / stack / good.commit
    code = source.deploy_again(good, paths.repo, folder, paths.home, options, quiet=ui.json_output)
    data = {"stack": stack, "emulator": emulator, "commit": good.commit, "exit_code": code}
    if code:
        view = f"Not released: {good}. Stack {stack} may be between two releases; roll it back again."
        known = ExitCode(code) if code in set(ExitCode) else ExitCode.FAILED
        return Outcome(data=data, view=view, ok=False, exit_code=known)
    return Outcome(data=data, view=f"Stack {stack} runs {good}.")
