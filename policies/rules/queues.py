"""Queues: nothing is lost, nothing is read by others, nothing is delivered twice by design."""

from collections.abc import Iterator, Mapping

from rules.documents import arn_name, document, statements
from rules.model import Area, OnUnknown, Resource, Severity, Stack
from rules.settings import Parameters
from rules.types import ALARM, EVENT_SOURCE, FUNCTION, QUEUE, QUEUE_POLICY, REDRIVE_ALLOW
from rules.values import UnknownValue, Unreadable

area = Area("queues")

_DEFAULT_VISIBILITY = 30
_DEFAULT_TIMEOUT = 3
_DEFAULT_RETENTION = 4 * 24 * 3600
_DLQ_METRIC = "ApproximateNumberOfMessagesVisible"


def _name(queue: Resource) -> str:
    """The queue's name; the program's own name for it where AWS's is not given or not known yet."""
    given = queue.inputs.raw("name") if queue.inputs.is_known("name") else None
    return given if isinstance(given, str) and given else queue.name


def is_dlq(queue: Resource) -> bool:
    """Whether the queue takes what others gave up: its name ends in `-dlq`."""
    return _name(queue).removesuffix(".fifo").endswith("-dlq")


def _redrive(queue: Resource) -> Mapping[str, object]:
    return document(queue.inputs, "redrivePolicy")


def _sources(stack: Stack, dlq: Resource) -> list[Resource]:
    """The queues whose messages the queue takes."""
    return stack.once(_queues_by_dlq).get(dlq.urn, [])


def _queues_by_dlq(stack: Stack) -> dict[str, list[Resource]]:
    """The queues by their DLQ: by what the redrive policy is computed from, or by the ARN written in it."""
    named = {_name(queue): queue for queue in stack.of(QUEUE)}
    found: dict[str, list[Resource]] = {}
    for queue in stack.of(QUEUE):
        dlqs = [source for source in stack.sources(queue, "redrivePolicy") if source.type == QUEUE]
        if not dlqs and (target := named.get(_target(queue))):
            dlqs = [target]
        for dlq in dlqs:
            if dlq is not queue:
                found.setdefault(dlq.urn, []).append(queue)
    return found


def _target(queue: Resource) -> str:
    """The name of its DLQ; empty where that is not known, or unreadable, as `queue-dlq-is-another` tells."""
    try:
        return arn_name(_redrive(queue).get("deadLetterTargetArn"))
    except (UnknownValue, Unreadable):
        return ""


def _takes_dead_letters(stack: Stack, queue: Resource) -> bool:
    return is_dlq(queue) or bool(_sources(stack, queue))


@area.resource(
    "queue-has-dlq",
    QUEUE,
    severity=Severity.CRITICAL,
    summary="A queue has a dead-letter queue",
    why="Without one, a message that cannot be handled comes back until it expires, and then is lost unseen.",
    remedy="Declare the worker in infra/workers.py; its queue and DLQ come from there.",
)
def queue_has_dlq(queue: Resource, _parameters: Parameters) -> Iterator[str]:
    if not is_dlq(queue) and not queue.inputs.has("redrivePolicy"):
        yield "`redrivePolicy` is not set."


@area.resource(
    "queue-dlq-is-another",
    QUEUE,
    severity=Severity.CRITICAL,
    summary="A queue's dead-letter queue is another queue, of the same kind",
    why="A queue that is its own DLQ gives messages up into itself; a FIFO queue needs a FIFO DLQ.",
    remedy="Name the `-dlq` queue's ARN in deadLetterTargetArn.",
)
def queue_dlq_is_another(queue: Resource, _parameters: Parameters) -> Iterator[str]:
    if not queue.inputs.has("redrivePolicy"):
        return
    target = arn_name(_redrive(queue).get("deadLetterTargetArn"))
    own = queue.inputs.text("name") or queue.name
    if not target:
        yield "`redrivePolicy.deadLetterTargetArn` is empty."
    elif target == own:
        yield "`redrivePolicy.deadLetterTargetArn` is the queue itself."
    elif target.endswith(".fifo") != own.endswith(".fifo"):
        yield "The queue and its DLQ are not of the same kind (FIFO, standard)."


@area.resource(
    "queue-max-receive",
    QUEUE,
    severity=Severity.HIGH,
    summary="A message is tried a few times, neither once nor for ever",
    why="One try makes every hiccup a lost job; many tries hide a fault for days.",
    remedy="Set maxReceiveCount to 3 to 5.",
)
def queue_max_receive(queue: Resource, parameters: Parameters) -> Iterator[str]:
    if not queue.inputs.has("redrivePolicy"):
        return
    least, most = parameters.max_receive
    count = _redrive(queue).get("maxReceiveCount")
    try:
        number = int(str(count))
    except ValueError:
        number = 0
    if not least <= number <= most:
        yield f"`redrivePolicy.maxReceiveCount` is not between {least} and {most}."


