"""One call from its request to its answer, the same way for every route."""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from chalice.app import Request, Response
from pydantic import BaseModel, ValidationError

from chalicelib import resources
from chalicelib.api import errors, etags
from chalicelib.api.operation import Call, Operation
from chalicelib.faults import Fault, FaultCode
from chalicelib.ids import is_id
from chalicelib.resources import Resources
from chalicelib.security import Principal, authenticate
from chalicelib.services import audit, idempotency
from chalicelib.services.audit import Outcome
from chalicelib.services.idempotency import Answer, Claim

logger = logging.getLogger(__name__)

MAX_JSON_BYTES: Final = 64 * 1024
"""What a JSON body may hold; the largest that means something is an order of a thousand images."""

IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")

SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Strict-Transport-Security": "max-age=31536000",
    "Vary": "Accept",
}
"""On every answer. No `Access-Control-Allow-Origin`: pages of other origins cannot use the API."""

NO_PAGE = "default-src 'none'; frame-ancestors 'none'"


def answer(operation: Operation, request: Request, path_params: Mapping[str, str]) -> Response:
    """Authenticate, check, call the view, and shape whatever comes of it."""
    request_id = errors.request_id_of(request)
    try:
        response = _respond(operation, request, path_params, request_id)
    except Exception as error:  # noqa: BLE001 - every error gets the one shape; `as_fault` logs the unforeseen
        response = errors.reply(errors.as_fault(error), request_id)
    headers = {**SECURITY_HEADERS, "Content-Security-Policy": NO_PAGE, "X-Request-Id": request_id}
    response.headers = {**headers, **response.headers}
    return response


def _respond(
    operation: Operation, request: Request, path_params: Mapping[str, str], request_id: str
) -> Response:
    if operation.page is not None and wants_page(request):
        return operation.page(request)
    res = resources.current()
    principal = None
    if operation.role is not None:
        principal = authenticate(request.headers, res)
        principal.require(operation.role)
        res.rates.count(principal.caller)
    body = _raw_body(request)
    try:
        parsed = _parse(operation, request, body)
    except ValidationError as error:
        # Here alone it is the caller's: elsewhere a row could not be read.
        raise errors.invalid(error) from None
    claim = _claim(operation, request, path_params, principal, body)
    call = Call(request_id, principal, body, request.headers, claim.chosen_id if claim else None)
    arguments: dict[str, Any] = {**path_params, **parsed}
    if operation.wants_call:
        arguments["call"] = call
    if principal is None or not operation.changes:
        result = operation.view(**arguments)
        return result if isinstance(result, Response) else _json(operation, request, result)
    entry = audit.begin(
        res,
        principal,
        operation.name,
        _parameters(path_params, parsed),
        book_id=_book_id(path_params, parsed),
        request_id=request_id,
    )
    outcome = Outcome(500)
    try:
        given, replayed = _once(res, operation, claim, arguments)
        outcome = Outcome(given.status, replayed=replayed, book_id=_book_of(operation, given))
    except Exception as error:
        fault = errors.as_fault(error)
        outcome = Outcome(errors.STATUS[fault.code], code=fault.code)
        raise fault from error
    finally:
        _complete(res, entry, outcome)
    return _response(given, {REPLAYED_HEADER: "true"} if replayed else {})


def wants_page(request: Request) -> bool:
    """Whether a browser asks for a page: it names HTML first, a script asks for JSON."""
    return str(request.headers.get("accept", "")).lower().startswith("text/html")


def _once(
    res: Resources, operation: Operation, claim: Claim | None, arguments: Mapping[str, Any]
) -> tuple[Answer, bool]:
    """The view's answer, or the one that it gave under the same key; whether it is that one."""
    if claim is None:
        return _run(operation, arguments), False
    known = idempotency.begin(res, claim)
    if known is not None:
        return (_run(operation, arguments) if operation.renews else known), True
    try:
        given = _run(operation, arguments)
    except Exception:
        # Refused: nothing was made, or what was made is found by the next try.
        idempotency.give_back(res, claim)
        raise
    idempotency.finish(res, claim, given)
    return given, False


def _run(operation: Operation, arguments: Mapping[str, Any]) -> Answer:
    result: BaseModel = operation.view(**arguments)
    status = operation.status_of(result) if operation.status_of else operation.status
    return Answer(status, result.model_dump_json())


