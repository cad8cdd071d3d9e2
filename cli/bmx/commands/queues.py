"""`bmx queue` and `bmx dlq`: what waits, and what was given up."""

from typing import Annotated, Any

import typer

from bmx.connection import open_api
from bmx.options import ApiStackOption, UrlOption
from bmx.output import JsonOption, Outcome, Ui, YesOption, execute
from bmx.tables import plain_table
from infra.naming import LOCAL

queue = typer.Typer(
    name="queue", help="The workers' queues.", no_args_is_help=True, epilog="Example: bmx queue list"
)
dlq = typer.Typer(
    name="dlq",
    help="Dead letters: messages that a worker gave up.",
    no_args_is_help=True,
    epilog="Example: bmx dlq redrive image_processing --dry-run",
)
WorkerArgument = Annotated[str, typer.Argument(help="The worker whose letters.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(queue)
    app.add_typer(dlq)


@queue.command("list", epilog="Example: bmx queue list --json")
def list_queues(
    stack: ApiStackOption = LOCAL, url: UrlOption = None, json_output: JsonOption = False
) -> None:
    """Show each queue's depth, dead letters and latency."""

    def action(_ui: Ui) -> Outcome:
        with open_api(stack, url) as api:
            found = api.get("/queues")
        rows = [
            (
                it["worker"],
                it["status"],
                *(_count(it[name]) for name in ("visible", "in_flight", "delayed")),
                "–" if it["oldest_seconds"] is None else f"{it['oldest_seconds']:.0f} s",
                _count(it["dlq"]["visible"]),
                f"{it['latency_ms']:.0f} ms",
                it["message"] or it["dlq"]["message"],
            )
            for it in found["items"]
        ]
        heads = ("worker", "status", "waiting", "in flight", "delayed", "oldest", "dead", "latency", "")
        well = all(it["status"] == "ok" and it["dlq"]["status"] == "ok" for it in found["items"])
        return Outcome(data=found, view=plain_table(heads, rows), ok=well)

    execute("queue list", json_output, action)


@dlq.command(epilog="Example: bmx dlq peek image_processing --limit 5")
def peek(
    worker: WorkerArgument,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 10,
    stack: ApiStackOption = LOCAL,
    url: UrlOption = None,
    json_output: JsonOption = False,
) -> None:
    """Look at dead letters; they stay where they are."""

    def action(_ui: Ui) -> Outcome:
        with open_api(stack, url) as api:
            found = api.get(f"/dlq/{worker}", limit=limit)
        rows = [
            (it["message_id"], it["sent_at"] or "–", it["receive_count"], it["body"][:120])
            for it in found["items"]
        ]
        view: Any = plain_table(("message", "sent", "received", "body"), rows) if rows else "No dead letters."
        return Outcome(data=found, view=view)

    execute("dlq peek", json_output, action)


@dlq.command(epilog="Example: bmx dlq redrive image_processing --dry-run")
def redrive(
    worker: WorkerArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be sent.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    yes: YesOption = False,
    stack: ApiStackOption = LOCAL,
    url: UrlOption = None,
    json_output: JsonOption = False,
) -> None:
    """Send dead letters to their worker again; each is sent before it is deleted."""

    def action(ui: Ui) -> Outcome:
        with open_api(stack, url) as api:
            if not dry_run:
                ui.confirm(f"Send dead letters of {worker} again?", agreed=yes)
            done = api.post(f"/dlq/{worker}/redrive", {"dry_run": dry_run, "limit": limit})
        if done["failed"]:
            ui.warn(f"It ended early: {done['failed']}")
        verb = "would be sent" if dry_run else "sent again"
        view = f"{len(done['messages'])} {verb}, {_count(done['remaining'])} left."
        return Outcome(data=done, view=view, ok=not done["failed"])

    execute("dlq redrive", json_output, action)


def _count(value: int | None) -> str:
    return "–" if value is None else str(value)
