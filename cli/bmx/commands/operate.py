"""`bmx jobs`, `bmx smoke` and `bmx open`: what waits and what failed, a try of all of it, and the pages."""

import html
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

import typer

from bmx.api import Api
from bmx.connection import key_file, locate, open_api
from bmx.options import ApiStackOption, UrlOption
from bmx.output import JsonOption, Outcome, Ui, execute
from infra.naming import LOCAL
from workers.contracts.status import JobStatus

if TYPE_CHECKING:
    from rich.table import Table

jobs = typer.Typer(
    name="jobs",
    help="Jobs of the image worker.",
    no_args_is_help=True,
    epilog="Example: bmx jobs list --status failed",
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("open", epilog="Example: bmx open admin")(open_pages)
    app.command("smoke", epilog="Example: bmx smoke --stack staging")(smoke_test)
    app.add_typer(jobs)


def open_pages(
    page: Annotated[Literal["books", "admin", "docs"], typer.Argument(help="Which page.")] = "books",
    stack: ApiStackOption = LOCAL,
    url: UrlOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show the pages of a stack in a browser, signed in with its API key."""

    def action(ui: Ui) -> Outcome:
        import webbrowser

        from local.files import write_atomic

        place = locate(stack, url)
        shown = place.url.rstrip("/") + "/" + ("" if page == "books" else page)
        # The key travels in the fragment, which no server sees, and in a file that only its owner can read:
        # as an argument of the browser every process on the machine could read it.
        door = key_file(stack).with_name(f"open-{stack}-{page}.html")
        target = html.escape(f"{shown}#key={quote(place.key)}")
        write_atomic(door, f'<meta http-equiv="refresh" content="0; url={target}">', mode=0o600)
        opened = webbrowser.open(door.as_uri())
        if not opened:
            ui.warn(f"No browser was found. Open {shown} in one; it asks for the key in {key_file(stack)}.")
        return Outcome(data={"url": shown, "opened": opened}, view=shown)

    execute("open", json_output, action)


def smoke_test(
    stack: ApiStackOption = LOCAL,
    url: UrlOption = None,
    json_output: JsonOption = False,
) -> None:
    """Try a deployed stack with a photo: sent, cut out, compared with what it shows, deleted.

    Needs a key of the role admin. What failed is kept, so that the reason can be looked for.
    """

    def action(ui: Ui) -> Outcome:
        from bmx.smoke import smoke

        with open_api(stack, url) as api:
            smoked = smoke(api, ui.say)
        return Outcome(data={"stack": stack, **smoked.to_json()}, view=f"Stack {stack} works: {smoked}.")

    execute("smoke", json_output, action)


@jobs.command("list", epilog="Example: bmx jobs list --status failed")
def list_jobs(
    status: Annotated[JobStatus | None, typer.Option(help="Only jobs that stand there.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 50,
    stack: ApiStackOption = LOCAL,
    url: UrlOption = None,
    json_output: JsonOption = False,
) -> None:
    """List jobs, newest first."""

    def action(_ui: Ui) -> Outcome:
        with open_api(stack, url) as api:
            page = api.get("/jobs", status=status, limit=limit)
        return Outcome(data=page, view=_table(page["items"]))

    execute("jobs list", json_output, action)


@jobs.command(epilog="Example: bmx jobs retry 0199c2b4-…")
def retry(
    job_id: Annotated[str | None, typer.Argument(help="The job's id.", show_default=False)] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All jobs that failed.")] = False,
    stack: ApiStackOption = LOCAL,
    url: UrlOption = None,
    json_output: JsonOption = False,
) -> None:
    """Send a failed or refused job again, at once, or all that failed."""
    if (job_id is None) != failed:
        raise typer.BadParameter("name one job, or give --failed.")

    def action(ui: Ui) -> Outcome:
        with open_api(stack, url) as api:
            if job_id is None:
                return _retry_all(api, ui)
            job = api.post(f"/jobs/{job_id}/retry")
        return Outcome(data=job, view=_table([job]))

    execute("jobs retry", json_output, action)


def _retry_all(api: Api, ui: Ui) -> Outcome:
    """Call after call, each as long as it has time for."""
    total: dict[str, Any] = {"sent": 0, "refused": 0, "not_retried": []}
    place: dict[str, str] = {}
    while True:
        done = api.post("/jobs/retry", {"status": "failed"} | place)
        total["sent"] += done["sent"]
        total["refused"] += done["refused"]
        total["not_retried"] += done["not_retried"]
        if done["next_cursor"] is None:
            break
        place = {"cursor": done["next_cursor"]}
        ui.say(f"{done['remaining']} left")
    for job in total["not_retried"]:
        ui.warn(f"{job['job_id']}: {job['reason']}")
    view = f"{total['sent']} sent, {total['refused']} refused by the queue."
    return Outcome(data=total, view=view, ok=not total["not_retried"])


def _table(items: list[dict[str, Any]]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("job", no_wrap=True)
    for column in ("status", "tries", "created"):
        table.add_column(column, no_wrap=True)
    table.add_column("error", overflow="fold")
    for item in items:
        error = item.get("error") or {}
        reason = error.get("code") or item.get("send_error") or ""
        created = datetime.fromisoformat(item["created_at"]).astimezone().strftime("%d %b %H:%M")
        table.add_row(item["id"], item["status"], str(item["attempts"]), created, reason)
    return table
