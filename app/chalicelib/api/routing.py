"""The one way to declare a route: authentication, role, validation, limits, audit, error shape and
documentation come with it.

A view's parameters say what it takes: those named in the path are strings, `body` and `query` are pydantic
models, `call` is the `Call`. What it returns is a pydantic model, or a Chalice `Response` for a page.
"""

import inspect
from collections.abc import Callable
from typing import Final, TypeVar, get_type_hints

from chalice.app import Blueprint, Request, Response
from pydantic import BaseModel

from chalicelib.api.answering import answer
from chalicelib.api.operation import Call, Operation
from chalicelib.faults import FaultCode
from chalicelib.security import Role

__all__ = ["OPERATIONS", "Call", "Routes"]

View = TypeVar("View", bound=Callable[..., BaseModel | Response])

OPERATIONS: Final[list[Operation]] = []
"""Every JSON route, in the order of declaration."""


class Routes:
    """Declares the routes of one blueprint, which are one group (`tag`) in the documentation."""

    def __init__(self, blueprint: Blueprint, tag: str) -> None:
        self._blueprint = blueprint
        self._tag = tag

    def route(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        status: int = 200,
        status_of: Callable[[BaseModel], int] | None = None,
        role: Role | None = None,
        public: bool = False,
        creates: bool = False,
        renews: bool = False,
        names_book: str | None = None,
        etag: bool = False,
        binary_body: tuple[str, ...] = (),
        faults: tuple[FaultCode, ...] = (),
        page: Callable[[Request], Response] | None = None,
    ) -> Callable[[View], View]:
        """Declare a view.

        Looking takes a viewer and changing an editor, unless `role` says more or the route is `public`. A
        route that `creates` takes an `Idempotency-Key`; where it `renews`, a repeat gets an answer of its own
        about the same thing, else the first one's. `names_book` is the field of the answer with the book's
        id, for the audit log. A route with an `etag` answers 304 to who has the answer already. `status_of`
        chooses the status by the reply; `page` answers browsers instead.
        """
        usual = Role.VIEWER if method == "GET" else Role.EDITOR

        def declare(view: View) -> View:
            hints = get_type_hints(view)
            returned = hints.get("return")
            operation = Operation(
                method=method,
                path=path,
                view=view,
                summary=summary,
                description=inspect.getdoc(view) or "",
                tag=self._tag,
                status=status,
                role=None if public else role or usual,
                creates=creates,
                renews=renews,
                names_book=names_book,
                etag=etag,
                body=hints.get("body"),
                binary_body=binary_body,
                query=hints.get("query"),
                reply=returned if isinstance(returned, type) and issubclass(returned, BaseModel) else None,
                faults=faults,
                status_of=status_of,
                page=page,
                wants_call="call" in hints,
            )
            OPERATIONS.append(operation)

            def chalice_view(**path_params: str) -> Response:
                return answer(operation, self._blueprint.current_request, path_params)

            # content_types=[] leaves the check to `answering`, which answers in our shape.
            name = f"{method.lower()}_{getattr(view, '__name__', 'view')}"
            self._blueprint.route(path, methods=[method], content_types=[], name=name)(chalice_view)
            return view

        return declare
