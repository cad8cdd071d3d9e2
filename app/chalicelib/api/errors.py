"""One shape for every error answer: `code`, `message`, `details`, `request_id`."""

import logging
from collections.abc import Callable
from typing import Any, Final

from chalice.app import Request, Response
from pydantic import BaseModel, Field, JsonValue, ValidationError

from chalicelib.aws import error_code, is_denied
from chalicelib.faults import Fault, FaultCode
from workers.contracts import Problem

logger = logging.getLogger(__name__)

STATUS: Final = {
    FaultCode.INVALID_REQUEST: 400,
    FaultCode.UNAUTHORIZED: 401,
    FaultCode.FORBIDDEN: 403,
    FaultCode.NOT_FOUND: 404,
    FaultCode.LISTING_NOT_FOUND: 404,
    FaultCode.METHOD_NOT_ALLOWED: 405,
    FaultCode.CONFLICT: 409,
    FaultCode.JOB_NOT_RETRYABLE: 409,
    FaultCode.IMPORT_IN_PROGRESS: 409,
    FaultCode.IDEMPOTENCY_IN_PROGRESS: 409,
    FaultCode.UPLOAD_MISSING: 409,
    FaultCode.TOO_MANY_IMAGES: 409,
    FaultCode.PAYLOAD_TOO_LARGE: 413,
    FaultCode.UNSUPPORTED_MEDIA_TYPE: 415,
    FaultCode.IDEMPOTENCY_KEY_REUSED: 422,
    FaultCode.UNKNOWN_MODEL: 422,
    FaultCode.RATE_LIMITED: 429,
    FaultCode.INTERNAL_ERROR: 500,
    FaultCode.MISCONFIGURED: 503,
    FaultCode.UNAVAILABLE: 503,
}


class ErrorOut(BaseModel):
    """An error: `code` for programs, `message` for people."""

    code: FaultCode
    message: str
    details: dict[str, JsonValue] = {}
    request_id: str = Field(description="Names this call in the logs.")


def as_fault(error: Exception) -> Fault:
    """The fault to answer with; anything unforeseen is logged with its traceback and told to nobody."""
    from botocore.exceptions import BotoCoreError, ClientError

    match error:
        case Fault():
            return error
        case Problem():
            return Fault(FaultCode.INTERNAL_ERROR, error.what, why=error.why, fix=error.fix)
        case ClientError() if is_denied(error):
            return Fault(
                FaultCode.MISCONFIGURED,
                f"The application's role lacks the permission for {error.operation_name}.",
                fix="`GET /health/deep` says which; deploy the stack's roles again.",
            )
        case ClientError() | BotoCoreError():
            logger.error("AWS failed: %s", error)
            return Fault(
                FaultCode.UNAVAILABLE,
                "A service that the application needs does not answer.",
                why=error_code(error),
                fix="Try again in a moment; `GET /health/deep` says more.",
            )
        case _:
            logger.error("Unforeseen error", exc_info=error)
            return Fault(FaultCode.INTERNAL_ERROR, "Something unforeseen went wrong; it has been logged.")


def invalid(error: ValidationError) -> Fault:
    """Which fields are wrong and why, without repeating what was sent."""
    fields: list[JsonValue] = [
        {"field": ".".join(map(str, item["loc"])), "message": item["msg"]}
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return Fault(FaultCode.INVALID_REQUEST, "The request is not valid.", details={"fields": fields})


def reply(fault: Fault, request_id: str) -> Response:
    """The error as an answer."""
    body = ErrorOut(code=fault.code, message=str(fault), details=fault.details, request_id=request_id)
    headers: dict[str, str | list[str]] = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
    }
    if fault.code is FaultCode.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in fault.details:
        headers["Retry-After"] = str(fault.details["retry_after"])
    return Response(body.model_dump(mode="json"), status_code=STATUS[fault.code], headers=headers)


def request_id_of(request: Request | None) -> str:
    context: dict[str, Any] = request.context if request is not None else {}
    return str(context.get("requestId", ""))


def shape_errors(event: Request, get_response: Callable[[Request], Response]) -> Response:
    """Middleware: gives Chalice's own error answers, such as for a wrong method, the one shape."""
    response = get_response(event)
    body = response.body
    if response.status_code >= 400 and isinstance(body, dict) and "Code" in body:
        code = {405: FaultCode.METHOD_NOT_ALLOWED, 415: FaultCode.UNSUPPORTED_MEDIA_TYPE}.get(
            response.status_code,
            FaultCode.INTERNAL_ERROR if response.status_code >= 500 else FaultCode.INVALID_REQUEST,
        )
        shaped = reply(Fault(code, str(body.get("Message", ""))), request_id_of(event))
        return Response(
            shaped.body, status_code=response.status_code, headers={**response.headers, **shaped.headers}
        )
    return response
