"""Reading books: one with its gallery, and the list, searched and with each one's progress."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Self

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, tuple_
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


class Standing(NamedTuple):
    """Where an image stands, as the tables say it."""

    status: str
    has_outputs: bool
    job_status: str | None
    """Of the job that counts for it; None where there is none."""

    @classmethod
    def of(cls, image: BookImage, job: Job | None) -> Self:
        return cls(image.status, image.outputs is not None, job.status if job else None)


@dataclass(frozen=True)
class Overview:
    """A book as a list shows it: its primary image, and how many images stand where."""

    book: Book
    primary: BookImage | None
    standings: Mapping[Standing, int]


@dataclass(frozen=True)
class Gallery:
    """A book and its images in order, without uploads that did not come in their time."""

    book: Book
    images: tuple[GalleryImage, ...]

    @property
    def overview(self) -> Overview:
        primary = next((it.image for it in self.images if it.image.id == self.book.primary_image_id), None)
        return Overview(self.book, primary, Counter(Standing.of(it.image, it.job) for it in self.images))

    @property
    def primary(self) -> BookImage | None:
        return self.overview.primary

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
) -> list[Overview]:
    """Books, newest first, one more than `limit` where there are more; `before` is the last one's time and
    id.
    """
    query = select(Book).order_by(Book.created_at.desc(), Book.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(tuple_(Book.created_at, Book.id) < before)
    query = query.where(*_conditions(search or Search()))
    with res.database.session() as session:
        return _overviews(session, session.scalars(query).all(), res.clock())


def _conditions(search: Search) -> Iterator[ColumnElement[bool]]:
    for word in (search.words or "").split():
        yield or_(
            Book.title.icontains(word, autoescape=True), Book.listing_item_id.icontains(word, autoescape=True)
        )
    if search.listing_item_id is not None:
        yield Book.listing_item_id == search.listing_item_id
    processing = _has_job(OPEN_STATUSES)
    # One that failed over a cutout that there is, of another recipe, leaves the image as it was.
    failed = _has_job([JobStatus.FAILED], BookImage.outputs.is_(None))
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


def _has_job(statuses: Collection[JobStatus], *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        exists()
        .where(BookImage.book_id == Book.id, *_present_job(), Job.status.in_(statuses), *more)
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


def is_shown(now: datetime) -> ColumnElement[bool]:
    """What makes an image none of the uploads that did not come in their time."""
    return or_(BookImage.status != ImageStatus.UPLOADING, BookImage.created_at > now - UPLOAD_TIME)


def _of_books(books: Sequence[Book], now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What makes an image one that these books are shown with."""
    return BookImage.book_id.in_([book.id for book in books]), is_shown(now)


def _overviews(session: Session, books: Sequence[Book], now: datetime) -> list[Overview]:
    """Counted by the database: rows of all images and jobs of a long list would take most of its time."""
    standing = (BookImage.status, BookImage.outputs.is_not(None), Job.status)
    counts = session.execute(
        select(BookImage.book_id, *standing, func.count())
        .outerjoin(Job, and_(*_present_job()))
        .where(*_of_books(books, now))
        .group_by(BookImage.book_id, *standing)
    )
    standings: dict[str, dict[Standing, int]] = {book.id: {} for book in books}
    for book_id, status, has_outputs, job_status, count in counts:
        standings[book_id][Standing(status, has_outputs, job_status)] = count
    wanted = BookImage.id.in_([book.primary_image_id for book in books if book.primary_image_id])
    found = session.scalars(select(BookImage).where(wanted, *_of_books(books, now)))
    primaries = {image.id: image for image in found}
    return [Overview(book, primaries.get(book.primary_image_id or ""), standings[book.id]) for book in books]


def _galleries(session: Session, books: Sequence[Book], now: datetime) -> list[Gallery]:
    rows = session.execute(
        select(BookImage, Job)
        .outerjoin(Job, and_(*_present_job()))
        .where(*_of_books(books, now))
        .order_by(BookImage.position)
    )
    images: dict[str, list[GalleryImage]] = {book.id: [] for book in books}
    for image, job in rows:
        images[image.book_id].append(GalleryImage(image, job))
    return [Gallery(book, tuple(images[book.id])) for book in books]
