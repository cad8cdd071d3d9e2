"""Addresses that let a browser read one object for a while."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Final

from chalicelib.aws import Clients

URL_SECONDS: Final = 15 * 60
"""How long an address works."""

SPAN_SECONDS: Final = 5 * 60
"""How long the same one is given out: signing takes most of the time of a long list."""

_KEPT = 4096
"""Addresses that a process remembers: some 2 KB each, with the session token that they carry."""


def span(now: datetime) -> int:
    """The span of five minutes that a time is in.

    What is signed or tagged in a span is given out in it and not after it, so whoever has it can read for ten
    more minutes.
    """
    return int(now.timestamp()) // SPAN_SECONDS


class SignedUrls:
    """Signs addresses of objects in one bucket, each at most once in a span."""

    def __init__(self, clients: Clients, bucket: str, clock: Callable[[], datetime]) -> None:
        self._clients = clients
        self._bucket = bucket
        self._clock = clock
        self._of_span = lru_cache(maxsize=_KEPT)(self._sign)

    def url(self, key: str) -> str:
        """An address of the object that works for ten minutes at least and fifteen at most. Asks nobody."""
        return self._of_span(key, span(self._clock()))

    def _sign(self, key: str, _span: int) -> str:
        return self._clients.s3.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=URL_SECONDS
        )
