"""Images of a book."""

from chalice.app import Blueprint

from chalicelib import resources
from chalicelib.api import present
from chalicelib.api.routing import Call, Routes
from chalicelib.api.schemas import (
    IMAGE_TYPES,
    Deleted,
    ImageOut,
    ImageUpdate,
    ModelList,
    PresignCreate,
    PresignedUpload,
    RecipeIn,
    UploadComplete,
)
from chalicelib.faults import FaultCode, NotFoundError
from chalicelib.services import books, editing, images
from workers.contracts import Recipe

blueprint = Blueprint(__name__)
routes = Routes(blueprint, "Images")


@routes.route(
    "POST",
    "/books/{book_id}/images",
    summary="Upload a small image",
    status=201,
    creates=True,
    binary_body=(*IMAGE_TYPES, "application/octet-stream"),
    faults=(
        FaultCode.NOT_FOUND,
        FaultCode.TOO_MANY_IMAGES,
        FaultCode.PAYLOAD_TOO_LARGE,
        FaultCode.UNSUPPORTED_MEDIA_TYPE,
    ),
)
def upload_image(book_id: str, call: Call) -> ImageOut:
    """The body is the image itself, up to 4.5 MB; its content decides the type. Larger ones go by presign."""
    res = resources.current()
    return _image(book_id, images.upload(res, book_id, call.raw_body, call.chosen_id))


@routes.route(
    "POST",
    "/books/{book_id}/images/presign",
    summary="Get a form to upload an image of up to 50 MB",
    status=201,
    creates=True,
    renews=True,
    faults=(FaultCode.NOT_FOUND, FaultCode.CONFLICT, FaultCode.TOO_MANY_IMAGES),
)
def presign_image(book_id: str, body: PresignCreate, call: Call) -> PresignedUpload:
    """A repeat under the same `Idempotency-Key` gives a new form for the same image, until that was
    completed: then 409 `conflict`, whose `details` name it.
    """
    upload = images.presign(resources.current(), book_id, body.content_type, call.chosen_id)
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
    faults=(
        FaultCode.NOT_FOUND,
        FaultCode.UPLOAD_MISSING,
        FaultCode.TOO_MANY_IMAGES,
        FaultCode.UNSUPPORTED_MEDIA_TYPE,
    ),
)
def complete_image(book_id: str, body: UploadComplete) -> ImageOut:
    """Again for the same object, nothing happens. Where the form was used again meanwhile, the new object is
    registered and cut out: what mends an image that failed with `source_changed`.
    """
    images.complete(resources.current(), book_id, body.image_id)
    return _image(book_id, body.image_id)


@routes.route(
    "GET",
    "/books/{book_id}/images/{image_id}",
    summary="One image",
    faults=(FaultCode.NOT_FOUND,),
    etag=True,
)
def get_image(book_id: str, image_id: str) -> ImageOut:
    return _image(book_id, image_id)


@routes.route(
    "PUT",
    "/books/{book_id}/images/{image_id}",
    summary="Make an image primary, or choose its original or its cutout",
    faults=(FaultCode.NOT_FOUND, FaultCode.CONFLICT),
)
def update_image(book_id: str, image_id: str, body: ImageUpdate) -> ImageOut:
    """Both at once, or neither."""
    images.change(
        resources.current(), book_id, image_id, primary=bool(body.primary), keep_original=body.keep_original
    )
    return _image(book_id, image_id)


@routes.route(
    "POST",
    "/books/{book_id}/images/{image_id}/process",
    summary="Cut an image out again, by a recipe",
    faults=(FaultCode.NOT_FOUND, FaultCode.CONFLICT, FaultCode.UNKNOWN_MODEL),
)
def process_image(book_id: str, image_id: str, body: RecipeIn) -> ImageOut:
    """The present cutout stays until the new one has come. Where this recipe is done already or on its way,
    nothing is sent.
    """
    editing.process(resources.current(), book_id, image_id, Recipe(**body.model_dump()))
    return _image(book_id, image_id)


@routes.route("GET", "/models", summary="The models that an image can be cut out with")
def list_models() -> ModelList:
    """What the image worker's declaration names; a recipe that wants another is refused."""
    return ModelList(items=list(resources.current().settings.models))


@routes.route(
    "DELETE",
    "/books/{book_id}/images/{image_id}",
    summary="Delete an image",
    faults=(FaultCode.NOT_FOUND,),
)
def delete_image(book_id: str, image_id: str) -> Deleted:
    """With its objects; its job is cancelled. The first of the others becomes primary if it was."""
    gone = editing.delete_image(resources.current(), book_id, image_id)
    return Deleted(id=image_id, images=gone.images, cancelled_jobs=gone.cancelled_jobs)


def _image(book_id: str, image_id: str) -> ImageOut:
    res = resources.current()
    gallery = books.get(res, book_id)
    entry = next((it for it in gallery.images if it.image.id == image_id), None)
    if entry is None:
        raise NotFoundError("image", image_id)
    return present.image(res, entry, gallery.book.primary_image_id)