def _json(operation: Operation, request: Request, result: BaseModel) -> Response:
    status = operation.status_of(result) if operation.status_of else operation.status
    if not operation.etag:
        return _response(Answer(status, result.model_dump_json()))
    tag = etags.tag_of(result, resources.current().clock())
    # A private cache may keep it, and has to ask each time whether it still holds.
    headers: dict[str, str | list[str]] = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if etags.matches(request.headers.get("if-none-match", ""), tag):
        return Response("", status_code=304, headers=headers)
    return _response(Answer(status, result.model_dump_json()), headers)


def _response(given: Answer, headers: Mapping[str, str | list[str]] | None = None) -> Response:
    sent = {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})}
    return Response(given.body, status_code=given.status, headers=sent)


def _parse(operation: Operation, request: Request, body: bytes) -> dict[str, BaseModel]:
    parsed: dict[str, BaseModel] = {}
    content_type = str(request.headers.get("content-type", "")).split(";")[0].strip().lower()
    if operation.query is not None:
        parsed["query"] = operation.query.model_validate(dict(request.query_params or {}))
    if operation.binary_body:
        if content_type not in operation.binary_body:
            raise Fault(
                FaultCode.UNSUPPORTED_MEDIA_TYPE,
                f"The body is {content_type or 'of no type'}.",
                fix=f"Send one of {', '.join(operation.binary_body)}.",
                details={"supported": list(operation.binary_body)},
            )
    elif len(body) > MAX_JSON_BYTES:
        raise Fault(
            FaultCode.PAYLOAD_TOO_LARGE,
            f"The body has {len(body):,} bytes.",
            why=f"A JSON body may have {MAX_JSON_BYTES:,}.",
            details={"limit": MAX_JSON_BYTES},
        )
    if operation.body is not None:
        if content_type not in ("application/json", ""):
            raise Fault(
                FaultCode.UNSUPPORTED_MEDIA_TYPE,
                f"The body is {content_type}.",
                fix="Send application/json.",
            )
        parsed["body"] = operation.body.model_validate_json(body or b"{}")
    return parsed


def _claim(
    operation: Operation,
    request: Request,
    path_params: Mapping[str, str],
    principal: Principal | None,
    body: bytes,
) -> Claim | None:
    key = str(request.headers.get(IDEMPOTENCY_HEADER.lower(), ""))
    if not key or not operation.creates or principal is None:
        return None
    if not _KEY.fullmatch(key):
        raise Fault(
            FaultCode.INVALID_REQUEST,
            f"The {IDEMPOTENCY_HEADER} is not valid.",
            why="It may have 1 to 255 visible ASCII characters.",
            fix="Use a UUID.",
        )
    path = operation.path.format(**path_params)
    return Claim(principal.caller, key, idempotency.fingerprint(operation.method, path, body))


def _parameters(path_params: Mapping[str, str], parsed: Mapping[str, BaseModel]) -> dict[str, Any]:
    """What was asked for, as the audit log keeps it; no route takes a secret."""
    found: dict[str, Any] = {name: value[:200] for name, value in path_params.items()}
    for model in parsed.values():
        found |= model.model_dump(mode="json", exclude_none=True)
    return {name: _storable(value) for name, value in found.items()}


def _storable(value: Any) -> Any:
    """JSON as PostgreSQL can hold it, which is without the character NUL."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return value


def _book_id(path_params: Mapping[str, str], parsed: Mapping[str, BaseModel]) -> str | None:
    """The book that a call is about, where path or body names it."""
    book_id = path_params.get("book_id") or getattr(parsed.get("body"), "book_id", None) or ""
    return book_id if is_id(book_id) else None


def _book_of(operation: Operation, given: Answer) -> str | None:
    """The book that a call was about, where its answer names it."""
    return json.loads(given.body).get(operation.names_book) if operation.names_book else None


def _complete(res: Resources, entry: str, outcome: Outcome) -> None:
    """What is done is done: an entry that stays without its outcome is no reason to answer by an error."""
    try:
        audit.end(res, entry, outcome)
    except Fault as fault:
        logger.warning("The audit entry %s stays without its outcome: %s", entry, fault)


def _raw_body(request: Request) -> bytes:
    raw = request.raw_body
    return raw.encode() if isinstance(raw, str) else bytes(raw)
