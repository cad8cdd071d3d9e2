"""Images of a book: uploads, and which one is primary."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chalicelib.aws import error_code
from chalicelib.db.models import Book, BookImage, ImageStatus
from chalicelib.faults import Fault, FaultCode, NotFoundError
from chalicelib.ids import is_id, new_id
from chalicelib.resources import Resources
from chalicelib.services import books, deletions, idempotency, jobs, listings
from chalicelib.services.keys import EXTENSIONS, UPLOAD_TIME, cutout_prefix, sniff, upload_key
from workers.contracts import Recipe

MAX_DIRECT_BYTES: Final = 4_500_000
"""A Lambda takes 6 MiB (6,291,456 bytes) a call, and API Gateway hands it a binary body in base64, a third
longer.
"""

MAX_UPLOAD_BYTES: Final = 50_000_000
"""What a presigned upload may hold."""

ABANDONED_AFTER: Final = idempotency.KEEP + 2 * UPLOAD_TIME
"""When an upload that was not completed is deleted: after its last form has expired, which a repeated call
gives out for a day. Who was slow to call `complete` loses nothing.
"""

_DELETE_AT_ONCE = 20
_ANOTHER_BOOK: Final = "Make another book for the rest."


@dataclass(frozen=True)
class Upload:
    """A form that puts one object of the promised type to the bucket, until `expires_at`."""

    image_id: str
    url: str
    fields: Mapping[str, str]
    expires_at: datetime


def upload(res: Resources, book_id: str, data: bytes, image_id: str | None = None) -> str:
    """Store a small image, queue it, and return its id; raises `NotFoundError` or `Fault`.

    The content decides the type, whatever the caller calls it. With an id of the caller's choice, a repeat
    goes on where the first call ended.
    """
    if len(data) > MAX_DIRECT_BYTES:
        raise Fault(
            FaultCode.PAYLOAD_TOO_LARGE,
            f"The image has {len(data):,} bytes.",
            why=f"A direct upload may have {MAX_DIRECT_BYTES:,}.",
            fix="Use POST /books/{book_id}/images/presign.",
            details={"limit": MAX_DIRECT_BYTES},
        )
    content_type = require_image(data[:16])
    image = _reserve(res, book_id, content_type, image_id)
    if image.status != ImageStatus.UPLOADING:
        return image.id
    answer = res.clients.s3.put_object(
        Bucket=res.settings.images_bucket, Key=image.key, Body=data, ContentType=content_type
    )
    with res.database.session() as session:
        book = lock_book(session, book_id)
        image = lock_image(session, book_id, image.id)
        _require_room_if_late(session, image, res.clock())
        job_id = _register(res, session, book, image, etag=answer["ETag"], size=len(data))
    jobs.send(res, [job_id] if job_id else [])
    return image.id


def presign(res: Resources, book_id: str, content_type: str, image_id: str | None = None) -> Upload:
    """Reserve an image and give out a form bound to its key, type and size; `complete` registers it.

    With an id of the caller's choice, a repeat gives a new form for the same image, until that was completed:
    raises `Fault` (`conflict`) then, which names the image.
    """
    if content_type not in EXTENSIONS:
        raise _unsupported(content_type)
    image = _reserve(res, book_id, content_type, image_id)
    if image.status != ImageStatus.UPLOADING:
        # A form would let another photo overwrite the first one's.
        raise Fault(
            FaultCode.CONFLICT,
            "This upload was completed.",
            why="Its Idempotency-Key named it before.",
            fix="Upload another photo under a new key.",
            details={"image_id": image.id, "status": image.status},
        )
    form = res.clients.s3.generate_presigned_post(
        Bucket=res.settings.images_bucket,
        Key=image.key,
        Fields={"Content-Type": content_type},
        Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, MAX_UPLOAD_BYTES]],
        ExpiresIn=int(UPLOAD_TIME.total_seconds()),
    )
    return Upload(image.id, form["url"], form["fields"], res.clock() + UPLOAD_TIME)


def complete(res: Resources, book_id: str, image_id: str) -> None:
    """Register an uploaded object and queue it; a second call for the same object changes nothing.

    A form can be used again while it is valid: what it put there since is registered by another call, as a
    new source with a job of its own. The object is looked at under the image's lock, so that of two calls
    the later one records what lies there.

    Raises `NotFoundError`, or `Fault`: `upload_missing` where nothing was uploaded, `too_many_images` where
    it comes late and the book has no room any more, `unsupported_media_type` where it is no image of the
    promised type (one that was not registered is deleted then).
    """
    with res.database.session() as session:
        book = lock_book(session, book_id)
        image = lock_image(session, book_id, image_id)
        if image.status == ImageStatus.COPY_FAILED:
            return
        _require_room_if_late(session, image, res.clock())
        etag, size = _uploaded(res, image)
        job_id = _register(res, session, book, image, etag=etag, size=size)
    jobs.send(res, [job_id] if job_id else [])


def _uploaded(res: Resources, image: BookImage) -> tuple[str, int]:
    """ETag and size of the object that lies at an image's key; raises what `complete` does."""
    from botocore.exceptions import ClientError

    bucket = res.settings.images_bucket
    try:
        head = res.clients.s3.head_object(Bucket=bucket, Key=image.key)
        start = res.clients.s3.get_object(
            Bucket=bucket, Key=image.key, Range="bytes=0-15", IfMatch=head["ETag"]
        )["Body"].read()
    except ClientError as error:
        if error_code(error) not in ("404", "NoSuchKey", "NotFound", "PreconditionFailed", "InvalidRange"):
            raise
        raise Fault(
            FaultCode.UPLOAD_MISSING,
            "Nothing has been uploaded for this image.",
            fix="Post the file with the fields that presign gave, then call complete.",
            details={"key": image.key},
        ) from error
    if sniff(start) != image.content_type:
        if image.status == ImageStatus.UPLOADING:
            res.clients.s3.delete_object(Bucket=bucket, Key=image.key)
        raise _unsupported(f"no {image.content_type}")
    return head["ETag"], head["ContentLength"]


