"""The faults a caller can meet, named once; `api.errors` gives each its HTTP status."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import JsonValue

from workers.contracts import Problem


class FaultCode(StrEnum):
    """The `code` of an error answer. Part of the API: renaming one breaks callers."""

    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    LISTING_NOT_FOUND = "listing_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    JOB_NOT_RETRYABLE = "job_not_retryable"
    IMPORT_IN_PROGRESS = "import_in_progress"
    UPLOAD_MISSING = "upload_missing"
    TOO_MANY_IMAGES = "too_many_images"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    IDEMPOTENCY_IN_PROGRESS = "idempotency_in_progress"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    RATE_LIMITED = "rate_limited"
    UNKNOWN_MODEL = "unknown_model"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    MISCONFIGURED = "misconfigured"
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal_error"


class Fault(Problem):
    """A known fault with a code for programs and a sentence for people."""

    def __init__(
        self,
        code: FaultCode,
        what: str,
        *,
        why: str = "",
        fix: str = "",
        details: Mapping[str, JsonValue] | None = None,
    ) -> None:
        super().__init__(what, why=why, fix=fix)
        self.code = code
        self.details = dict(details or {})


class MisconfiguredError(Fault):
    """The deployment lacks something that every call needs."""

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(FaultCode.MISCONFIGURED, what, why=why, fix=fix)


class NotFoundError(Fault):
    """No such book, image or job."""

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__(
            FaultCode.NOT_FOUND,
            f"There is no {kind} {identifier!r}.",
            details={"kind": kind, "id": identifier},
        )
