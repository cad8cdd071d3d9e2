"""Changing the API key with overlap: the new one counts at once, the one before until it is retired."""

import hashlib
import secrets
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from chalicelib.faults import Fault, FaultCode
from chalicelib.resources import Resources
from chalicelib.security import CURRENT, PREVIOUS, Principal
from chalicelib.security.api_key import KeyPair

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK: Final = 5_283_015_418
_KEY_BYTES: Final = 36
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


def rotate(res: Resources, principal: Principal, *, replace_lost: bool = False) -> tuple[str, Fingerprints]:
    """A new key, which is told this once. The present one becomes the previous one.

    Raises `Fault` (`conflict`) while there is a previous one: whoever uses that would be cut off unwarned.
    With `replace_lost`, the present key, whose answer nobody got, gives way to the new one and the previous
    one stays; refused (`conflict`) to who shows the present key.
    """

    def changed(keys: KeyPair) -> KeyPair:
        new = secrets.token_urlsafe(_KEY_BYTES)
        if replace_lost and principal.name == CURRENT:
            raise Fault(
                FaultCode.CONFLICT,
                "The present key is not lost: this call shows it.",
                fix="Rotate without replace_lost.",
            )
        if keys.previous and not replace_lost:
            raise Fault(
                FaultCode.CONFLICT,
                "The key before the present one is still valid.",
                why="A rotation would end it while somebody may use it.",
                fix=_LOST if principal.name == PREVIOUS else "Retire it first: DELETE /admin/keys/previous.",
            )
        return KeyPair(current=new, previous=keys.previous or keys.current)

    keys = _change(res, changed)
    return keys.current, _fingerprints(keys)


def retire(res: Resources, principal: Principal) -> Fingerprints:
    """End the previous key; nothing happens where there is none. Raises `Fault` (`conflict`) where the call
    shows that very key: whoever has no other would be locked out.
    """
    if principal.name == PREVIOUS:
        raise Fault(
            FaultCode.CONFLICT,
            "This call shows the key that it would end.",
            why="Whoever has no other key would be locked out.",
            fix=f"Retire it with the present key. {_LOST}",
        )
    return _fingerprints(_change(res, lambda keys: KeyPair(current=keys.current)))


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
