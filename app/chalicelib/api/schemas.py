"""What goes over the wire."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from chalicelib.services import jobs
from chalicelib.services.books import BookProgress
from chalicelib.services.health import QueueHealth
from chalicelib.services.keys import EXTENSIONS, LISTING_ITEM
from workers.contracts import ErrorCode, HeldModel, JobStatus, Quality, Recipe, StoredImage, Subject

EXAMPLE_ID: Final = "01890a5d-ac96-774b-bcce-b302099a8057"

ListingItem = Annotated[str, StringConstraints(pattern=LISTING_ITEM)]
NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text cannot hold the character NUL."""
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=NO_NUL)]
Whole = Annotated[
    int, BeforeValidator(lambda it: int(it) if isinstance(it, float) and it.is_integer() else it)
]
"""JSON knows one kind of number: 1.0 is a whole one."""
ImageType = Literal["image/jpeg", "image/png", "image/webp"]

IMAGE_TYPES: tuple[str, ...] = tuple(EXTENSIONS)


class _In(BaseModel):
    """What comes in: nothing unknown, nothing converted from another type, and no null for a field that may
    be left out.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, content: Any) -> Any:
        if isinstance(content, dict) and (empty := [name for name, it in content.items() if it is None]):
            raise ValueError(f"leave out {', '.join(sorted(map(str, empty)))} instead of sending null")
        return content


class BookCreate(_In):
    """Import a listing as a book, or make a book without images under a title."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["listing_item_id"]}, {"required": ["title"]}]}
    )

    listing_item_id: ListingItem | None = Field(default=None, examples=["demo-atlas"])
    title: Title | None = Field(
        default=None,
        description="Needed without a listing, whose name it is otherwise.",
        examples=["An atlas"],
    )

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if self.listing_item_id is None and self.title is None:
            raise ValueError("a book needs listing_item_id or title")
        return self


class BookUpdate(_In):
    title: Title = Field(examples=["An atlas of the world"])


class ImageOrder(_In):
    image_ids: list[str] = Field(
        description="Every image of the book, first to last.", max_length=1000, examples=[[EXAMPLE_ID]]
    )


class RecipeIn(_In):
    """How to cut out; what is left out is as usual."""

    model: str = Field(default=Recipe().model, pattern=r"^[a-z0-9_.-]{1,40}$", examples=["u2net"])
    precision: Literal["int8", "fp32"] = Recipe().precision
    cutout_format: Literal["webp", "png"] = Recipe().cutout_format


class PresignCreate(_In):
    content_type: ImageType


class UploadComplete(_In):
    image_id: str


class ImageUpdate(_In):
    """Make an image primary, or choose between its original and its cutout."""

    primary: Literal[True] | None = None
    keep_original: bool | None = None


class _Query(_In):
    """A query: all of it is text, and is converted."""

    model_config = ConfigDict(strict=False)


class PageQuery(_Query):
    limit: int = Field(default=50, ge=1, le=100)
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before.", max_length=300)


class BooksQuery(PageQuery):
    q: str | None = Field(
        default=None,
        description="Words that the title or the listing's name holds, all of them, in any case.",
        max_length=200,
        pattern=NO_NUL,
        examples=["atlas"],
    )
    listing_item_id: ListingItem | None = Field(default=None, examples=["demo-atlas"])
    progress: BookProgress | None = Field(
        default=None,
        description="Books with a job on its way, with an image that failed, or with neither.",
    )


class JobsQuery(PageQuery):
    status: JobStatus | None = None
    book_id: str | None = Field(default=None, examples=[EXAMPLE_ID])
    image_id: str | None = Field(default=None, examples=[EXAMPLE_ID])