@area.resource(
    "queue-encrypted",
    QUEUE,
    severity=Severity.HIGH,
    summary="A queue is encrypted at rest",
    why="Messages name people's books and where their photos are.",
    remedy="Set sqs_managed_sse_enabled=True or a KMS key.",
)
def queue_encrypted(queue: Resource, _parameters: Parameters) -> Iterator[str]:
    if not queue.inputs.has("kmsMasterKeyId") and not queue.inputs.flag("sqsManagedSseEnabled"):
        yield "Neither `sqsManagedSseEnabled` nor `kmsMasterKeyId` is set."


@area.resource(
    "queue-fifo-name",
    QUEUE,
    severity=Severity.MEDIUM,
    summary="A FIFO queue is named like one",
    why="AWS refuses the other combinations in the middle of an update.",
    remedy="Let the name end in .fifo exactly where fifo_queue is set.",
    on_unknown=OnUnknown.RECHECK,
)
def queue_fifo_name(queue: Resource, _parameters: Parameters) -> Iterator[str]:
    name = queue.inputs.text("name")
    if name is not None and name.endswith(".fifo") != bool(queue.inputs.flag("fifoQueue")):
        yield "`name` and `fifoQueue` disagree."


@area.resource(
    "queue-policy-tls",
    QUEUE_POLICY,
    QUEUE,
    severity=Severity.HIGH,
    summary="A queue's policy refuses requests without TLS",
    why="A message sent in the clear can be read and replayed.",
    remedy="Add the statement `Deny sqs:* … aws:SecureTransport false` (infra.policies.deny_plain_http).",
)
def queue_policy_tls(policy: Resource, _parameters: Parameters) -> Iterator[str]:
    if policy.type == QUEUE and not policy.inputs.has("policy"):
        return  # it is a resource of its own, or `queue-tls-only` says that there is none
    if not any(statement.denies_plain_http for statement in statements(policy.inputs, "policy")):
        yield "`policy` allows requests without TLS."


@area.resource(
    "queue-policy-principal",
    QUEUE_POLICY,
    QUEUE,
    severity=Severity.CRITICAL,
    summary="A queue's policy lets nobody in without a condition",
    why="Anybody with an AWS account could send or read messages.",
    remedy="Name the roles, or add a condition on aws:SourceArn or aws:PrincipalOrgID.",
)
def queue_policy_principal(policy: Resource, _parameters: Parameters) -> Iterator[str]:
    for statement in statements(policy.inputs, "policy"):
        if statement.lets_everybody_in:
            yield f"`{statement.where}` allows everybody."


@area.stack(
    "queue-tls-only",
    QUEUE,
    severity=Severity.HIGH,
    summary="Every queue has a policy",
    why="A queue without a policy takes requests without TLS.",
    remedy="Add a QueuePolicy that refuses plain HTTP.",
)
def queue_tls_only(queue: Resource, stack: Stack, parameters: Parameters) -> Iterator[str]:
    if not parameters.require_tls or queue.gives("policy"):
        return
    if not stack.users(queue, QUEUE_POLICY, "queueUrl"):
        yield "No QueuePolicy belongs to it."


@area.stack(
    "queue-visibility",
    QUEUE,
    severity=Severity.CRITICAL,
    summary="A received message stays hidden for six timeouts of its function",
    why=(
        "AWS asks for it: a message that reappears while it is still worked on is done twice, and throttled"
        " batches go to the DLQ."
    ),
    remedy="Declare the timeout in infra/workers.py; the visibility follows from it.",
)
def queue_visibility(queue: Resource, stack: Stack, parameters: Parameters) -> Iterator[str]:
    for mapping, function in _consumers(stack, queue):
        visibility = queue.inputs.number("visibilityTimeoutSeconds")
        window = mapping.inputs.number("maximumBatchingWindowInSeconds") or 0
        timeout = function.inputs.number("timeout") or _DEFAULT_TIMEOUT
        needed = parameters.visibility_factor * timeout + window
        if (_DEFAULT_VISIBILITY if visibility is None else visibility) < needed:
            yield (
                f"`visibilityTimeoutSeconds` is below {parameters.visibility_factor} × the timeout of"
                f" `{function.name}` and the batch window."
            )


