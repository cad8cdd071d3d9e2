"""Books and their images."""

from chalice.app import Blueprint
from pydantic import BaseModel

from chalicelib import resources
from chalicelib.api import pages, present
from chalicelib.api.routing import Call, Routes
from chalicelib.api.schemas import (
    IMAGE_TYPES,
    BookCreate,
    BookOut,
    BookPage,
    ImageOut,
    ImageUpdate,
    PageQuery,
    PresignCreate,
    PresignedUpload,
    UploadComplete,
)
from chalicelib.faults import FaultCode, NotFoundError
from chalicelib.ids import is_id
from chalicelib.services import books, images, importing

blueprint = Blueprint(__name__)
routes = Routes(blueprint)


def _created_status(reply: BaseModel) -> int:
    return 201 if isinstance(reply, BookOut) and reply.created else 200


@routes.route(
    "POST",
    "/books",
    summary="Import a listing as a book",
    status=201,
    status_of=_created_status,
    faults=(FaultCode.LISTING_NOT_FOUND, FaultCode.IMPORT_IN_PROGRESS),
)
def create_book(body: BookCreate) -> BookOut:
    """Copies the listing's photos and queues a job for each; 200 with the existing book for a known
    listing.
    """
    res = resources.current()
    imported = importing.import_listing(res, body.listing_item_id, body.title)
    return present.book(res, books.get(res, imported.book_id), created=imported.created)


@routes.route("GET", "/books", summary="List books, newest first")
def list_books(query: PageQuery) -> BookPage:
    res = resources.current()
    before = None
    if query.cursor:
        made, identifier = present.decode_cursor(query.cursor, 2)
        if not is_id(identifier):
            raise present.bad_cursor()
        before = (present.time_of(made), identifier)
    found = books.page(res, before=before, limit=query.limit)
    shown = found[: query.limit]
    more = len(found) > query.limit
    last = shown[-1].book if more else None
    return BookPage(
        items=[present.summary(res, gallery) for gallery in shown],
        next_cursor=present.encode_cursor(last.created_at.isoformat(), last.id) if last else None,
    )


@routes.route(
    "GET",
    "/books/{book_id}",
    summary="A book with its gallery",
    faults=(FaultCode.NOT_FOUND,),
    page=pages.book_page,
)
def get_book(book_id: str) -> BookOut:
    """A browser that asks for HTML gets the book's page at the same address."""
    res = resources.current()
    return present.book(res, books.get(res, book_id))


@routes.route(
    "POST",
    "/books/{book_id}/images",
    summary="Upload a small image",
    status=201,
    binary_body=(*IMAGE_TYPES, "application/octet-stream"),
    faults=(FaultCode.NOT_FOUND, FaultCode.PAYLOAD_TOO_LARGE, FaultCode.UNSUPPORTED_MEDIA_TYPE),
)
def upload_image(book_id: str, call: Call) -> ImageOut:
    """The body is the image itself, up to 4.5 MB; its content decides the type. Larger ones go by presign."""
    res = resources.current()
    return _image(book_id, images.upload(res, book_id, call.raw_body))


@routes.route(
    "POST",
    "/books/{book_id}/images/presign",
    summary="Get a form to upload an image of up to 50 MB",
    status=201,
    faults=(FaultCode.NOT_FOUND,),
)
def presign_image(book_id: str, body: PresignCreate) -> PresignedUpload:
    upload = images.presign(resources.current(), book_id, body.content_type)
    return PresignedUpload(
        image_id=upload.image_id,
        url=upload.url,
        fields=dict(upload.fields),
        max_bytes=images.MAX_UPLOAD_BYTES,
        expires_at=upload.expires_at,
    )


@routes.route(
    "POST",
    "/books/{book_id}/images/complete",
    summary="Register an uploaded image and queue it",
    faults=(FaultCode.NOT_FOUND, FaultCode.UPLOAD_MISSING, FaultCode.UNSUPPORTED_MEDIA_TYPE),
)
def complete_image(book_id: str, body: UploadComplete) -> ImageOut:
    images.complete(resources.current(), book_id, body.image_id)
    return _image(book_id, body.image_id)


@routes.route(
    "PUT",
    "/books/{book_id}/images/{image_id}",
    summary="Make an image primary, or choose its original or its cutout",
    faults=(FaultCode.NOT_FOUND, FaultCode.CONFLICT),
)
def update_image(book_id: str, image_id: str, body: ImageUpdate) -> ImageOut:
    res = resources.current()
    if body.keep_original is not None:
        images.set_keep_original(res, book_id, image_id, keep=body.keep_original)
    if body.primary:
        images.make_primary(res, book_id, image_id)
    return _image(book_id, image_id)


def _image(book_id: str, image_id: str) -> ImageOut:
    res = resources.current()
    gallery = books.get(res, book_id)
    entry = next((it for it in gallery.images if it.image.id == image_id), None)
    if entry is None:
        raise NotFoundError("image", image_id)
    return present.image(res, entry, gallery.book.primary_image_id)
