"""Listings that can be imported."""

import re

from chalice.app import Blueprint

from chalicelib import resources
from chalicelib.api import present
from chalicelib.api.routing import Routes
from chalicelib.api.schemas import ListingOut, ListingPage, ListingSummary, PageQuery, PhotoOut
from chalicelib.faults import Fault, FaultCode
from chalicelib.services import books, listings
from chalicelib.services.keys import LISTING_ITEM, listing_prefix, photo_number

blueprint = Blueprint(__name__)
routes = Routes(blueprint, "Listings")


@routes.route("GET", "/listings", summary="List the listings in the bucket")
def list_listings(query: PageQuery) -> ListingPage:
    after = present.decode_cursor(query.cursor, 1)[0] if query.cursor else None
    page = listings.items(resources.current(), after=after, limit=query.limit)
    return ListingPage(
        items=[ListingSummary(listing_item_id=item) for item in page.items],
        next_cursor=present.encode_cursor(page.next_item) if page.next_item else None,
    )


@routes.route("GET", "/listings/{item}", summary="A listing's photos", faults=(FaultCode.LISTING_NOT_FOUND,))
def get_listing(item: str, query: PageQuery) -> ListingOut:
    """By number, then by name."""
    if not re.fullmatch(LISTING_ITEM, item):
        raise Fault(
            FaultCode.LISTING_NOT_FOUND,
            f"There is no listing {item[:100]!r}.",
            why="A listing's name has letters, digits, dots, dashes and underscores.",
        )
    res = resources.current()
    photos = listings.photos(res, item)
    if query.cursor:
        name = present.decode_cursor(query.cursor, 1)[0]
        named = photo_number(name)
        if named is None:
            raise present.bad_cursor()
        last = (named[0], listing_prefix(item) + name)
        photos = tuple(photo for photo in photos if (photo.number, photo.key) > last)
    shown = photos[: query.limit]
    last_name = shown[-1].key.removeprefix(listing_prefix(item)) if len(photos) > len(shown) else None
    return ListingOut(
        listing_item_id=item,
        photos=[
            PhotoOut(
                key=photo.key,
                number=photo.number,
                bytes=photo.bytes,
                url=res.urls.url(photo.key),
            )
            for photo in shown
        ],
        next_cursor=present.encode_cursor(last_name) if last_name else None,
        book_id=books.of_listing(res, item),
    )
