"""Functions: exactly the code that was tested, told everything it needs, and no secret in the open."""

import re
from collections.abc import Iterator

from rules.guess import names_a_secret
from rules.model import Area, Level, Resource, Severity, Stack, names
from rules.settings import Parameters
from rules.types import EVENT_SOURCE, FUNCTION, LOG_GROUP, RANDOM_PASSWORD

area = Area("functions")

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_PLACEHOLDER_IMAGE = re.compile(
    r"placeholder|hello-?world|dummy|example|public\.ecr\.aws/lambda/|amazon/aws-lambda", re.IGNORECASE
)
_NO_DIGEST = re.compile(r"@sha256:(.)\1{63}$")
_SQS_BATCH = 10
"""AWS's default batch size for queues."""


@area.resource(
    "function-image-digest",
    FUNCTION,
    severity=Severity.CRITICAL,
    summary="A function's image is named by digest",
    why="A tag can be moved: what runs would not be what was tested, and an update would not see the change.",
    remedy="Set the worker's image digest in the stack's configuration (pushing the image prints it).",
)
def function_image_digest(function: Resource, _parameters: Parameters) -> Iterator[str]:
    uri = function.inputs.text("imageUri")
    if uri is not None and not _DIGEST.search(uri):
        yield "`imageUri` does not end in @sha256: and 64 hexadecimal digits."
    if uri is None and function.inputs.text("packageType") == "Image":
        yield "`imageUri` is not set."


@area.resource(
    "function-no-placeholder",
    FUNCTION,
    severity=Severity.CRITICAL,
    summary="A function never runs placeholder code",
    why="A placeholder takes messages off the queue and does nothing with them.",
    remedy="Leave the function out until its image is there (`awaiting_first_image: true`).",
)
def function_no_placeholder(function: Resource, parameters: Parameters) -> Iterator[str]:
    for name in ("imageUri", "s3Key", "handler"):
        text = function.inputs.text(name)
        if text is not None and _PLACEHOLDER_IMAGE.search(text):
            yield f"`{name}` names a placeholder."
    if function.inputs.has("code"):
        yield "`code` comes from the program's own files: nobody built or tested it."
    if parameters.image_pulled and _NO_DIGEST.search(function.inputs.text("imageUri") or ""):
        yield "`imageUri` has a digest that no image has."


@area.resource(
    "function-environment-empty",
    FUNCTION,
    severity=Severity.CRITICAL,
    summary="No environment variable is empty",
    why="An empty address or key is found out by the first user, not by the deployment.",
    remedy="Set the variable, or leave it out where the code has a default.",
)
def function_environment_empty(function: Resource, parameters: Parameters) -> Iterator[str]:
    for name, value in function.inputs.mapping("environment.variables").items():
        if name in parameters.may_be_empty:
            continue
        if value is None or (isinstance(value, str) and not value.strip()):
            yield f"`environment.variables.{name}` is empty."


@area.resource(
    "function-environment-secret",
    FUNCTION,
    severity=Severity.CRITICAL,
    summary="No environment variable holds a secret",
    why=(
        "Environment variables are shown in the console and copied into logs; a rotated secret stays old in"
        " them."
    ),
    remedy="Pass the secret's ARN (a name ending in _ARN) and read the secret when it is needed.",
)
def function_environment_secret(function: Resource, _parameters: Parameters) -> Iterator[str]:
    for name in function.inputs.mapping("environment.variables"):
        if names_a_secret(name):
            yield f"`environment.variables.{name}` is named like a secret."


@area.stack(
    "function-environment-generated",
    FUNCTION,
    severity=Severity.CRITICAL,
    summary="No environment variable is computed from a generated password",
    why=(
        "Whatever its name, such a variable is the password: everybody who may look at the function reads it,"
        " and it stays the old one after a rotation."
    ),
    remedy="Put the password into a secret, pass its ARN, and read the secret when it is needed.",
)
def function_environment_generated(
    function: Resource, stack: Stack, _parameters: Parameters
) -> Iterator[str]:
    made = [one for one in stack.sources(function, "environment") if one.type == RANDOM_PASSWORD]
    if made:
        yield f"`environment` is computed from the generated password {names(made)}."


@area.resource(
    "mapping-partial-failures",
    EVENT_SOURCE,
    severity=Severity.CRITICAL,
    summary="A batch's good messages are not sent back with its bad one",
    why=(
        "Without partial failures one bad message makes the whole batch come back, until all of it lies in"
        " the DLQ."
    ),
    remedy="Set function_response_types=['ReportBatchItemFailures'].",
)
def mapping_partial_failures(mapping: Resource, _parameters: Parameters) -> Iterator[str]:
    batch = mapping.inputs.number("batchSize")
    if (_SQS_BATCH if batch is None else batch) <= 1:
        return
    if "ReportBatchItemFailures" not in mapping.inputs.texts("functionResponseTypes"):
        yield "`functionResponseTypes` lacks ReportBatchItemFailures, and a batch has several messages."


@area.resource(
    "mapping-concurrency",
    EVENT_SOURCE,
    severity=Severity.LOW,
    summary="A queue cannot use up the account's concurrency",
    why="A flood of messages would throttle every other function.",
    remedy="Set scaling_config.maximum_concurrency.",
    level=Level.ADVISORY,
)
def mapping_concurrency(mapping: Resource, _parameters: Parameters) -> Iterator[str]:
    if not mapping.inputs.has("scalingConfig.maximumConcurrency"):
        yield "`scalingConfig.maximumConcurrency` is not set."


@area.resource(
    "log-retention",
    LOG_GROUP,
    severity=Severity.MEDIUM,
    summary="Logs are kept for a stated time",
    why="A log group without retention is kept, and paid for, for ever.",
    remedy="Set retention_in_days.",
)
def log_retention(group: Resource, _parameters: Parameters) -> Iterator[str]:
    if not group.inputs.number("retentionInDays"):
        yield "`retentionInDays` is not set."


@area.stack(
    "function-log-group",
    FUNCTION,
    severity=Severity.MEDIUM,
    summary="A function's log group is made by the program",
    why="Lambda makes a missing one by itself, and that one is kept, and paid for, for ever.",
    remedy="Make a LogGroup with a retention, and name it in logging_config or by /aws/lambda/FUNCTION.",
)
def function_log_group(function: Resource, stack: Stack, _parameters: Parameters) -> Iterator[str]:
    wanted = {f"/aws/lambda/{_known_text(function, 'name') or function.name}"}
    named = _known_text(function, "loggingConfig.logGroup")
    wanted |= {named} if named else set()
    groups = list(stack.of(LOG_GROUP))
    computed = stack.sources(function, "loggingConfig")
    if not any(group in computed or _known_text(group, "name") in wanted for group in groups):
        yield "No LogGroup of the program is its own."


def _known_text(resource: Resource, path: str) -> str | None:
    value = resource.inputs.raw(path) if resource.inputs.is_known(path) else None
    return value if isinstance(value, str) else None


@area.resource(
    "function-tracing",
    FUNCTION,
    severity=Severity.LOW,
    summary="A function's calls are traced",
    why="Without traces nobody sees where the time of a slow request goes.",
    remedy="Set tracing_config.mode to Active, and allow xray:PutTraceSegments and PutTelemetryRecords.",
    level=Level.OFF,
)
def function_tracing(function: Resource, _parameters: Parameters) -> Iterator[str]:
    if function.inputs.text("tracingConfig.mode") != "Active":
        yield "`tracingConfig.mode` is not Active."
