"""The faults a caller can meet, named once; `api.errors` gives each its HTTP status."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import JsonValue

from workers.contracts import Problem


class FaultCode(StrEnum):
    """The `code` of an error answer. Part of the API: renaming one breaks callers."""

    INVALID_REQUEST = "invalid_request"
    """The request does not fit its schema; `details` name each field. Correct it."""
    UNAUTHORIZED = "unauthorized"
    """No API key or token, or one that is not valid."""
    FORBIDDEN = "forbidden"
    """The caller's role is too low; `bmx people role` changes a person's."""
    NOT_FOUND = "not_found"
    """There is no such book, image, job, worker or path."""
    LISTING_NOT_FOUND = "listing_not_found"
    """No photos lie in the listing's folder. Put them there, then call again."""
    METHOD_NOT_ALLOWED = "method_not_allowed"
    """The path has no such method."""
    CONFLICT = "conflict"
    """What it is about is in no state for it, or has changed meanwhile; the message says what to do."""
    JOB_NOT_RETRYABLE = "job_not_retryable"
    """The job is on its way, or ended for good."""
    IMPORT_IN_PROGRESS = "import_in_progress"
    """Another call imports this listing. Call again for its book."""
    UPLOAD_MISSING = "upload_missing"
    """Nothing lies where the form puts it. Post the file, then call again."""
    TOO_MANY_IMAGES = "too_many_images"
    """The book would have more images than one may. Make another book."""
    PAYLOAD_TOO_LARGE = "payload_too_large"
    """The body is larger than the route takes; `details` name the limit."""
    IDEMPOTENCY_IN_PROGRESS = "idempotency_in_progress"
    """The first call under this key still runs. Call again after `Retry-After`."""
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    """The key was used for another request. Take a new one for each creation."""
    RATE_LIMITED = "rate_limited"
    """Too many calls within a minute. Wait for `Retry-After`."""
    UNKNOWN_MODEL = "unknown_model"
    """The worker's image does not hold the model; `details` name those that it holds."""
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    """The content is no JPEG, PNG or WebP, or the body is no JSON."""
    MISCONFIGURED = "misconfigured"
    """The deployment lacks something that every call needs, as the API key. Tell its operator."""
    UNAVAILABLE = "unavailable"
    """The database or an AWS service does not answer. Call again in a moment."""
    INTERNAL_ERROR = "internal_error"
    """Something unforeseen; it is in the log under `request_id`."""


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
