"""Creates that may be sent twice: the answer is kept under the caller's key for a day.

Only answers of success are kept: after a refusal the same key may be tried again. A call that ended without
an answer is taken over after a minute, longer than any call lives; what it had made carries an id that
follows from the key, so the repeat goes on with it and makes nothing twice. A key that is used after its day
makes something of its own.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chalicelib.db.models import Book, BookImage, Job
from chalicelib.db.records import IdempotencyKey
from chalicelib.faults import Fault, FaultCode
from chalicelib.resources import Resources

KEEP: Final = timedelta(days=1)
_ABANDONED: Final = timedelta(minutes=1)
_NAMES: Final = uuid.UUID("b2b5a5a4-6a0e-5c39-8f35-2f6a1f0f9b5e")
_WAIT_SECONDS: Final = 2


@dataclass(frozen=True)
class Answer:
    """An answer that was given before."""

    status: int
    body: str


@dataclass(frozen=True)
class Claim:
    """One caller's key for one request."""

    caller: str
    key: str
    fingerprint: str

    @property
    def chosen_id(self) -> str:
        """The id of what the call creates."""
        return str(uuid.uuid5(_NAMES, f"{self.caller}\n{self.key}\n{self.fingerprint}"))


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What makes two requests the same."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


def begin(res: Resources, claim: Claim) -> Answer | None:
    """Take the key for this call, or find the answer that was given under it.

    Raises `Fault`: `idempotency_key_reused` for another request under the same key, `idempotency_in_progress`
    while the first call runs.
    """
    now = res.clock()
    mine = {"fingerprint": claim.fingerprint, "claimed_at": now, "status": None, "body": None}
    with res.database.session() as session:
        row = None
        while row is None:  # it may be given back between the two statements
            taken = session.scalar(
                insert(IdempotencyKey)
                .values(caller=claim.caller, key=claim.key, **mine)
                .on_conflict_do_nothing()
                .returning(IdempotencyKey.key)
            )
            if taken is not None:
                return None
            row = session.get(IdempotencyKey, (claim.caller, claim.key), with_for_update=True)
        if row.claimed_at <= now - KEEP:
            # Too old: as if it had not been there.
            session.execute(update(IdempotencyKey).where(*_is(claim)).values(**mine))
            return None
        if row.fingerprint != claim.fingerprint:
            raise Fault(
                FaultCode.IDEMPOTENCY_KEY_REUSED,
                "This Idempotency-Key was used for another request.",
                fix="Use a new key for each thing that you create.",
            )
        if row.status is not None:
            return Answer(row.status, row.body or "")
        if row.claimed_at > now - _ABANDONED:
            raise Fault(
                FaultCode.IDEMPOTENCY_IN_PROGRESS,
                "A call with this Idempotency-Key is running.",
                fix="Send it again in a moment to get its answer.",
                details={"retry_after": _WAIT_SECONDS},
            )
        row.claimed_at = now
    return None


Kind = TypeVar("Kind", Book, BookImage)


def usable_id(session: Session, kind: type[Kind], chosen_id: str, *, now: datetime) -> str:
    """The id that a create with a key goes on with: the chosen one, or one that follows from it where the
    chosen one's owner was made in a day of the key that is over, or is an image that was deleted: its job is
    still there, and would count for the new one.
    """
    while _is_used_up(session, kind, chosen_id, now):
        chosen_id = str(uuid.uuid5(_NAMES, chosen_id))
    return chosen_id


def _is_used_up(session: Session, kind: type[Kind], chosen_id: str, now: datetime) -> bool:
    known = session.get(kind, chosen_id)
    if known is not None:
        return known.created_at <= now - KEEP
    if kind is Book:
        return False
    return session.scalar(select(Job.id).where(Job.image_id == chosen_id).limit(1)) is not None


def finish(res: Resources, claim: Claim, answer: Answer) -> None:
    """Keep the answer for repeats."""
    with res.database.session() as session:
        session.execute(
            update(IdempotencyKey).where(*_is(claim)).values(status=answer.status, body=answer.body)
        )


def give_back(res: Resources, claim: Claim) -> None:
    """Nothing was created: the key is free again."""
    with res.database.session() as session:
        session.execute(delete(IdempotencyKey).where(*_is(claim), IdempotencyKey.status.is_(None)))


def forget_old(res: Resources) -> int:
    """Delete keys after their day; how many."""
    with res.database.session() as session:
        gone = session.scalars(
            delete(IdempotencyKey)
            .where(IdempotencyKey.claimed_at <= res.clock() - KEEP)
            .returning(IdempotencyKey.key)
        ).all()
    return len(gone)


def _is(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (IdempotencyKey.caller == claim.caller, IdempotencyKey.key == claim.key)
