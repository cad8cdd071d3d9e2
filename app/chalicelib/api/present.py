"""From the tables to the wire: pure but for signing URLs, which needs no network."""

import base64
import binascii
from collections import Counter
from datetime import datetime
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from chalicelib.api.schemas import (
    BookOut,
    BookSummary,
    ImageOut,
    ImageState,
    JobErrorOut,
    JobOut,
    OutputsOut,
    PrimaryImage,
    Progress,
    StoredImageOut,
)
from chalicelib.db.models import BookImage, ImageStatus, Job
from chalicelib.faults import Fault, FaultCode
from chalicelib.resources import Resources
from chalicelib.services.books import Gallery, GalleryImage, Overview, Standing
from workers.contracts import JobStatus, Outputs, Quality, Recipe, StoredImage, Subject
from workers.contracts.status import OPEN_STATUSES

Stored = TypeVar("Stored", bound=BaseModel)


def stored(model: type[Stored], content: dict[str, Any]) -> Stored:
    """What a JSON column holds. A later release may have written fields that this one does not know."""
    return model.model_validate(content, extra="ignore")


def state_of(standing: Standing) -> ImageState:
    """One word for an image and its job."""
    if standing.status == ImageStatus.UPLOADING:
        return ImageState.UPLOADING
    if standing.status == ImageStatus.COPY_FAILED:
        return ImageState.COPY_FAILED
    if standing.job_status in OPEN_STATUSES:
        return ImageState.PROCESSING
    if standing.has_outputs:
        return ImageState.PROCESSED
    if standing.job_status == JobStatus.FAILED:
        return ImageState.FAILED
    return ImageState.UNPROCESSED


def kind_of(image: BookImage) -> Literal["processed", "original"]:
    """Whether an image is shown by its cutout."""
    return "processed" if image.outputs is not None and not image.keep_original else "original"


def job(row: Job) -> JobOut:
    return JobOut(
        id=row.id,
        book_id=row.book_id,
        image_id=row.image_id,
        status=JobStatus(row.status),
        attempts=row.attempts,
        recipe=stored(Recipe, row.recipe),
        source_etag=row.source_etag,
        error=JobErrorOut(code=row.error_code, message=row.error_message or "") if row.error_code else None,
        send_error=row.send_error,
        created_at=row.created_at,
        updated_at=row.updated_at,
        queued_at=row.queued_at,
        finished_at=row.finished_at,
        next_attempt_at=row.next_attempt_at,
        deadline_at=row.deadline_at,
        result=row.result,
    )


def image(res: Resources, entry: GalleryImage, primary_image_id: str | None) -> ImageOut:
    row = entry.image
    return ImageOut(
        id=row.id,
        book_id=row.book_id,
        position=row.position,
        state=state_of(Standing.of(row, entry.job)),
        is_primary=row.id == primary_image_id,
        kind=kind_of(row),
        keep_original=row.keep_original,
        key=row.key,
        source_key=row.source_key,
        etag=row.etag,
        content_type=row.content_type,
        bytes=row.bytes,
        original_url=res.urls.url(row.key) if row.status == ImageStatus.STORED else None,
        outputs=_outputs(res, row),
        subject=stored(Subject, row.subject) if row.subject else None,
        quality=stored(Quality, row.quality) if row.quality else None,
        processed_at=row.processed_at,
        job=job(entry.job) if entry.job else None,
    )


def summary(res: Resources, overview: Overview) -> BookSummary:
    book = overview.book
    return BookSummary(
        id=book.id,
        title=book.title,
        listing_item_id=book.listing_item_id,
        created_at=book.created_at,
        primary_image=_primary(res, overview.primary),
        progress=_progress(overview),
    )


def book(res: Resources, gallery: Gallery, *, created: bool = False) -> BookOut:
    return BookOut(
        **dict(summary(res, gallery.overview)),
        images=[image(res, entry, gallery.book.primary_image_id) for entry in gallery.images],
        created=created,
    )


def _progress(overview: Overview) -> Progress:
    states: Counter[ImageState] = Counter()
    for standing, count in overview.standings.items():
        states[state_of(standing)] += count
    return Progress(
        total=states.total() - states[ImageState.UPLOADING],
        processed=states[ImageState.PROCESSED],
        processing=states[ImageState.PROCESSING],
        failed=states[ImageState.FAILED] + states[ImageState.COPY_FAILED],
    )


def _primary(res: Resources, row: BookImage | None) -> PrimaryImage | None:
    if row is None:
        return None
    if row.outputs is None or row.keep_original:
        url = res.urls.url(row.key)
        return PrimaryImage(image_id=row.id, kind="original", key=row.key, url=url, thumbnail_url=url)
    outputs = stored(Outputs, row.outputs)
    return PrimaryImage(
        image_id=row.id,
        kind="processed",
        key=outputs.display.key,
        url=res.urls.url(outputs.display.key),
        thumbnail_url=res.urls.url(outputs.thumbnail.key),
    )


def _outputs(res: Resources, row: BookImage) -> OutputsOut | None:
    if row.outputs is None:
        return None
    outputs = stored(Outputs, row.outputs)
    return OutputsOut(
        cutout=_addressed(res, outputs.cutout),
        display=_addressed(res, outputs.display),
        thumbnail=_addressed(res, outputs.thumbnail),
    )


def _addressed(res: Resources, it: StoredImage) -> StoredImageOut:
    return StoredImageOut(**it.model_dump(), url=res.urls.url(it.key))


def encode_cursor(*parts: str) -> str:
    """An opaque place in a list."""
    return base64.urlsafe_b64encode("\n".join(parts).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, parts: int) -> list[str]:
    """The parts of a cursor; raises `Fault` (`invalid_request`) for one that was not given out."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split("\n")
    except (ValueError, binascii.Error):
        found = []
    if len(found) != parts:
        raise bad_cursor()
    return found


def bad_cursor() -> Fault:
    return Fault(FaultCode.INVALID_REQUEST, "The cursor is not one that was given out.")


def time_of(text: str) -> datetime:
    """The time in a cursor; raises `Fault` (`invalid_request`)."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise bad_cursor() from None
