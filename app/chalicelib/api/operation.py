"""What a declared route is, and what a view may know of a call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalice.app import Request, Response
from pydantic import BaseModel

from chalicelib.faults import FaultCode
from chalicelib.security import Principal, Role


@dataclass(frozen=True)
class Call:
    """What a view may want to know of the call besides its parameters."""

    request_id: str
    principal: Principal | None
    raw_body: bytes
    headers: Mapping[str, str]
    chosen_id: str | None
    """The id that a create is to use: it follows from the call's `Idempotency-Key`, if it has one."""


@dataclass(frozen=True)
class Operation:
    """One route as it was declared; the OpenAPI document is made from these."""

    method: str
    path: str
    view: Callable[..., Any]
    summary: str
    description: str
    tag: str
    status: int
    role: Role | None
    """None where anybody may call."""
    creates: bool
    renews: bool
    """Whether a repeat under an `Idempotency-Key` is worked out anew, by the same id."""
    names_book: str | None
    """The field of the answer with the book that a change was about, where path and body do not tell."""
    etag: bool
    body: type[BaseModel] | None
    binary_body: tuple[str, ...]
    query: type[BaseModel] | None
    reply: type[BaseModel] | None
    faults: tuple[FaultCode, ...]
    status_of: Callable[[BaseModel], int] | None
    page: Callable[[Request], Response] | None
    wants_call: bool

    @property
    def name(self) -> str:
        """Its `operationId`, and the action in the audit log."""
        return self.view.__name__

    @property
    def changes(self) -> bool:
        """Whether a call is to be found in the audit log."""
        return self.method != "GET" and self.role is not None
