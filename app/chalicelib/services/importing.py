"""From a listing to a book: copies inside the bucket, rows and jobs in one transaction, messages after it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from chalicelib.aws import COPY_THREADS, error_code
from chalicelib.db.models import Book, BookImage, ImageStatus, Job
from chalicelib.faults import Fault, FaultCode
from chalicelib.ids import book_id_of_listing, new_id
from chalicelib.resources import Resources
from chalicelib.services import deletions, jobs, listings
from chalicelib.services.keys import CONTENT_TYPES, image_key
from chalicelib.services.listings import Photo
from workers.contracts import ErrorCode, JobStatus, Recipe

_WAIT_FOR_OTHER = "15s"


@dataclass(frozen=True)
class Imported:
    """The listing's book, and whether this call made it."""

    book_id: str
    created: bool


@dataclass(frozen=True)
class _Copy:
    """One photo's copy: its ETag, or why there is none."""

    photo: Photo
    position: int
    key: str
    etag: str = ""
    error: str = ""


def import_listing(res: Resources, item: str, title: str | None = None) -> Imported:
    """The book of a listing: the existing one, or a new one with every photo and a job for each.

    Calls for one listing follow one another, so that two at once give one book. Raises `Fault`
    (`listing_not_found`, `too_many_images`, `import_in_progress`).
    """
    book_id = book_id_of_listing(item)
    with res.database.session() as session:
        if _exists(session, item):
            return Imported(book_id, created=False)
    photos = listings.photos(res, item)
    listings.require_room(0, adding=len(photos), fix="Share its photos out among several listings.")
    places = _places(book_id, photos)
    with res.database.session() as session:
        _wait_for_others(session, item)
        if _exists(session, item):
            return Imported(book_id, created=False)
        # Noted under the lock, by a transaction of its own, or another call's book would be noted with them.
        deletions.note_unfinished(res, (key for _, key in places))
        # Claimed before the first copy; a rollback brings the note of them back.
        deletions.claim(session, (key for _, key in places))
        copies = _copy_all(res, photos, places)
        send_ids = _write(res, session, book_id, item, title or item, copies)
    jobs.send(res, send_ids)
    return Imported(book_id, created=True)


def copy_again(res: Resources, book: Book, image: BookImage, job: Job) -> None:
    """Try the copy of a `copy_failed` image once more; raises `Fault` (`conflict`) where it fails again.

    The caller holds the locks of all three rows.
    """
    if image.source_key is None:
        raise Fault(FaultCode.CONFLICT, "The image did not come from a listing.")
    outcome = _copy(res, Photo(image.source_key, 0, "", image.bytes), image.position, image.key)
    if outcome.error:
        raise Fault(
            FaultCode.CONFLICT,
            "The photo could not be copied out of its listing.",
            why=outcome.error,
            fix=f"Check that {image.source_key} is there and readable, then retry.",
            details={"source_key": image.source_key},
        )
    image.status = ImageStatus.STORED
    image.etag = job.source_etag = outcome.etag
    if book.primary_image_id is None:
        book.primary_image_id = image.id
        job.priority = jobs.PRIMARY_PRIORITY


def _exists(session: Session, item: str) -> bool:
    return session.scalar(select(Book.id).where(Book.listing_item_id == item)) is not None


def _wait_for_others(session: Session, item: str) -> None:
    """Hold the listing's lock until the transaction ends."""
    session.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_FOR_OTHER}'"))
    try:
        session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:item, 0))"), {"item": f"listing:{item}"}
        )
    except OperationalError as error:
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise
        raise Fault(
            FaultCode.IMPORT_IN_PROGRESS,
            f"Listing {item!r} is being imported by another call.",
            fix="Ask for the book again in a moment.",
        ) from error


def _places(book_id: str, photos: Sequence[Photo]) -> list[tuple[int, str]]:
    """Position and key of each photo's copy."""
    # A number used twice would give one key to two photos, so the position in the listing counts then.
    numbers = [photo.number for photo in photos]
    positions = numbers if len(set(numbers)) == len(numbers) else list(range(1, len(photos) + 1))
    return [
        (position, image_key(book_id, position, photo.extension))
        for photo, position in zip(photos, positions, strict=True)
    ]


def _copy_all(res: Resources, photos: Sequence[Photo], places: Sequence[tuple[int, str]]) -> list[_Copy]:
    """All copies, in the photos' order, made in parallel."""
    # The client is made here: boto3's clients may be shared between threads, making them may not.
    _ = res.clients.s3
    with ThreadPoolExecutor(max_workers=min(COPY_THREADS, len(photos))) as pool:
        return list(pool.map(lambda photo, place: _copy(res, photo, *place), photos, places))


def _copy(res: Resources, photo: Photo, position: int, key: str) -> _Copy:
    from botocore.exceptions import BotoCoreError, ClientError

    bucket = res.settings.images_bucket
    try:
        answer = res.clients.s3.copy_object(
            Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": photo.key}
        )
    except (ClientError, BotoCoreError) as error:
        return _Copy(photo, position, key, error=f"{error_code(error)}: {error}"[:2000])
    return _Copy(photo, position, key, etag=answer["CopyObjectResult"]["ETag"].strip('"'))


def _write(
    res: Resources, session: Session, book_id: str, item: str, title: str, copies: Sequence[_Copy]
) -> list[str]:
    """The rows; returns the ids of the jobs to send after the commit."""
    now = res.clock()
    recipe = Recipe()
    last = max(copy.position for copy in copies)
    session.add(book := Book(id=book_id, title=title, listing_item_id=item, last_number=last, created_at=now))
    session.flush()
    send_ids: list[str] = []
    primary: str | None = None
    pairs: list[tuple[BookImage, Job]] = []
    for copy in copies:
        image = BookImage(
            id=new_id(),
            book_id=book_id,
            position=copy.position,
            status=ImageStatus.COPY_FAILED if copy.error else ImageStatus.STORED,
            key=copy.key,
            etag=copy.etag,
            content_type=CONTENT_TYPES[copy.photo.extension],
            bytes=copy.photo.bytes,
            source_key=copy.photo.key,
            recipe=recipe.model_dump(mode="json"),
            recipe_name=recipe.name,
        )
        first = primary is None and not copy.error
        job = jobs.new_job(image, priority=jobs.PRIMARY_PRIORITY if first else 10 + copy.position, now=now)
        if copy.error:
            job.status = JobStatus.FAILED
            job.error_code = ErrorCode.COPY_FAILED
            job.error_message = copy.error
            job.next_attempt_at = None
            job.finished_at = now
        else:
            primary = primary or image.id
            send_ids.append(job.id)
        pairs.append((image, job))
    session.add_all(image for image, _ in pairs)
    session.flush()
    session.add_all(job for _, job in pairs)
    book.primary_image_id = primary
    return send_ids
