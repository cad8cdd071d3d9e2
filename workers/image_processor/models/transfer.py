"""A file's transfer over HTTP that goes on where an earlier one ended, also one whose process was killed."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import httpx

ATTEMPTS = 50
"""How often in a row a transfer that breaks off is gone on with."""

_PAUSE_SECONDS = 0.5
"""After an attempt that brought nothing; one more of it with each such attempt in a row."""
_FRUITLESS = 5
"""Attempts in a row that bring nothing end it."""
_TIMEOUT = httpx.Timeout(60.0)


class RefusedError(Exception):
    """No connection with the settings known here, or no file for them: it may want credentials."""


class BrokenOffError(Exception):
    """The connection broke off again and again. What has come stays."""


def transfer(
    address: str, partial: Path, certificates: str | None, progress: Callable[[float], None]
) -> None:
    """Bring the file at `address` into `partial`, after the bytes that are in it already.

    Whether they are the file's is the caller's to check, by a checksum. `certificates` is a file of
    authorities, else the system's count; proxies are those of the environment. Raises `RefusedError`,
    `BrokenOffError`, or `OSError` of the disk.
    """
    context = ssl.create_default_context(cafile=certificates)
    with httpx.Client(verify=context, timeout=_TIMEOUT, follow_redirects=True) as client:
        fruitless, reason = 0, ""
        for _ in range(ATTEMPTS):
            before = _size(partial)
            try:
                _attempt(client, address, partial, progress)
            except httpx.HTTPError as error:
                reason = str(error) or type(error).__name__
                unreachable = isinstance(error, httpx.ConnectError | httpx.ProxyError)
                if not isinstance(error, httpx.TransportError) or (unreachable and not before):
                    raise RefusedError(reason) from error
            else:
                return
            fruitless = fruitless + 1 if _size(partial) <= before else 0
            if fruitless == _FRUITLESS:
                break
            time.sleep(_PAUSE_SECONDS * fruitless)
    raise BrokenOffError(reason)


def _attempt(client: httpx.Client, address: str, partial: Path, progress: Callable[[float], None]) -> None:
    """Bring the rest of the file, or raise httpx's error."""
    begin = _size(partial)
    # Compressed on its way, a range would count other bytes.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={begin}-"} if begin else {})}
    with client.stream("GET", address, headers=headers) as answer:
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            # All of it is here, or too much: the checksum tells.
            return
        answer.raise_for_status()
        done = begin if answer.status_code == httpx.codes.PARTIAL_CONTENT else 0
        whole = done + int(answer.headers.get("Content-Length", 0))
        with partial.open("ab" if done else "wb") as out:
            for chunk in answer.iter_raw():
                out.write(chunk)
                done += len(chunk)
                if whole:
                    progress(min(1.0, done / whole))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
