"""The messages between the application and the image worker, version 1.

A job names its source by ETag and its destination by prefix; a result names what was written. Unknown
versions are refused (`UnsupportedVersionError`) so that a newer sender never has its message half understood.
"""

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from workers.contracts.problem import Problem

MESSAGE_VERSION = 1


class UnsupportedVersionError(Problem):
    """A message of a version that this code does not speak."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class S3Object(_Model):
    """One exact object: the same bucket, key and ETag are the same bytes."""

    bucket: str = Field(min_length=3)
    key: str = Field(min_length=1)
    etag: str = Field(pattern=r"^[!#-~]+$", description="Without quotes, as `head_object` gives it.")


class HeldModel(_Model):
    """A model in one precision, which a worker holds."""

    model: str = Field(pattern=r"^[a-z0-9_.-]{1,40}$")
    precision: Literal["int8", "fp32"]

    def __str__(self) -> str:
        """As people write it: `u2net:int8`."""
        return f"{self.model}:{self.precision}"


class Recipe(_Model):
    """How an image is to be cut out. Equal recipes over equal sources give equal bytes."""

    model: str = "u2net"
    precision: Literal["int8", "fp32"] = "int8"
    cutout_format: Literal["webp", "png"] = "webp"

    def can_be_done_with(self, models: Iterable[HeldModel]) -> bool:
        """Whether a worker that holds these can follow it."""
        return any((it.model, it.precision) == (self.model, self.precision) for it in models)

    @property
    def name(self) -> str:
        """A short stable name, part of every output key: `u2net-int8-webp`."""
        return f"{self.model}-{self.precision}-{self.cutout_format}"


class ImageJob(_Model):
    """Cut the subject out of `source` and write the outputs under `destination_prefix`."""

    version: Literal[1] = 1
    job_id: str = Field(min_length=1)
    image_id: str = Field(min_length=1)
    book_id: str = Field(min_length=1)
    source: S3Object
    destination_prefix: str = Field(pattern=r"^[^/].*/$", description="Ends in a slash, has no leading one.")
    recipe: Recipe = Recipe()


class ErrorCode(StrEnum):
    """Why a job failed. Shared by worker, API and docs."""

    SOURCE_MISSING = "source_missing"
    """The source object is gone."""
    SOURCE_CHANGED = "source_changed"
    """The source object has another ETag than the job names."""
    SOURCE_EMPTY = "source_empty"
    """The source object has no bytes."""
    SOURCE_TOO_LARGE = "source_too_large"
    """More bytes or pixels than the worker accepts."""
    NOT_AN_IMAGE = "not_an_image"
    """The bytes are no image format that the worker knows."""
    UNSUPPORTED_FORMAT = "unsupported_format"
    """An image, of a format or variant that the worker does not read."""
    CORRUPT_IMAGE = "corrupt_image"
    """The image ends early or cannot be decoded."""
    NO_SUBJECT = "no_subject"
    """Nothing in the image stands out from its background."""
    UNKNOWN_MODEL = "unknown_model"
    """The recipe names a model that this worker does not hold."""
    INVALID_JOB = "invalid_job"
    """The job itself cannot be understood, or names what cannot exist."""
    NO_RESULT = "no_result"
    """Sent as often as allowed, and no result came back."""
    COPY_FAILED = "copy_failed"
    """The photo could not be copied out of its listing."""


class ResultStatus(StrEnum):
    """How the worker ended a job."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class StoredImage(_Model):
    """One written object and what is in it."""

    key: str
    content_type: str
    width: int = Field(gt=0, description="Pixels.")
    height: int = Field(gt=0, description="Pixels.")
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Outputs(_Model):
    """`cutout` has alpha at full size; `display` and `thumbnail` lie on a plain ground."""

    cutout: StoredImage
    display: StoredImage
    thumbnail: StoredImage


class Subject(_Model):
    """What was found in the photo, in pixels of the upright source."""

    box: tuple[int, int, int, int] = Field(
        description="left, top, right, bottom; right and bottom are exclusive."
    )
    coverage: float = Field(ge=0, le=1, description="Mean alpha over the photo.")
    luminance: float = Field(ge=0, le=1, description="Alpha-weighted mean relative luminance of the subject.")


class Engine(_Model):
    """What computed the mask."""

    model: str
    precision: str
    version: str = Field(description="Version of the worker's cutout code.")


class Quality(_Model):
    """The worker's own judgement of its cutout."""

    level: Literal["good", "low"] = "good"
    reasons: tuple[str, ...] = ()


class JobError(_Model):
    """Why it failed, for a person and for code."""

    code: ErrorCode
    message: str


class ImageResult(_Model):
    """What became of a job: `outputs`, `subject` and `engine` where it succeeded, `error` otherwise."""

    version: Literal[1] = 1
    job_id: str = Field(min_length=1)
    status: ResultStatus
    outputs: Outputs | None = None
    subject: Subject | None = None
    engine: Engine | None = None
    quality: Quality | None = None
    timings_ms: dict[str, float] = {}
    error: JobError | None = None

    def model_post_init(self, _context: Any) -> None:
        """Refuse a result that says nothing: a success without outputs, a failure without its reason."""
        if self.status is ResultStatus.SUCCEEDED and self.outputs is None:
            raise ValueError("a succeeded result needs outputs")
        if self.status is ResultStatus.FAILED and self.error is None:
            raise ValueError("a failed result needs an error")


_JSON_OBJECT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def _require_version(body: str | bytes, kind: str) -> dict[str, JsonValue]:
    message = _JSON_OBJECT.validate_json(body)
    version = message.get("version")
    if version != MESSAGE_VERSION:
        raise UnsupportedVersionError(
            f"{kind} has version {version!r}.",
            why=f"This code speaks version {MESSAGE_VERSION}.",
            fix="Deploy the worker and the application of the same release.",
        )
    return message


def parse_job(body: str | bytes) -> ImageJob:
    """An `ImageJob` from a message body; raises `UnsupportedVersionError` or pydantic's `ValidationError`."""
    return ImageJob.model_validate(_require_version(body, "The image job"), strict=False)


def job_id_of(body: str | bytes) -> str | None:
    """Whom to answer when `parse_job` refuses a message of this version; None where it names no job."""
    try:
        message = json.loads(body)
    except ValueError:
        return None
    if not isinstance(message, dict) or message.get("version", MESSAGE_VERSION) != MESSAGE_VERSION:
        return None
    job_id = message.get("job_id")
    return job_id if isinstance(job_id, str) and job_id.isascii() and job_id else None


def parse_result(body: str | bytes) -> ImageResult:
    """An `ImageResult` from a message body; raises as `parse_job` does."""
    return ImageResult.model_validate(_require_version(body, "The image result"), strict=False)
