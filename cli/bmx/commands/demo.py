"""`bmx demo` and `bmx import`: listings in, cutouts out."""

from dataclasses import asdict, dataclass
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
from workers.contracts.status import JobStatus

if TYPE_CHECKING:
    from rich.console import RenderableType

    from local.stack import StackStatus


@dataclass(frozen=True)
class CutoutFile:
    """One image's cutout as a file, and the original's bytes to show beside it. Numbers count from 1."""

    book_id: str
    number: int
    is_primary: bool
    original: bytes
    path: Path


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
        files = _fetch_cutouts(books, paths.home / "demo")
        sheet = _contact_sheet(books, files, paths.home / "demo" / "contact-sheet.png")
        if sheet is None:
            ui.warn("No image has a cutout, so there is no contact sheet.")
        return _outcome(books, status, files, sheet)

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
        from local.paths import Paths

        found = listing_of_folder(folder)
        for path in found.left_out:
            ui.warn(f"{path.name} is left out: a listing takes .jpg, .jpeg, .png and .webp files.")
        listing = Listing(found.item, title or found.title, found.photos)
        status = _running_stack(ui)
        books = _import(ui, status, [listing])
        if not books[0].created:
            ui.warn(f"Listing {listing.item} was imported before; this is the book it became.")
        files = _fetch_cutouts(books, Paths.default().home / "imported")
        return _outcome(books, status, files)

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
            imported_book(books[book_id], listing, created) for book_id, (listing, created) in imports.items()
        ]


def _outcome(
    books: list[ImportedBook], status: "StackStatus", files: list[CutoutFile], sheet: Path | None = None
) -> Outcome:
    data = {
        "books": [{**asdict(book), "seconds": book.seconds, "finished": book.finished} for book in books],
        "cutouts": [str(file.path) for file in files],
        "contact_sheet": str(sheet) if sheet else None,
        "api_url": status.api_url,
        "admin_url": status.admin_url,
    }
    return Outcome(
        data=data, view=_view(books, status, files, sheet), ok=all(book.finished for book in books)
    )


def _view(
    books: list[ImportedBook], status: "StackStatus", files: list[CutoutFile], sheet: Path | None
) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from local.paths import Paths

    primary = {file.book_id: file.path for file in files if file.is_primary}
    folder = primary[next(iter(primary))].parents[1] if primary else None
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("book", overflow="fold", ratio=1)
    table.add_column("images", justify="right", no_wrap=True)
    table.add_column("jobs")
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("cutout", no_wrap=True)
    for book in books:
        seconds = f"{book.seconds:.1f}" if book.seconds is not None else "–"
        cutout = str(primary[book.id].relative_to(folder)) if folder and book.id in primary else "–"
        table.add_row(book.title, str(len(book.pictures)), _job_words(book), seconds, cutout)
    failures = [
        Text(f"{picture.source} of {book.title}: {picture.error or picture.status}", "yellow")
        for book in books
        for picture in book.pictures
        if picture.status != JobStatus.SUCCEEDED
    ]
    places = [("cutouts", _short(folder))] if folder else []
    places += [("before/after", _short(sheet))] if sheet else []
    places += [("pages", status.web_url), ("API", status.api_url), ("admin", status.admin_url)]
    places += [("API key", _short(Paths.default().api_key))]
    where = [Text.assemble((f"{name:<14}", "bold"), place) for name, place in places]
    stop = Text("`./bmx open` shows the pages, `./bmx down` stops what runs.", "dim")
    return Group(table, *failures, Text(), *where, Text(), stop)


def _short(path: Path) -> str:
    """Relative to where the person is, if that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _job_words(book: ImportedBook) -> str:
    """`3 succeeded`, or with what went wrong: `2 succeeded, 1 failed (not_an_image)`."""
    words: dict[str, int] = {}
    for picture in book.pictures:
        word = picture.status + (f" ({picture.error})" if picture.error else "")
        words[word] = words.get(word, 0) + 1
    return ", ".join(f"{count} {word}" for word, count in sorted(words.items(), reverse=True))


def _fetch_cutouts(books: list[ImportedBook], folder: Path) -> list[CutoutFile]:
    """Every original and cutout, fetched as a browser would and kept as `folder/{item}/image_NN.*`."""
    import httpx

    files = []
    with httpx.Client(timeout=30) as client:
        for book in books:
            for number, picture in enumerate(book.pictures, start=1):
                if not (picture.original_url and picture.cutout_url and picture.cutout_key):
                    continue
                original = client.get(picture.original_url).raise_for_status().content
                content = client.get(picture.cutout_url).raise_for_status().content
                suffix = Path(picture.cutout_key).suffix
                path = folder / book.item / f"image_{number:02d}{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                files.append(CutoutFile(book.id, number, picture.is_primary, original, path))
    return files


def _contact_sheet(books: list[ImportedBook], files: list[CutoutFile], path: Path) -> Path | None:
    """Before and after of every cutout on one page; None where there is no cutout."""
    from workers.samples.sheet import Pair, contact_sheet

    titles = {book.id: book.title for book in books}
    pairs = [Pair(f"{titles[file.book_id]} · {file.number}", file.original, file.path) for file in files]
    return contact_sheet(pairs, path) if pairs else None