def _consumers(stack: Stack, queue: Resource) -> Iterator[tuple[Resource, Resource]]:
    """Event source mappings of the queue with their functions, by dependency or by written-out ARN."""
    for mapping in stack.of(EVENT_SOURCE):
        computed = stack.sources(mapping, "eventSourceArn")
        if queue in computed or (not computed and _written(mapping, "eventSourceArn") == _name(queue)):
            functions = [one for one in stack.sources(mapping, "functionName") if one.type == FUNCTION]
            if not functions:
                named = _written(mapping, "functionName")
                functions = [one for one in stack.of(FUNCTION) if named and _name(one) == named]
            yield from ((mapping, function) for function in functions)


def _written(resource: Resource, path: str) -> str:
    """The name in an ARN, or a bare name, that the program wrote out; else empty."""
    return arn_name(resource.inputs.raw(path)) if resource.inputs.is_known(path) else ""


@area.stack(
    "dlq-retention",
    QUEUE,
    severity=Severity.HIGH,
    summary="A dead-letter queue keeps messages at least as long as its source",
    why="A message keeps its age when it moves: a DLQ that forgets sooner drops it at once.",
    remedy="Set the DLQ's message_retention_seconds to 1209600 (14 days).",
)
def dlq_retention(dlq: Resource, stack: Stack, _parameters: Parameters) -> Iterator[str]:
    for queue in _sources(stack, dlq):
        if _retention(dlq) < _retention(queue):
            yield f"`messageRetentionSeconds` is below that of `{queue.name}`."


def _retention(queue: Resource) -> float:
    seconds = queue.inputs.number("messageRetentionSeconds")
    return _DEFAULT_RETENTION if seconds is None else seconds


@area.stack(
    "dlq-redrive-allow",
    QUEUE,
    severity=Severity.MEDIUM,
    summary="A dead-letter queue says whose messages it takes",
    why="Otherwise any queue of the account may use it, and what lies in it means nothing.",
    remedy="Add a RedriveAllowPolicy with redrivePermission byQueue.",
)
def dlq_redrive_allow(queue: Resource, stack: Stack, _parameters: Parameters) -> Iterator[str]:
    allowed = queue.gives("redriveAllowPolicy") or stack.users(queue, REDRIVE_ALLOW, "queueUrl")
    if not allowed and _takes_dead_letters(stack, queue):
        yield "No RedriveAllowPolicy belongs to it."


@area.resource(
    "redrive-allow-named",
    REDRIVE_ALLOW,
    QUEUE,
    severity=Severity.MEDIUM,
    summary="A dead-letter queue takes messages of named queues only",
    why="With allowAll, or without names, any queue of the account may use it.",
    remedy="Set redrivePermission to byQueue and list sourceQueueArns.",
)
def redrive_allow_named(resource: Resource, _parameters: Parameters) -> Iterator[str]:
    if not resource.inputs.has("redriveAllowPolicy"):
        return
    allowed = document(resource.inputs, "redriveAllowPolicy")
    permission = allowed.get("redrivePermission")
    if permission not in ("byQueue", "denyAll"):
        yield "`redriveAllowPolicy.redrivePermission` is neither byQueue nor denyAll."
    elif permission == "byQueue" and not allowed.get("sourceQueueArns"):
        yield "`redriveAllowPolicy.sourceQueueArns` is empty."


@area.stack(
    "dlq-alarm",
    QUEUE,
    severity=Severity.HIGH,
    summary="Somebody is told when a message is given up",
    why="A DLQ that nobody looks at is a place where jobs vanish.",
    remedy=(
        "Declare the worker in infra/workers.py; the alarm comes from there. It watches"
        f" {_DLQ_METRIC}: messages that SQS moves are not counted as sent."
    ),
)
def dlq_alarm(queue: Resource, stack: Stack, _parameters: Parameters) -> Iterator[str]:
    if _takes_dead_letters(stack, queue) and not any(
        _rings(alarm, queue, stack) for alarm in stack.of(ALARM)
    ):
        yield f"No alarm with an action watches its {_DLQ_METRIC}."


def _rings(alarm: Resource, queue: Resource, stack: Stack) -> bool:
    """Whether an alarm tells somebody of the first message in the queue. Unknowns come from the program."""
    inputs = alarm.inputs
    if not inputs.has("alarmActions") or (inputs.is_known("alarmActions") and not inputs.raw("alarmActions")):
        return False
    if inputs.is_known("actionsEnabled") and inputs.flag("actionsEnabled") is False:
        return False
    if inputs.is_known("metricName") and inputs.raw("metricName") != _DLQ_METRIC:
        return False
    if inputs.is_known("threshold") and (inputs.number("threshold") or 0) > 1:
        return False
    if queue in stack.sources(alarm, "dimensions"):
        return True
    dimensions = inputs.raw("dimensions") if inputs.is_known("dimensions") else None
    return isinstance(dimensions, Mapping) and dimensions.get("QueueName") == _name(queue)
