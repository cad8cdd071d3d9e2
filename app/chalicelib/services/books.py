"""Reading books: one with its gallery, and the list, searched and with each one's progress."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, exists, or_, select, tuple_
from sqlalchemy.orm import Session

from chalicelib.db.models import SET_ASIDE, Book, BookImage, ImageStatus, Job
from chalicelib.faults import NotFoundError
from chalicelib.ids import is_id
from chalicelib.resources import Resources
from chalicelib.services.keys import UPLOAD_TIME
from workers.contracts import JobStatus
from workers.contracts.status import OPEN_STATUSES


@dataclass(frozen=True)
class GalleryImage:
    """An image and the job that counts for its present source and recipe."""

    image: BookImage
    job: Job | None


@dataclass(frozen=True)
class Gallery:
    """A book and its images in order, without uploads that did not come in their time."""

    book: Book
    images: tuple[GalleryImage, ...]

    @property
    def primary(self) -> BookImage | None:
        return next((it.image for it in self.images if it.image.id == self.book.primary_image_id), None)

    @property
    def progress(self) -> Counter[str]:
        """Status to number of jobs."""
        return Counter(it.job.status for it in self.images if it.job is not None)


def get(res: Resources, book_id: str) -> Gallery:
    """One book; raises `NotFoundError`."""
    with res.database.session() as session:
        book = session.get(Book, book_id) if is_id(book_id) else None
        if book is None:
            raise NotFoundError("book", book_id)
        return _galleries(session, [book], res.clock())[0]


def of_listing(res: Resources, item: str) -> str | None:
    """The id of the book of a listing, if it was imported."""
    with res.database.session() as session:
        return session.scalar(select(Book.id).where(Book.listing_item_id == item))


class BookProgress(StrEnum):
    """Which books a list is to show."""

    PROCESSING = "processing"
    FAILED = "failed"
    DONE = "done"
    """Nothing is on its way, and nothing failed."""


@dataclass(frozen=True)
class Search:
    """What a list of books is narrowed down to; nothing narrows it where all is None."""

    words: str | None = None
    listing_item_id: str | None = None
    progress: BookProgress | None = None


def page(
    res: Resources, *, before: tuple[datetime, str] | None, limit: int, search: Search | None = None
) -> list[Gallery]:
    """Books, newest first, one more than `limit` where there are more; `before` is the last one's time and
    id.
    """
    query = select(Book).order_by(Book.created_at.desc(), Book.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(tuple_(Book.created_at, Book.id) < before)
    query = query.where(*_conditions(search or Search()))
    with res.database.session() as session:
        return _galleries(session, session.scalars(query).all(), res.clock())


def _conditions(search: Search) -> Iterator[ColumnElement[bool]]:
    for word in (search.words or "").split():
        yield or_(
            Book.title.icontains(word, autoescape=True), Book.listing_item_id.icontains(word, autoescape=True)
        )
    if search.listing_item_id is not None:
        yield Book.listing_item_id == search.listing_item_id
    processing = _has_job(OPEN_STATUSES)
    failed = _has_job([JobStatus.FAILED])
    match search.progress:
        case BookProgress.PROCESSING:
            yield processing
        case BookProgress.FAILED:
            yield failed
        case BookProgress.DONE:
            yield ~processing
            yield ~failed
        case None:
            pass


def _has_job(statuses: Collection[JobStatus]) -> ColumnElement[bool]:
    return (
        exists()
        .where(BookImage.book_id == Book.id, *_present_job(), Job.status.in_(statuses))
        .correlate(Book)
    )


def _present_job() -> tuple[ColumnElement[bool], ...]:
    """What makes a job the one that counts for its image's present source and recipe."""
    return (
        Job.image_id == BookImage.id,
        Job.source_etag == BookImage.etag,
        Job.recipe_name == BookImage.recipe_name,
        Job.status.not_in(SET_ASIDE),
    )


def _galleries(session: Session, books: Sequence[Book], now: datetime) -> list[Gallery]:
    rows = session.execute(
        select(BookImage, Job)
        .outerjoin(Job, and_(*_present_job()))
        .where(
            BookImage.book_id.in_([book.id for book in books]),
            or_(BookImage.status != ImageStatus.UPLOADING, BookImage.created_at > now - UPLOAD_TIME),
        )
        .order_by(BookImage.position)
    )
    images: dict[str, list[GalleryImage]] = {book.id: [] for book in books}
    for image, job in rows:
        images[image.book_id].append(GalleryImage(image, job))
    return [Gallery(book, tuple(images[book.id])) for book in books]
