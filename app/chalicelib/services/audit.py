"""Who did what. An entry is committed before the change it is about and completed with the outcome, so that
nothing is changed without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, select, update

from chalicelib.db.records import AuditEntry
from chalicelib.ids import new_id
from chalicelib.resources import Resources
from chalicelib.security import Principal

KEEP: Final = timedelta(days=400)


@dataclass(frozen=True)
class Search:
    """What a list of entries is narrowed down to."""

    actor: str | None = None
    action: str | None = None
    book_id: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How a change ended; `book_id` is the book that it turned out to be about."""

    status: int
    code: str | None = None
    replayed: bool = False
    book_id: str | None = None


def begin(
    res: Resources,
    principal: Principal,
    action: str,
    parameters: Mapping[str, Any],
    *,
    book_id: str | None,
    request_id: str,
) -> str:
    """Write that somebody is about to do something; the entry's id."""
    entry_id = new_id()
    with res.database.session() as session:
        session.add(
            AuditEntry(
                id=entry_id,
                at=res.clock(),
                actor=principal.name,
                role=str(principal.role),
                action=action,
                book_id=book_id,
                parameters=dict(parameters),
                request_id=request_id[:200],
            )
        )
    return entry_id


def end(res: Resources, entry_id: str, outcome: Outcome) -> None:
    """Write how it ended."""
    ended = {"status": outcome.status, "code": outcome.code, "replayed": outcome.replayed}
    if outcome.book_id is not None:
        ended["book_id"] = outcome.book_id
    with res.database.session() as session:
        session.execute(update(AuditEntry).where(AuditEntry.id == entry_id).values(**ended))


def page(res: Resources, search: Search, *, before: str | None, limit: int) -> list[AuditEntry]:
    """Entries, newest first, one more than `limit` where there are more."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit + 1)
    if search.actor is not None:
        query = query.where(AuditEntry.actor == search.actor)
    if search.action is not None:
        query = query.where(AuditEntry.action == search.action)
    if search.book_id is not None:
        query = query.where(AuditEntry.book_id == search.book_id)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    with res.database.session() as session:
        return list(session.scalars(query))


def forget_old(res: Resources) -> int:
    """Delete entries after their time; how many."""
    with res.database.session() as session:
        gone = session.scalars(
            delete(AuditEntry).where(AuditEntry.at <= res.clock() - KEEP).returning(AuditEntry.id)
        ).all()
    return len(gone)
