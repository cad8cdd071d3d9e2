"""Listings: folders of photos under `listings/` in the images bucket, written by others."""

from dataclasses import dataclass
from typing import Final

from chalicelib.faults import Fault, FaultCode
from chalicelib.resources import Resources
from chalicelib.services.keys import LISTINGS, listing_prefix, photo_number

MOST_IMAGES: Final = 300
"""Of a book. An image with its job takes up to 10 KB of an answer, and a Lambda may answer 6 MB."""


@dataclass(frozen=True)
class Photo:
    """One photo of a listing."""

    key: str
    number: int
    extension: str
    bytes: int


@dataclass(frozen=True)
class ItemPage:
    """Listing ids in the bucket's order; `next_item` continues after the last one."""

    items: tuple[str, ...]
    next_item: str | None


def photos(res: Resources, item: str) -> tuple[Photo, ...]:
    """A listing's photos by number; raises `Fault` (`listing_not_found`) where there is none.

    Two files with the same number (`image_01.jpg` and `image_01.png`) are two photos, in the order of their
    names.
    """
    prefix = listing_prefix(item)
    found = []
    paginator = res.clients.s3.get_paginator("list_objects_v2")
    for page in paginator.paginate(Bucket=res.settings.images_bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            named = photo_number(entry["Key"].removeprefix(prefix))
            if named is not None:
                found.append(Photo(entry["Key"], named[0], named[1], entry["Size"]))
    if not found:
        raise Fault(
            FaultCode.LISTING_NOT_FOUND,
            f"There is no listing {item!r}.",
            why=f"No photos lie under {prefix} in {res.settings.images_bucket}.",
            fix="Put them there as image_01.jpg, image_02.webp, …, and try again.",
            details={"prefix": prefix, "bucket": res.settings.images_bucket},
        )
    return tuple(sorted(found, key=lambda photo: (photo.number, photo.key)))


def items(res: Resources, *, after: str | None, limit: int) -> ItemPage:
    """The listings there are, `limit` at a time. Objects beside them are passed over."""
    # StartAfter a prefix with a last character behind "/" skips all keys of that listing.
    start = f"{LISTINGS}{after}0" if after else LISTINGS
    names: list[str] = []
    pages = res.clients.s3.get_paginator("list_objects_v2").paginate(
        Bucket=res.settings.images_bucket, Prefix=LISTINGS, Delimiter="/", StartAfter=start
    )
    for page in pages:
        names += [it["Prefix"].removeprefix(LISTINGS).rstrip("/") for it in page.get("CommonPrefixes", [])]
        if len(names) > limit:
            break
    shown = tuple(names[:limit])
    return ItemPage(shown, shown[-1] if len(names) > limit else None)


def require_room(present: int, *, adding: int, fix: str) -> None:
    """Raise `Fault` (`too_many_images`) where a book would have more images than it may."""
    if present + adding > MOST_IMAGES:
        raise Fault(
            FaultCode.TOO_MANY_IMAGES,
            f"The book would have {present + adding} images.",
            why=f"A book may have {MOST_IMAGES}.",
            fix=fix,
            details={"limit": MOST_IMAGES},
        )
