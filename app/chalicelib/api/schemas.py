"""What goes over the wire."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from chalicelib.services.keys import EXTENSIONS, LISTING_ITEM
from workers.contracts import ErrorCode, JobStatus, Quality, Recipe, StoredImage, Subject

ListingItem = Annotated[str, StringConstraints(pattern=LISTING_ITEM)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
ImageType = Literal["image/jpeg", "image/png", "image/webp"]

IMAGE_TYPES: tuple[str, ...] = tuple(EXTENSIONS)


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BookCreate(_In):
    """Import a listing as a book."""

    listing_item_id: ListingItem = Field(examples=["demo-atlas"])
    title: Title | None = None


class PresignCreate(_In):
    content_type: ImageType


class UploadComplete(_In):
    image_id: str


class ImageUpdate(_In):
    """Make an image primary, or choose between its original and its cutout."""

    primary: Literal[True] | None = None
    keep_original: bool | None = None


class PageQuery(_In):
    limit: int = Field(default=50, ge=1, le=100)
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before.", max_length=300)


class JobsQuery(PageQuery):
    status: JobStatus | None = None
    book_id: str | None = None


class ImageState(StrEnum):
    """One word for where an image stands."""

    UPLOADING = "uploading"
    COPY_FAILED = "copy_failed"
    UNPROCESSED = "unprocessed"
    """Stored, and no job is on its way."""
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"


class StoredImageOut(StoredImage):
    """A written object with an address that works for a while."""

    url: str


class OutputsOut(BaseModel):
    cutout: StoredImageOut
    display: StoredImageOut
    thumbnail: StoredImageOut


class JobErrorOut(BaseModel):
    code: ErrorCode | str
    message: str


class JobOut(BaseModel):
    id: str
    book_id: str
    image_id: str
    status: JobStatus
    attempts: int = Field(description="How often the queue took its message.")
    recipe: Recipe
    source_etag: str
    error: JobErrorOut | None = None
    send_error: str | None = Field(default=None, description="Why the queue refused its message last.")
    created_at: datetime
    updated_at: datetime
    queued_at: datetime | None = None
    finished_at: datetime | None = None
    next_attempt_at: datetime | None = None
    deadline_at: datetime | None = None
    result: dict[str, JsonValue] | None = None


class JobPage(BaseModel):
    items: list[JobOut]
    next_cursor: str | None = None


class ImageOut(BaseModel):
    """An image of the gallery: its original, and its cutout once there is one."""

    id: str
    book_id: str
    position: int
    state: ImageState
    is_primary: bool
    kind: Literal["processed", "original"] = Field(description="Which of the two is shown.")
    keep_original: bool
    key: str
    source_key: str | None = Field(description="The listing's photo that it was copied from, if any.")
    etag: str
    content_type: str
    bytes: int
    original_url: str | None
    outputs: OutputsOut | None = None
    subject: Subject | None = None
    quality: Quality | None = None
    processed_at: datetime | None = None
    job: JobOut | None = None


class PrimaryImage(BaseModel):
    """What a book is shown by: the cutout of its primary image, or the original while there is none."""

    image_id: str
    kind: Literal["processed", "original"]
    key: str
    url: str
    thumbnail_url: str


class Progress(BaseModel):
    """Images of a book by where they stand."""

    total: int
    processed: int
    processing: int
    failed: int


class BookSummary(BaseModel):
    id: str
    title: str
    listing_item_id: str | None
    created_at: datetime
    primary_image: PrimaryImage | None
    progress: Progress


class BookOut(BookSummary):
    images: list[ImageOut]
    created: bool = Field(default=False, description="Whether this call made the book.")


class BookPage(BaseModel):
    items: list[BookSummary]
    next_cursor: str | None = None


class PresignedUpload(BaseModel):
    """Post `fields` and then the file, as field `file`, to `url` as multipart/form-data; then call
    complete.
    """

    image_id: str
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: datetime


class PhotoOut(BaseModel):
    key: str
    number: int
    bytes: int
    url: str


class ListingOut(BaseModel):
    listing_item_id: str
    photos: list[PhotoOut]
    book_id: str | None = Field(description="The book it was imported as, if any.")


class ListingSummary(BaseModel):
    listing_item_id: str


class ListingPage(BaseModel):
    items: list[ListingSummary]
    next_cursor: str | None = None
