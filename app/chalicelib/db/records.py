"""The tables beside the books: what is to be deleted, what was asked already, who did what, who calls how
often.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Index, Integer, String, Text, Uuid, func, text
from sqlalchemy.orm import Mapped, mapped_column

from chalicelib.db.models import Base


class ObjectDeletion(Base):
    """Objects of the images bucket that nobody owns any more: the outbox of deletions.

    `target` is a key, or a prefix that ends in a slash. The row goes when a pass at or after `until` found
    nothing left: until then a worker or a form given out may still write there.
    """

    __tablename__ = "object_deletions"

    target: Mapped[str] = mapped_column(String(1024), primary_key=True)
    due_at: Mapped[datetime]
    until: Mapped[datetime]

    __table_args__ = (Index("object_deletions_due_idx", "due_at"),)


class IdempotencyKey(Base):
    """The answer to a call that named an `Idempotency-Key`; without a status while the call runs."""

    __tablename__ = "idempotency_keys"

    caller: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of method, path and body."""
    claimed_at: Mapped[datetime]
    status: Mapped[int | None] = mapped_column(Integer)
    body: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("idempotency_keys_claimed_at_idx", "claimed_at"),)


class AuditEntry(Base):
    """One change that somebody asked for: written before it is made, completed with its outcome."""

    __tablename__ = "audit_log"

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(100))
    """The operation's id in the OpenAPI document."""
    book_id: Mapped[str | None] = mapped_column(String(100))
    parameters: Mapped[dict[str, Any]]
    request_id: Mapped[str] = mapped_column(String(200))
    status: Mapped[int | None] = mapped_column(Integer)
    """The answer's HTTP status; None where the function ended before it answered."""
    code: Mapped[str | None] = mapped_column(String(50))
    """The fault's code, if it was refused."""
    replayed: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    """Whether the answer was one given before for the same `Idempotency-Key`."""

    __table_args__ = (
        Index("audit_log_book_id_idx", "book_id", text("id DESC")),
        Index("audit_log_actor_idx", "actor", text("id DESC")),
        Index("audit_log_at_idx", "at"),
    )


class RateWindow(Base):
    """How often a caller has called in the present minute. Unlogged: a crash of the database forgets it."""

    __tablename__ = "rate_windows"

    caller: Mapped[str] = mapped_column(String(200), primary_key=True)
    started_at: Mapped[datetime]
    calls: Mapped[int] = mapped_column(Integer)

    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012 - SQLAlchemy's own form
