"""Listings into books: upload a folder of photos, import it, wait for its cutouts."""

import hashlib
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bmx.api import Api
from workers.contracts.problem import Problem
from workers.contracts.status import JobStatus

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SUFFIXES = {".jpg": ".jpg", ".jpeg": ".jpg", ".png": ".png", ".webp": ".webp"}
"""Photo suffixes that a listing takes, and how they are stored."""

CONTENT_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}

STALLED_AFTER = 300.0
"""Seconds without any job ending after which waiting is given up (the jobs themselves go on)."""


@dataclass(frozen=True)
class Listing:
    """A folder of photos under the name it gets in the bucket."""

    item: str
    title: str
    photos: tuple[Path, ...]
    left_out: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Picture:
    """One image of a book when its job has ended. `source` is the photo's file here."""

    source: str
    image_id: str
    job_id: str | None
    status: str
    error: str | None
    seconds: float | None
    key: str
    cutout_key: str | None
    original_url: str | None
    cutout_url: str | None
    is_primary: bool


@dataclass(frozen=True)
class ImportedBook:
    """What became of one listing."""

    id: str
    title: str
    item: str
    created: bool
    primary_kind: str | None
    pictures: tuple[Picture, ...] = field(default_factory=tuple)

    @property
    def seconds(self) -> float | None:
        """From the first job's creation to the last one's end."""
        times = [picture.seconds for picture in self.pictures if picture.seconds is not None]
        return max(times) if times else None

    @property
    def finished(self) -> bool:
        """Whether every image has its cutout and the primary one is shown by it."""
        done = all(picture.status == JobStatus.SUCCEEDED for picture in self.pictures)
        return bool(self.pictures) and done and self.primary_kind == "processed"


def listing_of_folder(folder: Path) -> Listing:
    """The photos of `folder` in the order of their names; raises `Problem` where there are none."""
    if not folder.is_dir():
        raise Problem(f"{folder} is no folder.", fix="Name a folder of photos (JPEG, PNG or WebP).")
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    photos = tuple(path for path in files if path.suffix.lower() in SUFFIXES)
    if not photos:
        raise Problem(
            f"{folder} holds no photos.",
            why="A listing takes .jpg, .jpeg, .png and .webp files.",
            fix="Name a folder with photos right in it.",
        )
    name = folder.resolve().name
    left_out = tuple(path for path in files if path not in photos and path.suffix.lower() != ".json")
    return Listing(item=_item(name, photos), title=name, photos=photos, left_out=left_out)


def _item(name: str, photos: tuple[Path, ...]) -> str:
    """A listing's name: readable, and another one for other photos.

    So the same folder again is the same listing; a folder of the same name elsewhere is not, nor is this one
    with a photo more.
    """
    digest = hashlib.sha256()
    for photo in photos:
        with photo.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    slug = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:80].strip("-") or "listing"
    return f"{slug}-{digest.hexdigest()[:8]}"


def upload(s3: "S3Client", bucket: str, listing: Listing) -> int:
    """Put the photos under `listings/{item}/image_NN.ext`; returns how many. A repeat overwrites them."""

    def put(numbered: tuple[int, Path]) -> None:
        number, photo = numbered
        suffix = SUFFIXES[photo.suffix.lower()]
        s3.put_object(
            Bucket=bucket,
            Key=f"listings/{listing.item}/image_{number:02d}{suffix}",
            Body=photo.read_bytes(),
            ContentType=CONTENT_TYPES[suffix],
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, enumerate(listing.photos, start=1)))
    return len(listing.photos)


def import_listing(api: Api, listing: Listing) -> tuple[str, bool]:
    """The id of the listing's book, and whether this call made it."""
    book = api.post("/books", {"listing_item_id": listing.item, "title": listing.title})
    return str(book["id"]), bool(book["created"])


def wait_for(
    api: Api,
    book_ids: list[str],
    on_progress: Callable[[str, int, int], None],
    *,
    stalled_after: float = STALLED_AFTER,
) -> dict[str, dict[str, Any]]:
    """Ask until no image of the books is being processed; returns the books as the API gives them.

    `on_progress(book_id, ended, total)` is called at each look. Raises `Problem` when nothing ends for
    `stalled_after` seconds.
    """
    waiting, books = list(book_ids), {}
    ended_before, last_change = -1, time.monotonic()
    while waiting:
        for book_id in list(waiting):
            book = books[book_id] = api.get(f"/books/{book_id}")
            counts = book["progress"]
            on_progress(book_id, counts["total"] - counts["processing"], counts["total"])
            if counts["processing"] == 0:
                waiting.remove(book_id)
        ended = sum(book["progress"]["total"] - book["progress"]["processing"] for book in books.values())
        if ended != ended_before:
            ended_before, last_change = ended, time.monotonic()
        elif time.monotonic() - last_change > stalled_after:
            raise Problem(
                f"No image was finished for {stalled_after:.0f} seconds.",
                why="The jobs are kept and go on by themselves once the worker answers.",
                fix="`bmx status` and `bmx logs image_processing` show what it is doing.",
            )
        if waiting:
            time.sleep(0.4)
    return books


def imported_book(book: dict[str, Any], listing: Listing, created: bool) -> ImportedBook:
    """The API's book, reduced to what a person wants to see of an import."""
    names = {number: photo.name for number, photo in enumerate(listing.photos, start=1)}
    primary = book.get("primary_image") or {}
    return ImportedBook(
        id=book["id"],
        title=book["title"],
        item=listing.item,
        created=created,
        primary_kind=primary.get("kind"),
        pictures=tuple(_picture(image, names) for image in book["images"]),
    )


def _picture(image: dict[str, Any], names: dict[int, str]) -> Picture:
    job = image.get("job") or {}
    cutout = (image.get("outputs") or {}).get("cutout") or {}
    error = job.get("error") or {}
    finished = job.get("finished_at")
    seconds = None
    if finished:
        seconds = (
            datetime.fromisoformat(finished) - datetime.fromisoformat(job["created_at"])
        ).total_seconds()
    return Picture(
        source=names.get(image["position"], image["key"].rsplit("/", 1)[-1]),
        image_id=image["id"],
        job_id=job.get("id"),
        status=job.get("status", image["state"]),
        error=error.get("code"),
        seconds=round(seconds, 2) if seconds is not None else None,
        key=image["key"],
        cutout_key=cutout.get("key"),
        original_url=image.get("original_url"),
        cutout_url=cutout.get("url"),
        is_primary=image["is_primary"],
    )
