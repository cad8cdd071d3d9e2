"""Queues: nothing is lost, nothing is read by others, nothing is delivered twice by design."""

import json
from collections.abc import Iterator, Mapping

from rules.documents import statements
from rules.model import Area, OnUnknown, Resource, Severity, Stack
from rules.settings import Parameters
from rules.types import ALARM, EVENT_SOURCE, FUNCTION, QUEUE, QUEUE_POLICY, REDRIVE_ALLOW
from rules.values import Unreadable

area = Area("queues")

_DEFAULT_VISIBILITY = 30
_DEFAULT_TIMEOUT = 3
_DEFAULT_RETENTION = 4 * 24 * 3600


def is_dlq(queue: Resource) -> bool:
    """Whether the queue takes what others gave up: its name ends in `-dlq`."""
    name = (queue.inputs.text("name") if queue.inputs.has("name") else None) or queue.name
    return name.removesuffix(".fifo").endswith("-dlq")


def _redrive(queue: Resource) -> Mapping[str, object]:
    value = queue.inputs.raw("redrivePolicy")
    if value is None:
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise Unreadable("redrivePolicy") from None
    if not isinstance(value, Mapping):
        raise Unreadable("redrivePolicy")
    return value


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
    target = str(_redrive(queue).get("deadLetterTargetArn") or "").rsplit(":", 1)[-1]
    own = (queue.inputs.text("name") if queue.inputs.has("name") else None) or queue.name
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
    severity=Severity.HIGH,
    summary="A queue's policy refuses requests without TLS",
    why="A message sent in the clear can be read and replayed.",
    remedy="Add the statement `Deny sqs:* … aws:SecureTransport false` (infra.policies.deny_plain_http).",
)
def queue_policy_tls(policy: Resource, _parameters: Parameters) -> Iterator[str]:
    if not any(statement.denies_plain_http for statement in statements(policy.inputs, "policy")):
        yield "`policy` allows requests without TLS."


@area.resource(
    "queue-policy-principal",
    QUEUE_POLICY,
    severity=Severity.CRITICAL,
    summary="A queue's policy lets nobody in without a condition",
    why="Anybody with an AWS account could send or read messages.",
    remedy="Name the roles, or add a condition on aws:SourceArn or aws:PrincipalOrgID.",
)
def queue_policy_principal(policy: Resource, _parameters: Parameters) -> Iterator[str]:
    for statement in statements(policy.inputs, "policy"):
        if statement.allows and "*" in statement.principals and not statement.conditions:
            yield "`policy` allows everybody."


@area.stack(
    "queue-tls-only",
    severity=Severity.HIGH,
    summary="Every queue has a policy",
    why="A queue without a policy takes requests without TLS.",
    remedy="Add a QueuePolicy that refuses plain HTTP.",
)
def queue_tls_only(stack: Stack, parameters: Parameters) -> Iterator[tuple[Resource, str]]:
    if not parameters.require_tls:
        return
    for queue in stack.of(QUEUE):
        if not queue.inputs.has("policy") and not stack.users(queue, QUEUE_POLICY, "queueUrl"):
            yield queue, "No QueuePolicy belongs to it."


@area.stack(
    "queue-visibility",
    severity=Severity.CRITICAL,
    summary="A received message stays hidden for six timeouts of its function",
    why=(
        "AWS asks for it: a message that reappears while it is still worked on is done twice, and throttled"
        " batches go to the DLQ."
    ),
    remedy="Declare the timeout in infra/workers.py; the visibility follows from it.",
)
def queue_visibility(stack: Stack, parameters: Parameters) -> Iterator[tuple[Resource, str]]:
    for mapping in stack.of(EVENT_SOURCE):
        queues = [source for source in stack.sources(mapping, "eventSourceArn") if source.type == QUEUE]
        functions = [source for source in stack.sources(mapping, "functionName") if source.type == FUNCTION]
        window = mapping.inputs.number("maximumBatchingWindowInSeconds") or 0
        for queue in queues:
            visibility = queue.inputs.number("visibilityTimeoutSeconds")
            for function in functions:
                timeout = function.inputs.number("timeout") or _DEFAULT_TIMEOUT
                needed = parameters.visibility_factor * timeout + window
                if (_DEFAULT_VISIBILITY if visibility is None else visibility) < needed:
                    yield (
                        queue,
                        (
                            f"`visibilityTimeoutSeconds` is below {parameters.visibility_factor} × the"
                            f" timeout of `{function.name}` and the batch window."
                        ),
                    )


@area.stack(
    "dlq-retention",
    severity=Severity.HIGH,
    summary="A dead-letter queue keeps messages at least as long as its source",
    why="A message keeps its age when it moves: a DLQ that forgets sooner drops it at once.",
    remedy="Set the DLQ's message_retention_seconds to 1209600 (14 days).",
)
def dlq_retention(stack: Stack, _parameters: Parameters) -> Iterator[tuple[Resource, str]]:
    for queue in stack.of(QUEUE):
        kept = _retention(queue)
        for dlq in stack.sources(queue, "redrivePolicy"):
            if dlq.type == QUEUE and _retention(dlq) < kept:
                yield dlq, f"`messageRetentionSeconds` is below that of `{queue.name}`."


def _retention(queue: Resource) -> float:
    seconds = queue.inputs.number("messageRetentionSeconds")
    return _DEFAULT_RETENTION if seconds is None else seconds


@area.stack(
    "dlq-redrive-allow",
    severity=Severity.MEDIUM,
    summary="A dead-letter queue says whose messages it takes",
    why="Otherwise any queue of the account may use it, and what lies in it means nothing.",
    remedy="Add a RedriveAllowPolicy with redrivePermission byQueue.",
)
def dlq_redrive_allow(stack: Stack, _parameters: Parameters) -> Iterator[tuple[Resource, str]]:
    for queue in stack.of(QUEUE):
        allowed = queue.inputs.has("redriveAllowPolicy") or stack.users(queue, REDRIVE_ALLOW, "queueUrl")
        if is_dlq(queue) and not allowed:
            yield queue, "No RedriveAllowPolicy belongs to it."


@area.stack(
    "dlq-alarm",
    severity=Severity.HIGH,
    summary="Somebody is told when a message is given up",
    why="A DLQ that nobody looks at is a place where jobs vanish.",
    remedy="Declare the worker in infra/workers.py; the alarm comes from there.",
)
def dlq_alarm(stack: Stack, _parameters: Parameters) -> Iterator[tuple[Resource, str]]:
    watched: set[str] = set()
    for alarm in stack.of(ALARM):
        if not alarm.inputs.has("alarmActions"):
            continue
        watched.update(source.urn for source in stack.sources(alarm, "dimensions"))
        name = alarm.inputs.mapping("dimensions").get("QueueName")
        watched.update(queue.urn for queue in stack.of(QUEUE) if queue.inputs.text("name") == name)
    for queue in stack.of(QUEUE):
        if is_dlq(queue) and queue.urn not in watched:
            yield queue, "No alarm with an action watches it."
