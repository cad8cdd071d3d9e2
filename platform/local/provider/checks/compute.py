"""Lambda."""

from collections.abc import Iterator

from local.provider.checks.limits import Api, Limits
from local.provider.checks.rules import (
    AtMost,
    Between,
    ExactlyOne,
    Exclusive,
    Matches,
    Needs,
    Refused,
    given,
    known,
    number,
)
from local.provider.values import Properties, Unknown

_IMAGE = r"\d{12}\.dkr[.-]ecr\.[a-z0-9.-]+/[a-z0-9][a-z0-9._/-]*(@sha256:[0-9a-f]{64}|:[\w][\w.-]{0,127})"
_SQS_BATCH = 10
"""Messages in a batch without a window ("Using Lambda with Amazon SQS")."""


def _package(inputs: Properties) -> Iterator[Refused]:
    # "CreateFunction": an image says what an archive's function is told.
    kind = inputs.get("packageType", "Zip")
    if isinstance(kind, Unknown):
        return
    if (kind == "Image") != (inputs.get("imageUri") is not None):
        yield Refused("packageType", kind, "fits 'Image' with imageUri, 'Zip' without: change one of both")
    elif kind == "Image":
        for key in given(inputs, ("handler", "runtime", "layers")):
            yield Refused(key, None, "has no place with packageType 'Image': remove it, the image says it")
    else:
        for key in ("handler", "runtime"):
            if inputs.get(key) is None:
                yield Refused(key, None, "is missing: an archive needs it")
        for key in given(inputs, ("imageConfig",)):
            yield Refused(key, None, "belongs to packageType 'Image': remove it")


def _log_levels(inputs: Properties) -> Iterator[Refused]:
    # "Configuring JSON and plain text log formats": only JSON has levels.
    for _, logFormat in known(inputs, "loggingConfig.logFormat"):  # noqa: N806 - the property's name
        for key in ("applicationLogLevel", "systemLogLevel"):
            for path, value in known(inputs, f"loggingConfig.{key}"):
                if logFormat == "Text":
                    yield Refused(path, value, "needs logFormat 'JSON': remove it, or change the format")


def _batches(inputs: Properties) -> Iterator[Refused]:
    source, batch = inputs.get("eventSourceArn"), number(inputs.get("batchSize"))
    window = number(inputs.get("maximumBatchingWindowInSeconds") or 0)
    if not isinstance(source, str) or ":sqs:" not in source:
        return
    if source.endswith(".fifo") and (window or (batch or 0) > _SQS_BATCH):
        yield Refused("batchSize", batch, "is too large for a FIFO queue: use up to 10, and no window")
    elif batch is not None and batch > _SQS_BATCH and window == 0:
        yield Refused(
            "batchSize",
            batch,
            "needs maximumBatchingWindowInSeconds of 1 or more: use one, or up to 10 messages",
        )
    for key in given(inputs, ("startingPosition", "parallelizationFactor", "tumblingWindowInSeconds")):
        yield Refused(key, None, "means streams, and the source is a queue: remove it")


LIMITS = {
    "aws:lambda/function:Function": Limits(
        Api(
            "lambda",
            "CreateFunction",
            {
                "name": "FunctionName",
                "imageUri": "Code.ImageUri",
                "s3Bucket": "Code.S3Bucket",
                "s3Key": "Code.S3Key",
                "imageConfig.commands": "ImageConfig.Command",
                "imageConfig.entryPoints": "ImageConfig.EntryPoint",
                "fileSystemConfig": "FileSystemConfigs",
            },
        ),
        rules=(
            ExactlyOne(("imageUri", "code", "s3Bucket")),
            Exclusive(("imageUri", "s3ObjectVersion")),
            Exclusive(("imageUri", "sourceKmsKeyArn")),
            Needs("s3Key", ("s3Bucket",)),
            AtMost("layers", 5),
            # The model's own ranges are those of managed instances; these are "Lambda quotas".
            Between("timeout", 1, 900, "seconds"),
            Between("memorySize", 128, 10_240, "MB"),
            Between("ephemeralStorage.size", 512, 10_240, "MB"),
            Between("reservedConcurrentExecutions", -1, 100_000),
            Matches("name", r"[\w-]{1,64}", "1 to 64 letters, digits, - and _"),
            Matches("imageUri", _IMAGE, "an image in ECR with its digest or tag"),
            _package,
            _log_levels,
        ),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Limits(
        Api("lambda", "CreateEventSourceMapping"),
        rules=(ExactlyOne(("eventSourceArn", "selfManagedEventSource")), _batches),
    ),
    "aws:lambda/permission:Permission": Limits(
        Api("lambda", "AddPermission", {"function": "FunctionName"}),
        rules=(Exclusive(("statementId", "statementIdPrefix")),),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Limits(
        Api("lambda", "PutFunctionEventInvokeConfig")
    ),
}
