"""The worker's reads and writes in S3: one exact source, outputs under keys that follow from it."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.contracts import ErrorCode, ImageJob, Outputs, Problem, S3Object, StoredImage
from workers.image_processor.cutout.decode import MAX_BYTES, too_many_bytes
from workers.image_processor.cutout.encode import EncodedImage
from workers.image_processor.cutout.errors import ImageFaultError
from workers.image_processor.cutout.pipeline import VERSION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from workers.image_processor.cutout import Cutout

_CACHE_CONTROL = "private, max-age=31536000, immutable"
"""A key names its source's ETag, its recipe and the code's version: what lies under it never changes."""


class SourceChangedError(Problem):
    """The source has another ETag than the job names: a newer job is or will be on its way."""


@dataclass(frozen=True)
class Storage:
    """S3 as the worker uses it. Faults that can pass are botocore's own exceptions."""

    client: "S3Client"

    def read(self, source: S3Object) -> bytes:
        """The bytes of exactly this version of the object.

        Raises `SourceChangedError` for another ETag, `ImageFaultError` (source_missing, source_too_large,
        invalid_job), or botocore's exception for anything that another try may cure.
        """
        from botocore.exceptions import ClientError, ParamValidationError

        try:
            answer = self.client.get_object(Bucket=source.bucket, Key=source.key, IfMatch=f'"{source.etag}"')
        except ParamValidationError as error:
            raise ImageFaultError(
                ErrorCode.INVALID_JOB, f"{source.bucket!r} and {source.key!r} can name no object in S3."
            ) from error
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in ("PreconditionFailed", "412"):
                raise SourceChangedError("The photo was replaced after this job was made.") from error
            if code in ("NoSuchKey", "404", "NotFound"):
                raise ImageFaultError(
                    ErrorCode.SOURCE_MISSING, f"There is no photo at {source.key}.", fix="Upload it again."
                ) from error
            raise
        with answer["Body"] as body:
            if answer["ContentLength"] > MAX_BYTES:
                raise too_many_bytes(answer["ContentLength"])
            return bytes(body.read())

    def write(self, job: ImageJob, cutout: "Cutout") -> Outputs:
        """Write the outputs side by side; a repeat of the same job overwrites them with the same bytes."""
        folder, images = output_folder(job), {name: getattr(cutout, name) for name in Outputs.model_fields}
        with ThreadPoolExecutor(len(images)) as threads:
            put = {
                name: threads.submit(self._put, job.source.bucket, f"{folder}{name}", image)
                for name, image in images.items()
            }
        return Outputs(**{name: done.result() for name, done in put.items()})

    def _put(self, bucket: str, stem: str, image: EncodedImage) -> StoredImage:
        key = f"{stem}.{image.format}"
        self.client.put_object(
            Bucket=bucket,
            Key=key,
            Body=image.content,
            ContentType=image.content_type,
            CacheControl=_CACHE_CONTROL,
        )
        return StoredImage(
            key=key,
            content_type=image.content_type,
            width=image.width,
            height=image.height,
            bytes=len(image.content),
            sha256=image.sha256,
        )


def output_folder(job: ImageJob) -> str:
    """Where a job's outputs lie: equal for equal source bytes, recipe and code, different otherwise; ends in
    a slash.
    """
    etag = hashlib.sha256(job.source.etag.encode()).hexdigest()[:16]
    return f"{job.destination_prefix}{etag}-{job.recipe.name}-{VERSION}/"
