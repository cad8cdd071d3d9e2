"""Where objects lie in the images bucket; the only place that knows."""

import re
from datetime import timedelta
from typing import Final

EXTENSIONS: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
"""Content type to the extension of its keys."""

CONTENT_TYPES: Final = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}

UPLOAD_TIME: Final = timedelta(minutes=15)
"""How long a presigned form is valid."""

LISTINGS: Final = "listings/"

LISTING_ITEM: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
"""What may name a listing: one path segment, safe in a URL."""

_PHOTO = re.compile(r"image_(\d{1,4})\.(webp|jpg|jpeg|png)", re.IGNORECASE)


def listing_prefix(item: str) -> str:
    return f"{LISTINGS}{item}/"


def photo_number(name: str) -> tuple[int, str] | None:
    """Number and extension of a listing's photo from its file name; None for any other file."""
    match = _PHOTO.fullmatch(name)
    return (int(match[1]), match[2].lower()) if match else None


def image_key(book_id: str, position: int, extension: str) -> str:
    return f"books/{book_id}/image_{position:02d}.{extension}"


def upload_key(book_id: str, position: int, image_id: str, extension: str) -> str:
    """Of an image that did not come from a listing. It names the image too: a book that was deleted and
    imported again numbers its images anew, and a form for the first one may still be valid.
    """
    return f"books/{book_id}/image_{position:02d}-{image_id[-12:]}.{extension}"


def cutout_prefix(book_id: str, image_id: str) -> str:
    """The worker writes below it, and a result that names a key elsewhere is refused."""
    return f"books/{book_id}/cutouts/{image_id}/"


def sniff(head: bytes) -> str | None:
    """The content type that the first 12 bytes show; None for anything the application does not take."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return None