class JobsRetry(_In):
    """Which jobs to send again."""

    status: Literal["failed", "queue_failed"] = "failed"
    book_id: str | None = Field(default=None, examples=[EXAMPLE_ID])
    error_code: ErrorCode | None = Field(default=None, description="Only jobs that failed for this reason.")
    cursor: str | None = Field(default=None, description="`next_cursor` of the call before.", max_length=300)
    limit: Whole = Field(
        default=100, ge=1, le=jobs.MOST_RETRIED, description="How many at most in this call."
    )


class ModelList(BaseModel):
    """What the image worker can cut out with."""

    items: list[HeldModel]


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


class NotRetried(BaseModel):
    job_id: str
    reason: str


class JobsRetried(BaseModel):
    """What became of a retry of many; call again with `next_cursor` until it is null."""

    sent: int
    refused: int = Field(description="Taken up, and refused by the queue; the schedule sends them.")
    not_retried: list[NotRetried]
    remaining: int = Field(description="Jobs of this kind that the call did not come to.", ge=0)
    next_cursor: str | None = Field(default=None, description="Where the next call goes on.")


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


class Deleted(BaseModel):
    """What is gone. Its objects are deleted at once, as far as about ten seconds reach and the bucket
    allows it, and by the schedule otherwise.
    """

    id: str
    images: int
    cancelled_jobs: int


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
    next_cursor: str | None = Field(default=None, description="Where there are more photos.")


class ListingSummary(BaseModel):
    listing_item_id: str


class ListingPage(BaseModel):
    items: list[ListingSummary]
    next_cursor: str | None = None


class AuditQuery(PageQuery):
    actor: str | None = Field(default=None, max_length=200, pattern=NO_NUL, examples=["api-key:current"])
    action: str | None = Field(default=None, max_length=100, pattern=NO_NUL, examples=["delete_image"])
    book_id: str | None = Field(default=None, max_length=100, pattern=NO_NUL, examples=[EXAMPLE_ID])


class AuditEntryOut(BaseModel):
    """One change that somebody asked for."""

    id: str
    at: datetime
    actor: str = Field(examples=["api-key:current"])
    role: str = Field(examples=["admin"])
    action: str = Field(description="The operation's id.", examples=["delete_image"])
    book_id: str | None
    parameters: dict[str, JsonValue]
    request_id: str
    status: int | None = Field(description="The answer's HTTP status; none where no answer was given.")
    code: str | None = Field(description="The error's code, where it was refused.")
    replayed: bool


class AuditPage(BaseModel):
    items: list[AuditEntryOut]
    next_cursor: str | None = None


class QueuesOut(BaseModel):
    items: list[QueueHealth]


class PeekQuery(_Query):
    limit: int = Field(default=10, ge=1, le=100)


class DeadLetterOut(BaseModel):
    """A message that a worker gave up."""

    message_id: str
    sent_at: datetime | None
    receive_count: int
    body: str = Field(description="At most the first 4,000 characters.")
    bytes: int


class DeadLetters(BaseModel):
    items: list[DeadLetterOut]


class Redrive(_In):
    dry_run: bool = Field(default=False, description="Only tell which messages would be sent.")
    limit: Whole = Field(default=100, ge=1, le=1000, description="How many at most in this call.")


class RedriveOut(BaseModel):
    dry_run: bool
    messages: list[str] = Field(description="Ids of the messages sent, or of those that would be.")
    failed: str | None = Field(description="Why it ended early, if it did.")
    remaining: int | None = Field(description="Dead letters left, approximately as SQS counts.")


class KeyRotation(_In):
    replace_lost: bool = Field(
        default=False,
        description="Put the new key in the present one's place and keep the previous one: where the answer "
        "with the present one was lost.",
    )


class KeysOut(BaseModel):
    """Fingerprints of the valid keys: the start of each one's SHA-256."""

    current: str = Field(examples=["9f86d081884c"])
    previous: str | None = Field(examples=["60303ae22b99"])


class NewKey(KeysOut):
    key: str = Field(description="Told this once.", examples=["keep-this-where-only-you-can-read-it"])
