"""`bmx stack new` and `bmx worker new`: new parts of this project, with defaults that work."""

from typing import TYPE_CHECKING, Annotated

import typer

from bmx.output import JsonOption, Outcome, Ui, execute
from bmx.scaffold.stack import DatabaseMode, NewStack
from bmx.scaffold.worker import Kind, NewWorker
from infra.naming import LOCAL
from local.paths import REPO

if TYPE_CHECKING:
    from rich.text import Text


stack = typer.Typer(
    name="stack", help="Stacks of this project.", no_args_is_help=True, epilog="Example: bmx stack new review"
)
worker = typer.Typer(
    name="worker",
    help="Workers of this project.",
    no_args_is_help=True,
    epilog="Example: bmx worker new price_check --kind container",
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(stack)
    app.add_typer(worker)


@stack.command("new", epilog="Example: bmx stack new review --alarm-email ops@example.org")
def new_stack(
    name: Annotated[str, typer.Argument(help="Its name: lower-case letters and digits, no dash.")],
    region: Annotated[str, typer.Option(help="AWS's region.")] = "us-west-2",
    worker: Annotated[
        list[str] | None, typer.Option(help="A worker that it has; may be given again. Default: all.")
    ] = None,
    database: Annotated[
        DatabaseMode, typer.Option(help="Who makes the database's password.")
    ] = DatabaseMode.RDS_MANAGED,
    secret_arn: Annotated[str | None, typer.Option(help="With `external`: the secret that opens it.")] = None,
    host: Annotated[str | None, typer.Option(help="With `external`: its address.")] = None,
    vpc: Annotated[str | None, typer.Option(help="An existing VPC; otherwise one is made.")] = None,
    subnet: Annotated[list[str] | None, typer.Option(help="With --vpc: two private subnets or more.")] = None,
    security_group: Annotated[
        list[str] | None, typer.Option(help="With --vpc: the security groups of the functions.")
    ] = None,
    alarm_email: Annotated[list[str] | None, typer.Option(help="Who hears of alarms.")] = None,
    budget: Annotated[int, typer.Option(help="US dollars a month, over which somebody is told.")] = 100,
    upload_origin: Annotated[
        list[str] | None, typer.Option(help="An origin whose pages upload straight to the bucket.")
    ] = None,
    repository: Annotated[
        str | None, typer.Option(help="OWNER/NAME on GitHub; its environment of this name may deploy.")
    ] = None,
    oidc_provider_arn: Annotated[
        str | None, typer.Option(help="GitHub's identity provider, where the account has it already.")
    ] = None,
    state_bucket: Annotated[
        str | None, typer.Option(help="A bucket for what its workflows know of the last deployment.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Write Pulumi.NAME.yaml for a new stack. Nothing is asked, nothing is created in AWS."""

    def action(ui: Ui) -> Outcome:
        from bmx.scaffold import stack as scaffold

        new = NewStack(
            name,
            region,
            workers=tuple(worker or ()),
            database=database,
            secret_arn=secret_arn,
            host=host,
            vpc=vpc,
            subnets=tuple(subnet or ()),
            security_groups=tuple(security_group or ()),
            emails=tuple(alarm_email or ()),
            monthly_usd=budget,
            upload_origins=tuple(upload_origin or ()),
            repository=repository,
            oidc_provider_arn=oidc_provider_arn,
            state_bucket=state_bucket,
        )
        path = scaffold.new_stack(REPO, new)
        if not new.emails:
            ui.warn(f"Nobody hears of alarms yet: add `bluemoxon:alarms: {{emails: [...]}}` to {path}.")
        steps = scaffold.next_steps(new)
        return Outcome(
            data={"stack": name, "created": [str(path)], "next": steps},
            view=_view([f"Made {path}."], steps),
        )

    execute("stack new", json_output, action)


@worker.command(
    "new", epilog='Example: bmx worker new price_check --kind container --summary "Asks dealers."'
)
def new_worker(
    name: Annotated[str, typer.Argument(help="Its name: lower-case letters, digits, underscores.")],
    kind: Annotated[Kind, typer.Option(help="Who empties its queue.")],
    summary: Annotated[str | None, typer.Option(help="What it does, in a sentence.")] = None,
    timeout: Annotated[int, typer.Option(help="Seconds that its function may run.")] = 60,
    memory: Annotated[int, typer.Option(help="MB of its function.")] = 512,
    reads: Annotated[
        list[str] | None, typer.Option(help="A key prefix that a container reads; may be given again.")
    ] = None,
    writes: Annotated[list[str] | None, typer.Option(help="A key prefix that a container writes.")] = None,
    results_to: Annotated[str | None, typer.Option(help="The worker that takes its results.")] = None,
    stack: Annotated[
        list[str] | None, typer.Option(help="A stack that gets it; may be given again. Default: local.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Declare a worker and write the skeleton of its code and its test."""

    def action(ui: Ui) -> Outcome:
        from bmx.scaffold import worker as scaffold

        ui.say(f"Adding {name}")
        made = scaffold.new_worker(
            REPO,
            NewWorker(
                name,
                kind,
                summary or f"{name.replace('_', ' ').capitalize()}.",
                timeout,
                memory,
                reads=tuple(reads or ()),
                writes=tuple(writes or ()),
                results_to=results_to,
                stacks=tuple(stack or (LOCAL,)),
            ),
        )
        created, changed = ([str(path) for path in paths] for paths in (made.created, made.changed))
        lines = [f"Made {path}." for path in created] + [f"Changed {path}." for path in changed]
        data = {"worker": name, "created": created, "changed": changed, "next": made.next_steps}
        return Outcome(data=data, view=_view(lines, made.next_steps))

    execute("worker new", json_output, action)


def _view(lines: list[str], steps: list[str]) -> "Text":
    from rich.text import Text

    numbered = [f"{number}. {step}" for number, step in enumerate(steps, start=1)]
    # Not wrapped: there are lines to copy among them.
    return Text("\n".join([*lines, "", "Next:", *numbered]), no_wrap=True, overflow="ignore")
