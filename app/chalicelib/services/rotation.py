"""Changing the API key with overlap: the new one counts at once, the one before until it is retired."""

import hashlib
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from chalicelib.faults import Fault, FaultCode
from chalicelib.resources import Resources
from chalicelib.security.api_key import which
from workers.contracts.api_key import KeyPair, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK: Final = 5_283_015_418
_LOST: Final = (
    "If the answer with the present key was lost: POST /admin/keys/rotate with replace_lost, "
    "or `bmx keys rotate --replace-lost`."
)


@dataclass(frozen=True)
class Fingerprints:
    """What tells keys apart without telling them: the start of their SHA-256."""

    current: str
    previous: str | None


def fingerprints(res: Resources) -> Fingerprints:
    """Of the keys that the secret holds now; raises `MisconfiguredError`."""
    return _fingerprints(res.api_keys.read())


def rotate(res: Resources, shown: str, *, replace_lost: bool = False) -> tuple[str, Fingerprints]:
    """A new key, which is told this once. The present one becomes the previous one. `shown` is the key that
    the caller shows, if any.

    Raises `Fault` (`conflict`) while there is a previous one: whoever uses that would be cut off unwarned.
    With `replace_lost`, the present key, whose answer nobody got, gives way to the new one and the previous
    one stays; refused (`conflict`) to who shows the present key.
    """

    def changed(keys: KeyPair) -> KeyPair:
        _require_valid(keys, shown)
        if replace_lost and which(keys, shown) == "current":
            raise Fault(
                FaultCode.CONFLICT,
                "The present key is not lost: this call shows it.",
                fix="Rotate without replace_lost.",
            )
        if keys.previous and not replace_lost:
            may_retire = which(keys, shown) != "previous"
            raise Fault(
                FaultCode.CONFLICT,
                "The key before the present one is still valid.",
                why="A rotation would end it while somebody may use it.",
                fix=f"{'Retire it first: DELETE /admin/keys/previous. ' if may_retire else ''}{_LOST}",
            )
        return KeyPair(current=new_key(), previous=keys.previous or keys.current)

    keys = _change(res, changed)
    return keys.current, _fingerprints(keys)


def retire(res: Resources, shown: str) -> Fingerprints:
    """End the previous key; nothing happens where there is none. Raises `Fault` (`conflict`) where the caller
    shows that very key: whoever has no other would be locked out.
    """

    def changed(keys: KeyPair) -> KeyPair:
        _require_valid(keys, shown)
        if which(keys, shown) == "previous":
            raise Fault(
                FaultCode.CONFLICT,
                "This call shows the key that it would end.",
                why="Whoever has no other key would be locked out.",
                fix=f"Retire it with the present key. {_LOST}",
            )
        return KeyPair(current=keys.current)

    return _fingerprints(_change(res, changed))


def _require_valid(keys: KeyPair, shown: str) -> None:
    """Raise `Fault` (`unauthorized`) for a key that the secret no longer holds: a process may take it for
    valid for some seconds more, which must not be enough to make a new one.
    """
    if shown and which(keys, shown) is None:
        raise Fault(FaultCode.UNAUTHORIZED, "The API key is wrong.", why="It has been rotated away.")


def _change(res: Resources, changed: Callable[[KeyPair], KeyPair]) -> KeyPair:
    with _alone(res):
        before = res.api_keys.read()
        after = changed(before)
        if after != before:
            res.api_keys.write(after)
    return after


@contextmanager
def _alone(res: Resources) -> "Iterator[None]":
    """Secrets Manager has no compare and set; so one rotation at a time, in the database's name."""
    with res.database.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield


def _fingerprints(keys: KeyPair) -> Fingerprints:
    return Fingerprints(_digest(keys.current), _digest(keys.previous) if keys.previous else None)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]
