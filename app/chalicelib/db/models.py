"""The tables: books, their images, and the jobs that cut the images out.

Ids are UUIDs handled as strings. Times are in UTC. JSON columns hold models of `workers.contracts` as they
were sent. Locks are taken in the order book, image, job.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from workers.contracts import JobStatus


class ImageStatus(StrEnum):
    """Whether an image's original lies in the bucket."""

    UPLOADING = "uploading"
    """Its key was handed out; nothing is known to be there."""
    STORED = "stored"
    COPY_FAILED = "copy_failed"
    """It could not be copied out of its listing."""


SET_ASIDE: Final = (JobStatus.SUPERSEDED, JobStatus.CANCELLED)
"""Jobs of these statuses no longer count for their image; of others there is one per source and recipe."""


def _one_of(column: str, values: Iterable[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _none_of(column: str, values: Iterable[StrEnum]) -> str:
    return f"{column} NOT IN ({', '.join(repr(str(value)) for value in values)})"


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {
        str: String,
        dict[str, Any]: JSONB(none_as_null=True),
        datetime: DateTime(timezone=True),
    }


class _Timed:
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class Book(_Timed, Base):
    """A book; the primary image is the one it is shown by."""

    __tablename__ = "books"

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    title: Mapped[str] = mapped_column(String(500))
    listing_item_id: Mapped[str | None] = mapped_column(String(100), unique=True)
    primary_image_id: Mapped[str | None] = mapped_column(
        Uuid(as_uuid=False),
        ForeignKey("book_images.id", name="books_primary_image_id_fkey", use_alter=True, ondelete="SET NULL"),
    )
    last_number: Mapped[int] = mapped_column(Integer, server_default="0")
    """The highest number an image of it ever had: a deleted image's key is never given to another."""

    __table_args__ = (
        Index("books_created_at_idx", text("created_at DESC"), text("id DESC")),
        Index("books_primary_image_id_idx", "primary_image_id"),
    )


class BookImage(_Timed, Base):
    """One photo of a book, and what was cut out of it.

    `recipe` is the recipe that is wanted now; a result of another one is outdated. `outputs` are those of
    the last success, and are shown instead of the original unless `keep_original` is set.
    """

    __tablename__ = "book_images"

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    book_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), ForeignKey("books.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(1024), unique=True)
    etag: Mapped[str] = mapped_column(String(200), server_default="")
    """Empty until the original is stored."""
    content_type: Mapped[str] = mapped_column(String(100))
    bytes: Mapped[int] = mapped_column(Integer, server_default="0")
    source_key: Mapped[str | None] = mapped_column(String(1024))
    """The listing's photo that it was copied from."""
    recipe: Mapped[dict[str, Any]]
    recipe_name: Mapped[str] = mapped_column(String(100))
    outputs: Mapped[dict[str, Any] | None]
    subject: Mapped[dict[str, Any] | None]
    quality: Mapped[dict[str, Any] | None]
    processed_at: Mapped[datetime | None]
    keep_original: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))

    __table_args__ = (
        UniqueConstraint("book_id", "position", name="book_images_book_id_position_key"),
        CheckConstraint(_one_of("status", ImageStatus), name="book_images_status_check"),
        CheckConstraint("status <> 'stored' OR etag <> ''", name="book_images_stored_has_etag_check"),
        Index("book_images_uploading_idx", "created_at", postgresql_where=text("status = 'uploading'")),
    )


class Job(_Timed, Base):
    """One image's way through the worker: the outbox's row before sending, the record afterwards.

    It outlives its image and book: who deletes them cancels it, and it still says what became of them.
    """

    __tablename__ = "image_jobs"

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    image_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    book_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    status: Mapped[str] = mapped_column(String(20))
    priority: Mapped[int] = mapped_column(Integer, server_default="100")
    """Lower goes first."""
    source_etag: Mapped[str] = mapped_column(String(200))
    recipe: Mapped[dict[str, Any]]
    recipe_name: Mapped[str] = mapped_column(String(100))
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    """How often the queue took its message since it was made or retried by hand."""
    refusals: Mapped[int] = mapped_column(Integer, server_default="0")
    """How often the queue refused its message in a row."""
    send_error: Mapped[str | None] = mapped_column(String(1000))
    next_attempt_at: Mapped[datetime | None]
    """When the sweep may send it (`pending`, `queue_failed`)."""
    deadline_at: Mapped[datetime | None]
    """When a result must have come (`queued`)."""
    queued_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_message: Mapped[str | None] = mapped_column(String(2000))
    result: Mapped[dict[str, Any] | None]

    __table_args__ = (
        CheckConstraint(_one_of("status", JobStatus), name="image_jobs_status_check"),
        Index(
            "image_jobs_one_live_per_source_and_recipe",
            "image_id",
            "source_etag",
            "recipe_name",
            unique=True,
            postgresql_where=text(_none_of("status", SET_ASIDE)),
        ),
        Index(
            "image_jobs_due_idx",
            "next_attempt_at",
            postgresql_where=text("status IN ('pending', 'queue_failed')"),
        ),
        Index("image_jobs_deadline_idx", "deadline_at", postgresql_where=text("status = 'queued'")),
        Index("image_jobs_answered_idx", "queued_at", postgresql_where=text("result IS NOT NULL")),
        Index("image_jobs_status_id_idx", "status", text("id DESC")),
        Index("image_jobs_book_id_idx", "book_id"),
        Index("image_jobs_image_id_idx", "image_id"),
    )
