"""Identifiers."""

import os
import time
import uuid

_LISTING_BOOKS = uuid.UUID("6f0c8a52-4a0b-5d5e-9d0c-3c1b7b7b9a11")


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): unique, and sorted by the millisecond it was made in."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def book_id_of_listing(item: str) -> str:
    """The id of the book of a listing.

    It follows from the listing, so an import that was cut off and is made again writes the same objects: it
    leaves no orphans behind.
    """
    return str(uuid.uuid5(_LISTING_BOOKS, item))


def is_id(text: str) -> bool:
    """Whether `text` is the canonical form of a UUID."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
