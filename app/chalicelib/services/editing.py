"""What people change about books and their images: title, order, recipe, and what is deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from chalicelib.db.models import Book, BookImage, ImageStatus, Job
from chalicelib.faults import Fault, FaultCode
from chalicelib.ids import new_id
from chalicelib.resources import Resources
from chalicelib.services import deletions, idempotency, jobs
from chalicelib.services.images import lock_book, lock_image, require_stored
from chalicelib.services.keys import cutout_prefix
from workers.contracts import JobStatus, Recipe
from workers.contracts.status import OPEN_STATUSES

_DELETION_SECONDS: Final = 10.0
"""How long a call deletes objects itself: API Gateway waits 29 seconds."""


@dataclass(frozen=True)
class Deleted:
    """What went with a book or an image."""

    images: int
    cancelled_jobs: int


def create_book(res: Resources, title: str, book_id: str | None = None) -> str:
    """A book without images; with an id of the caller's choice, the one that was made under it before, within
    the day of an idempotency key.
    """
    now = res.clock()
    with res.database.session() as session:
        book_id = idempotency.usable_id(session, Book, book_id, now=now) if book_id else new_id()
        if session.get(Book, book_id) is None:
            session.add(Book(id=book_id, title=title, created_at=now))
    return book_id


def rename(res: Resources, book_id: str, title: str) -> None:
    """Give a book another title; raises `NotFoundError`."""
    with res.database.session() as session:
        lock_book(session, book_id).title = title


def reorder(res: Resources, book_id: str, image_ids: Sequence[str]) -> None:
    """Put a book's images in this order; raises `NotFoundError`, or `Fault` (`conflict`) where they are not
    exactly its images.

    The images exchange their positions: a position that a deleted image had stays free.
    """
    with res.database.session() as session:
        lock_book(session, book_id)
        found = session.scalars(
            select(BookImage)
            .where(BookImage.book_id == book_id)
            .order_by(BookImage.position)
            .with_for_update()
        ).all()
        # An upload under way is not shown to everybody; it keeps its place behind the others.
        known = {image.id: image for image in found}
        listed = set(image_ids)
        missing = [it.id for it in found if it.status != ImageStatus.UPLOADING and it.id not in listed]
        unknown = [it for it in image_ids if it not in known]
        if missing or unknown or len(listed) != len(image_ids):
            raise Fault(
                FaultCode.CONFLICT,
                "The order does not name each image of the book once.",
                why="An image was added or deleted meanwhile, or one is named twice.",
                fix="Get the book again and order the images that it has now.",
                details={"missing": list(missing), "unknown": list(unknown)},
            )
        ordered = [*(known[it] for it in image_ids), *(it for it in found if it.id not in listed)]
        positions = [image.position for image in found]
        # A position is taken once in a book at any time, so all go aside first.
        session.execute(
            update(BookImage).where(BookImage.book_id == book_id).values(position=-BookImage.position - 1)
        )
        for image, position in zip(ordered, positions, strict=True):
            session.execute(update(BookImage).where(BookImage.id == image.id).values(position=position))


def process(res: Resources, book_id: str, image_id: str, recipe: Recipe) -> None:
    """Cut an image out by this recipe and show its cutout again.

    Jobs of another recipe are superseded. The cutout that there is stays until the new one has come; where
    this recipe has been done already, nothing is sent. Raises `NotFoundError` or `Fault`: `conflict`, or
    `unknown_model` where the worker holds no such model.
    """
    _require_model(res, recipe)
    with res.database.session() as session:
        book = lock_book(session, book_id)
        image = lock_image(session, book_id, image_id)
        require_stored(image, "be cut out")
        image.recipe = recipe.model_dump(mode="json")
        image.recipe_name = recipe.name
        image.keep_original = False
        primary = book.primary_image_id == image.id
        job_id = jobs.request(session, image, primary=primary, now=res.clock())
    jobs.send(res, [job_id] if job_id else [])


def _require_model(res: Resources, recipe: Recipe) -> None:
    held = [str(model) for model in res.settings.models]
    if not recipe.can_be_done_with(res.settings.models):
        raise Fault(
            FaultCode.UNKNOWN_MODEL,
            f"The worker does not hold the model {recipe.model}:{recipe.precision}.",
            why="Its image holds what its declaration names.",
            fix=f"Choose one of: {', '.join(held)}; `GET /models` lists them.",
            details={"models": list(held)},
        )


def delete_image(res: Resources, book_id: str, image_id: str) -> Deleted:
    """Delete an image, its objects and its hopes for a cutout; raises `NotFoundError`.

    The next stored image becomes primary where it was the primary one.
    """
    with res.database.session() as session:
        book = lock_book(session, book_id)
        image = lock_image(session, book_id, image_id)
        was_primary = book.primary_image_id == image.id
        gone, targets = _remove(res, session, [image])
        session.flush()
        job_id = _next_primary(res, session, book) if was_primary else None
    deletions.run(res, targets, seconds=_DELETION_SECONDS)
    jobs.send(res, [job_id] if job_id else [])
    return gone


def delete_book(res: Resources, book_id: str) -> Deleted:
    """Delete a book with all its images; raises `NotFoundError`. Its listing stays, and can be imported
    anew.
    """
    with res.database.session() as session:
        book = lock_book(session, book_id)
        images = session.scalars(
            select(BookImage).where(BookImage.book_id == book_id).order_by(BookImage.id).with_for_update()
        ).all()
        gone, targets = _remove(res, session, images)
        session.flush()
        session.execute(delete(Book).where(Book.id == book.id))
    deletions.run(res, targets, seconds=_DELETION_SECONDS)
    return gone


def _remove(res: Resources, session: Session, images: Sequence[BookImage]) -> tuple[Deleted, list[str]]:
    """The rows of images, and what lies in the bucket for them; the caller holds their locks."""
    ids = [image.id for image in images]
    waiting = (*OPEN_STATUSES, JobStatus.FAILED)
    cancelled = session.scalars(
        update(Job)
        .where(Job.image_id.in_(ids), Job.status.in_(waiting))
        .values(status=JobStatus.CANCELLED, finished_at=res.clock(), next_attempt_at=None, deadline_at=None)
        .returning(Job.id)
    ).all()
    targets = [image.key for image in images]
    targets += [cutout_prefix(image.book_id, image.id) for image in images]
    session.execute(delete(BookImage).where(BookImage.id.in_(ids)))
    return Deleted(len(ids), len(cancelled)), deletions.give_up(res, session, targets)


def _next_primary(res: Resources, session: Session, book: Book) -> str | None:
    """Make the first stored image primary; the id of the job to send for it, if it needs one."""
    session.refresh(book)
    image = session.scalar(
        select(BookImage)
        .where(BookImage.book_id == book.id, BookImage.status == ImageStatus.STORED)
        .order_by(BookImage.position)
        .limit(1)
        .with_for_update()
    )
    book.primary_image_id = image.id if image is not None else None
    if image is None or image.outputs is not None or image.keep_original:
        return None
    return jobs.request(session, image, primary=True, now=res.clock())
