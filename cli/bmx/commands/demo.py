"""`bmx demo` and `bmx import`: listings in, cutouts out."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bmx.api import Api
from bmx.books import (
    ImportedBook,
    Listing,
    import_listing,
    imported_book,
    listing_of_folder,
    upload,
    wait_for,
)
from bmx.output import JsonOption, Outcome, Ui, execute

if TYPE_CHECKING:
    from rich.console import RenderableType

    from local.stack import StackStatus


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog="Example: bmx demo --json")(demo)
    app.command("import", epilog="Example: bmx import ~/photos/atlas")(import_folder)


def demo(json_output: JsonOption = False) -> None:
    """Set everything up, import sample listings, wait for their cutouts and show them."""

    def action(ui: Ui) -> Outcome:
        from local.paths import Paths
        from workers.samples.listings import write_listings

        paths = Paths.default()
        status = _running_stack(ui)
        ui.say("Drawing the sample photos")
        folders = write_listings(paths.home / "samples")
        listings = [Listing(item=sample.item, title=sample.title, photos=sample.photos) for sample in folders]
        books = _import(ui, status, listings)
        sheet = _contact_sheet(ui, books, paths.home / "demo" / "contact-sheet.png")
        return _outcome(books, status, sheet)

    execute("demo", json_output, action)


def import_folder(
    folder: Annotated[
        Path, typer.Argument(help="A folder of photos: JPEG, PNG or WebP.", show_default=False)
    ],
    title: Annotated[str | None, typer.Option(help="The book's title; the folder's name otherwise.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Import a folder of your own photos as a listing and wait for its cutouts."""

    def action(ui: Ui) -> Outcome:
        found = listing_of_folder(folder)
        for path in found.left_out:
            ui.warn(f"{path.name} is left out: a listing takes .jpg, .jpeg, .png and .webp files.")
        listing = Listing(found.item, title or found.title, found.photos)
        status = _running_stack(ui)
        books = _import(ui, status, [listing])
        if not books[0].created:
            ui.warn(f"Listing {listing.item} was imported before; this is the book it became.")
        return _outcome(books, status, None)

    execute("import", json_output, action)


def _running_stack(ui: Ui) -> "StackStatus":
    """The local stack, started where it does not run."""
    from local.paths import Paths
    from local.stack import LocalStack

    return LocalStack(Paths.default()).up(ui)


def _import(ui: Ui, status: "StackStatus", listings: list[Listing]) -> list[ImportedBook]:
    """Upload, import and wait; the books in the order of the listings."""
    s3 = status.connection.client("s3")
    with Api(status.api_url, status.api_key) as api, ui.progress() as bars:
        imports: dict[str, tuple[Listing, bool]] = {}
        tasks = {}
        for listing in listings:
            upload(s3, status.images_bucket, listing)
            book_id, created = import_listing(api, listing)
            imports[book_id] = (listing, created)
            tasks[book_id] = bars.add_task(listing.title, total=len(listing.photos))

        def show(book_id: str, ended: int, total: int) -> None:
            bars.update(tasks[book_id], completed=ended, total=total)

        books = wait_for(api, list(imports), show)
        return [
            imported_book(books[book_id], listing.item, created)
            for book_id, (listing, created) in imports.items()
        ]


def _outcome(books: list[ImportedBook], status: "StackStatus", sheet: Path | None) -> Outcome:
    data = {
        "books": [{**asdict(book), "seconds": book.seconds, "finished": book.finished} for book in books],
        "contact_sheet": str(sheet) if sheet else None,
        "api_url": status.api_url,
        "admin_url": status.admin_url,
    }
    return Outcome(data=data, view=_view(books, status, sheet), ok=all(book.finished for book in books))


def _view(books: list[ImportedBook], status: "StackStatus", sheet: Path | None) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("book")
    table.add_column("images", justify="right")
    table.add_column("jobs")
    table.add_column("seconds", justify="right")
    table.add_column("cutout of the primary image", overflow="fold")
    for book in books:
        primary = next((picture for picture in book.pictures if picture.is_primary), None)
        table.add_row(
            book.title,
            str(len(book.pictures)),
            _job_words(book),
            f"{book.seconds:.1f}" if book.seconds is not None else "–",
            (primary.cutout_key if primary else None) or "–",
        )
    lines = [("pages", status.web_url), ("API", status.api_url), ("admin", status.admin_url)]
    if sheet:
        lines.insert(0, ("before/after", str(sheet)))
    addresses = Table.grid(padding=(0, 2))
    for name, where in lines:
        addresses.add_row(Text(name, style="bold"), Text(where, overflow="fold"))
    stop = Text("The stack goes on running; `./bmx down` stops it.", style="dim")
    return Group(table, Text(), addresses, Text(), stop)


def _job_words(book: ImportedBook) -> str:
    """`3 succeeded`, or with what went wrong: `2 succeeded, 1 failed (not_an_image)`."""
    words: dict[str, int] = {}
    for picture in book.pictures:
        word = picture.status + (f" ({picture.error})" if picture.error else "")
        words[word] = words.get(word, 0) + 1
    return ", ".join(f"{count} {word}" for word, count in sorted(words.items(), reverse=True))


def _contact_sheet(ui: Ui, books: list[ImportedBook], path: Path) -> Path | None:
    """Before and after of every processed image, fetched from the bucket as a user's browser would."""
    import httpx

    from workers.samples.sheet import Pair, contact_sheet

    pairs = []
    for book in books:
        for number, picture in enumerate(book.pictures, start=1):
            if picture.original_url and picture.cutout_url:
                before = httpx.get(picture.original_url).raise_for_status().content
                after = httpx.get(picture.cutout_url).raise_for_status().content
                pairs.append(Pair(f"{book.title} · {number}", before, after))
    if not pairs:
        ui.warn("No image has a cutout yet, so there is no contact sheet.")
        return None
    return contact_sheet(pairs, path)