def change(
    res: Resources, book_id: str, image_id: str, *, primary: bool = False, keep_original: bool | None = None
) -> None:
    """Show the image by its original or its cutout, and the book by this image: all of it or nothing.

    An image that becomes primary and is shown by its cutout is queued if it has none. Raises `NotFoundError`
    or `Fault` (`conflict`).
    """
    job_id = None
    with res.database.session() as session:
        book = lock_book(session, book_id)
        image = lock_image(session, book_id, image_id)
        if _is_late(image, res.clock()):
            raise NotFoundError("image", image_id)
        if keep_original is not None:
            image.keep_original = keep_original
        if primary:
            require_stored(image, "be primary")
            book.primary_image_id = image.id
            if image.outputs is None and not image.keep_original:
                job_id = jobs.request(session, image, primary=True, now=res.clock())
    jobs.send(res, [job_id] if job_id else [])


def delete_abandoned(res: Resources) -> int:
    """Delete some of the uploads that nobody completed, with what lies in the bucket; how many.

    The rows stay locked until they are gone, so that `complete` finds either the image or nothing. Raises
    boto3's errors; then all of them stay for another time.
    """
    with res.database.session() as session:
        abandoned = session.scalars(
            select(BookImage)
            .where(
                BookImage.status == ImageStatus.UPLOADING,
                BookImage.created_at <= res.clock() - ABANDONED_AFTER,
            )
            .order_by(BookImage.created_at)
            .limit(_DELETE_AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        for image in abandoned:
            res.clients.s3.delete_object(Bucket=res.settings.images_bucket, Key=image.key)
            session.delete(image)
        # What a form puts there all the same is found by the second look.
        deletions.give_up(res, session, [image.key for image in abandoned])
    return len(abandoned)


def get(res: Resources, book_id: str, image_id: str) -> BookImage:
    """One image of a book; raises `NotFoundError`."""
    with res.database.session() as session:
        image = session.get(BookImage, image_id) if is_id(image_id) else None
    if image is None or image.book_id != book_id:
        raise NotFoundError("image", image_id)
    return image


def require_image(head: bytes) -> str:
    """The content type of the bytes; raises `Fault` (`unsupported_media_type`)."""
    content_type = sniff(head)
    if content_type is None:
        raise _unsupported("no image")
    return content_type


def _reserve(res: Resources, book_id: str, content_type: str, image_id: str | None) -> BookImage:
    """A committed row with a key of its own, so that whatever is put there is never without an owner."""
    recipe, now = Recipe(), res.clock()
    with res.database.session() as session:
        book = lock_book(session, book_id)
        image_id = idempotency.usable_id(session, BookImage, image_id, now=now) if image_id else new_id()
        known = session.get(BookImage, image_id)
        if known is not None:
            return known
        listings.require_room(_shown(session, book_id, now), adding=1, fix=_ANOTHER_BOOK)
        last = session.scalar(select(func.max(BookImage.position)).where(BookImage.book_id == book_id)) or 0
        book.last_number = number = max(last, book.last_number) + 1
        image = BookImage(
            id=image_id,
            created_at=now,
            book_id=book_id,
            position=number,
            status=ImageStatus.UPLOADING,
            key=upload_key(book_id, number, image_id, EXTENSIONS[content_type]),
            content_type=content_type,
            recipe=recipe.model_dump(mode="json"),
            recipe_name=recipe.name,
        )
        deletions.claim(session, [image.key, cutout_prefix(book_id, image.id)])
        session.add(image)
    return image


def _is_late(image: BookImage, now: datetime) -> bool:
    """Whether it is an upload that did not come in its time: its book is shown without it."""
    return image.status == ImageStatus.UPLOADING and image.created_at <= now - UPLOAD_TIME


def _require_room_if_late(session: Session, image: BookImage, now: datetime) -> None:
    """An upload that is late is not counted any more, and others may have taken its room."""
    if _is_late(image, now):
        listings.require_room(_shown(session, image.book_id, now), adding=1, fix=_ANOTHER_BOOK)


def _shown(session: Session, book_id: str, now: datetime) -> int:
    """How many images a book is shown with."""
    mine = select(func.count()).where(BookImage.book_id == book_id, books.is_shown(now))
    return session.scalar(mine) or 0


def _register(
    res: Resources, session: Session, book: Book, image: BookImage, *, etag: str, size: int
) -> str | None:
    """Record what lies at an image's key; returns the job to send after the commit, None where it is known.

    The caller holds the locks of both. A cutout of what lay there before is no cutout of this image.
    """
    etag = etag.strip('"')
    if image.status == ImageStatus.STORED and image.etag == etag:
        return None
    image.status = ImageStatus.STORED
    image.etag = etag
    image.bytes = size
    image.outputs = image.subject = image.quality = image.processed_at = None
    session.flush()
    if book.primary_image_id is None:
        book.primary_image_id = image.id
    primary = book.primary_image_id == image.id
    return jobs.request(session, image, primary=primary, now=res.clock())


def require_stored(image: BookImage, purpose: str) -> None:
    """Raise `Fault` (`conflict`) where the image's original does not lie in the bucket."""
    if image.status != ImageStatus.STORED:
        raise Fault(
            FaultCode.CONFLICT,
            f"The image is {image.status}.",
            why=f"Only a stored image can {purpose}.",
            details={"status": image.status},
        )


def lock_book(session: Session, book_id: str) -> Book:
    """A book, held until the transaction ends; raises `NotFoundError`."""
    book = session.get(Book, book_id, with_for_update=True) if is_id(book_id) else None
    if book is None:
        raise NotFoundError("book", book_id)
    return book


def lock_image(session: Session, book_id: str, image_id: str) -> BookImage:
    """An image of a book, held until the transaction ends; raises `NotFoundError`."""
    image = session.get(BookImage, image_id, with_for_update=True) if is_id(image_id) else None
    if image is None or image.book_id != book_id:
        raise NotFoundError("image", image_id)
    return image


def _unsupported(found: str) -> Fault:
    return Fault(
        FaultCode.UNSUPPORTED_MEDIA_TYPE,
        f"The content is {found}." if found.startswith("no ") else f"The type {found} is not taken.",
        fix=f"Send one of {', '.join(EXTENSIONS)}.",
        details={"supported": list(EXTENSIONS)},
    )
