"""The one way to declare a route: authentication, validation, error shape and documentation come with it.

A view's parameters say what it takes: those named in the path are strings, `body` and `query` are pydantic
models, `call` is the `Call`. What it returns is a pydantic model, or a Chalice `Response` for a page.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar, get_type_hints

from chalice.app import Blueprint, Request, Response
from pydantic import BaseModel

from chalicelib import resources
from chalicelib.api import errors
from chalicelib.faults import Fault, FaultCode
from chalicelib.security import Principal, authenticate

View = TypeVar("View", bound=Callable[..., BaseModel | Response])


@dataclass(frozen=True)
class Call:
    """What a view may want to know of the call besides its parameters."""

    request_id: str
    principal: Principal | None
    content_type: str
    raw_body: bytes
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Operation:
    """One route as it was declared; the OpenAPI document is made from these."""

    method: str
    path: str
    view: Callable[..., Any]
    summary: str
    description: str
    status: int
    secured: bool
    body: type[BaseModel] | None
    binary_body: tuple[str, ...]
    query: type[BaseModel] | None
    reply: type[BaseModel] | None
    faults: tuple[FaultCode, ...]
    status_of: Callable[[BaseModel], int] | None
    page: Callable[[Request], Response] | None


OPERATIONS: Final[list[Operation]] = []
"""Every JSON route, in the order of declaration."""


class Routes:
    """Declares the routes of one blueprint."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint

    def route(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        status: int = 200,
        status_of: Callable[[BaseModel], int] | None = None,
        secured: bool = True,
        binary_body: tuple[str, ...] = (),
        faults: tuple[FaultCode, ...] = (),
        page: Callable[[Request], Response] | None = None,
    ) -> Callable[[View], View]:
        """Declare a view. `status_of` chooses the status by the reply; `page` answers browsers instead."""

        def declare(view: View) -> View:
            hints = get_type_hints(view)
            returned = hints.get("return")
            operation = Operation(
                method=method,
                path=path,
                view=view,
                summary=summary,
                description=inspect.getdoc(view) or "",
                status=status,
                secured=secured,
                body=hints.get("body"),
                binary_body=binary_body,
                query=hints.get("query"),
                reply=returned if isinstance(returned, type) and issubclass(returned, BaseModel) else None,
                faults=faults,
                status_of=status_of,
                page=page,
            )
            OPERATIONS.append(operation)
            wants_call = "call" in hints

            def chalice_view(**path_params: str) -> Response:
                return _answer(operation, self._blueprint.current_request, path_params, wants_call)

            # content_types=[] leaves the check to `_parse`, which answers in our shape.
            name = f"{method.lower()}_{getattr(view, '__name__', 'view')}"
            self._blueprint.route(path, methods=[method], content_types=[], name=name)(chalice_view)
            return view

        return declare


def wants_page(request: Request) -> bool:
    """Whether a browser asks for a page: it names HTML first, a script asks for JSON."""
    return str(request.headers.get("accept", "")).lower().startswith("text/html")


def _answer(
    operation: Operation, request: Request, path_params: Mapping[str, str], wants_call: bool
) -> Response:
    request_id = errors.request_id_of(request)
    try:
        if operation.page is not None and wants_page(request):
            return operation.page(request)
        principal = authenticate(request.headers, resources.current().api_keys) if operation.secured else None
        arguments: dict[str, Any] = {**path_params, **_parse(operation, request)}
        if wants_call:
            arguments["call"] = Call(
                request_id=request_id,
                principal=principal,
                content_type=_content_type(request),
                raw_body=_raw_body(request),
                query=dict(request.query_params or {}),
                headers=request.headers,
            )
        result = operation.view(**arguments)
    except Exception as error:  # noqa: BLE001 - every error gets the one shape; `as_fault` logs the unforeseen
        return _finish(errors.reply(errors.as_fault(error), request_id), request_id)
    if isinstance(result, BaseModel):
        status = operation.status_of(result) if operation.status_of else operation.status
        result = Response(
            result.model_dump_json(),
            status_code=status,
            headers={"Content-Type": "application/json", "Cache-Control": "no-store"},
        )
    return _finish(result, request_id)


def _parse(operation: Operation, request: Request) -> dict[str, BaseModel]:
    parsed: dict[str, BaseModel] = {}
    if operation.query is not None:
        parsed["query"] = operation.query.model_validate(dict(request.query_params or {}))
    if operation.body is not None:
        content_type = _content_type(request)
        if content_type not in ("application/json", ""):
            raise Fault(
                FaultCode.UNSUPPORTED_MEDIA_TYPE,
                f"The body is {content_type}.",
                fix="Send application/json.",
            )
        parsed["body"] = operation.body.model_validate_json(_raw_body(request) or b"{}")
    if operation.binary_body and _content_type(request) not in operation.binary_body:
        raise Fault(
            FaultCode.UNSUPPORTED_MEDIA_TYPE,
            f"The body is {_content_type(request) or 'of no type'}.",
            fix=f"Send one of {', '.join(operation.binary_body)}.",
            details={"supported": list(operation.binary_body)},
        )
    return parsed


def _content_type(request: Request) -> str:
    return str(request.headers.get("content-type", "")).split(";")[0].strip().lower()


def _raw_body(request: Request) -> bytes:
    raw = request.raw_body
    return raw.encode() if isinstance(raw, str) else bytes(raw)


def _finish(response: Response, request_id: str) -> Response:
    response.headers.update(
        {
            "X-Request-Id": request_id,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept",
        }
    )
    return response
