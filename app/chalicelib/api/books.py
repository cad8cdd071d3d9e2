"""Books."""

from chalice.app import Blueprint
from pydantic import BaseModel

from chalicelib import resources
from chalicelib.api import pages, present
from chalicelib.api.routing import Call, Routes
from chalicelib.api.schemas import (
    BookCreate,
    BookOut,
    BookPage,
    BooksQuery,
    BookUpdate,
    Deleted,
    ImageOrder,
)
from chalicelib.faults import FaultCode
from chalicelib.ids import is_id
from chalicelib.services import books, editing, importing

blueprint = Blueprint(__name__)
routes = Routes(blueprint, "Books")


def _created_status(reply: BaseModel) -> int:
    return 201 if isinstance(reply, BookOut) and reply.created else 200


@routes.route(
    "POST",
    "/books",
    summary="Import a listing as a book, or make one without images",
    status=201,
    status_of=_created_status,
    creates=True,
    names_book="id",
    faults=(FaultCode.LISTING_NOT_FOUND, FaultCode.TOO_MANY_IMAGES, FaultCode.IMPORT_IN_PROGRESS),
)
def create_book(body: BookCreate, call: Call) -> BookOut:
    """Copies the listing's photos and queues a job for each; 200 with the existing book for a known
    listing. Without a listing, the book waits for uploads.
    """
    res = resources.current()
    if body.listing_item_id is None:
        book_id = editing.create_book(res, body.title or "", call.chosen_id)
        return present.book(res, books.get(res, book_id), created=True)
    imported = importing.import_listing(res, body.listing_item_id, body.title)
    return present.book(res, books.get(res, imported.book_id), created=imported.created)


@routes.route("GET", "/books", summary="List or search books, newest first", etag=True)
def list_books(query: BooksQuery) -> BookPage:
    res = resources.current()
    before = None
    if query.cursor:
        made, identifier = present.decode_cursor(query.cursor, 2)
        if not is_id(identifier):
            raise present.bad_cursor()
        before = (present.time_of(made), identifier)
    search = books.Search(query.q, query.listing_item_id, query.progress)
    found = books.page(res, before=before, limit=query.limit, search=search)
    shown = found[: query.limit]
    more = len(found) > query.limit
    last = shown[-1].book if more else None
    return BookPage(
        items=[present.summary(res, overview) for overview in shown],
        next_cursor=present.encode_cursor(last.created_at.isoformat(), last.id) if last else None,
    )


@routes.route(
    "GET",
    "/books/{book_id}",
    summary="A book with its gallery",
    faults=(FaultCode.NOT_FOUND,),
    page=pages.book_page,
    etag=True,
)
def get_book(book_id: str) -> BookOut:
    """A browser that asks for HTML gets the book's page at the same address."""
    res = resources.current()
    return present.book(res, books.get(res, book_id))


@routes.route("PATCH", "/books/{book_id}", summary="Give a book another title", faults=(FaultCode.NOT_FOUND,))
def update_book(book_id: str, body: BookUpdate) -> BookOut:
    res = resources.current()
    editing.rename(res, book_id, body.title)
    return present.book(res, books.get(res, book_id))


@routes.route("DELETE", "/books/{book_id}", summary="Delete a book", faults=(FaultCode.NOT_FOUND,))
def delete_book(book_id: str) -> Deleted:
    """With its images and their objects; jobs on their way are cancelled. The listing stays and can be
    imported again.
    """
    gone = editing.delete_book(resources.current(), book_id)
    return Deleted(id=book_id, images=gone.images, cancelled_jobs=gone.cancelled_jobs)


@routes.route(
    "PUT",
    "/books/{book_id}/order",
    summary="Put a book's images in order",
    faults=(FaultCode.NOT_FOUND, FaultCode.CONFLICT),
)
def order_images(book_id: str, body: ImageOrder) -> BookOut:
    """The images exchange their positions."""
    res = resources.current()
    editing.reorder(res, book_id, body.image_ids)
    return present.book(res, books.get(res, book_id))
