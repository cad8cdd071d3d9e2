"""Dead letters: looked at without being consumed, and sent to their queue again.

SQS's own `StartMessageMoveTask` moves all or nothing, and cannot be asked what it would move. Here each
message is sent before it is deleted: whatever ends in between leaves it in both queues, and twice is harmless
(a job writes the same bytes, a result is applied once). None is ever lost.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from chalicelib.aws import error_code, is_denied
from chalicelib.faults import Fault, FaultCode, NotFoundError
from chalicelib.resources import Resources
from workers.contracts import QueueConfig

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_BATCH: Final = 10
_HELD_SECONDS: Final = 60
"""How long a message is held while it is looked at or moved: longer than any call lives."""
_BUDGET_SECONDS: Final = 15.0
_WAIT_SECONDS: Final = 1
"""Waiting makes SQS ask all its servers, so that an empty answer means an empty queue. Less than the client's
own patience.
"""
_BODY_SHOWN: Final = 4000


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up, as it lies in the dead-letter queue."""

    message_id: str
    sent_at: datetime | None
    receive_count: int
    body: str
    """At most the first 4,000 characters."""
    bytes: int


@dataclass(frozen=True)
class Redriven:
    """What was sent again, or would be; `failed` names the error that ended it early."""

    messages: tuple[str, ...]
    failed: str | None
    remaining: int | None
    """What the queue says that it still holds, approximately as SQS counts."""


def peek(res: Resources, worker: str, limit: int) -> list[DeadLetter]:
    """Up to `limit` dead letters, each once; afterwards all lie there as before.

    Looking counts as a receive, which a dead-letter queue does not act on. Raises `NotFoundError` or `Fault`.
    """
    config = _config(res, worker)
    client, url = res.clients.sqs, _url(res, config.dlq)
    held: list[MessageTypeDef] = []
    try:
        for batch in _batches(client, url, limit):
            held += batch
        return [_described(message) for message in held]
    finally:
        _let_go(client, url, held)


def redrive(res: Resources, worker: str, limit: int, *, dry_run: bool) -> Redriven:
    """Send dead letters to the worker's queue again, as many as there is time for.

    What the queue refuses stays a dead letter. Raises `NotFoundError` or `Fault`.
    """
    config = _config(res, worker)
    client, url = res.clients.sqs, _url(res, config.dlq)
    if dry_run:
        found = peek(res, worker, limit)
        return Redriven(tuple(it.message_id for it in found), None, _depth(client, url))
    target = _url(res, config.queue)
    moved: list[str] = []
    failed: str | None = None
    for batch in _batches(client, url, limit):
        sent, failed = _send(client, target, batch)
        for message in sent:
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            moved.append(message["MessageId"])
        _let_go(client, url, [message for message in batch if message not in sent])
        if failed is not None:
            break
    return Redriven(tuple(moved), failed, _depth(client, url))


def _config(res: Resources, worker: str) -> QueueConfig:
    config = res.settings.queues.root.get(worker)
    if config is None:
        raise NotFoundError("worker", worker)
    return config


def _url(res: Resources, queue: str) -> str:
    from botocore.exceptions import ClientError

    try:
        return res.clients.queue_url(queue)
    except ClientError as error:
        if is_denied(error):
            raise
        raise Fault(
            FaultCode.MISCONFIGURED,
            f"The queue {queue} cannot be used.",
            why=error_code(error),
            fix="`GET /queues` says more; deploy the stack again.",
        ) from error


def _batches(client: "SQSClient", url: str, limit: int) -> "Iterator[list[MessageTypeDef]]":
    """Messages, held for a minute, until there are `limit`, none is left, or time is up."""
    ends = time.monotonic() + _BUDGET_SECONDS
    seen: set[str] = set()
    while len(seen) < limit and time.monotonic() < ends:
        answer = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(_BATCH, limit - len(seen)),
            VisibilityTimeout=_HELD_SECONDS,
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
        )
        # One that comes back within the call was sent again and failed at once, or let go: once is enough.
        batch = answer.get("Messages", [])
        fresh = [message for message in batch if message["MessageId"] not in seen]
        _let_go(client, url, [message for message in batch if message not in fresh])
        seen.update(message["MessageId"] for message in fresh)
        if not fresh:
            return
        yield fresh


def _send(
    client: "SQSClient", url: str, batch: "Sequence[MessageTypeDef]"
) -> "tuple[list[MessageTypeDef], str | None]":
    """Send one after another, so that a large message never keeps others back; stops at a refusal."""
    from botocore.exceptions import BotoCoreError, ClientError

    sent: list[MessageTypeDef] = []
    for message in batch:
        try:
            client.send_message(
                QueueUrl=url,
                MessageBody=message["Body"],
                MessageAttributes=message.get("MessageAttributes", {}),
            )
        except (ClientError, BotoCoreError) as error:
            return sent, f"{error_code(error)}: {error}"[:1000]
        sent.append(message)
    return sent, None


def _let_go(client: "SQSClient", url: str, messages: "Sequence[MessageTypeDef]") -> None:
    for message in messages:
        client.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


def _depth(client: "SQSClient", url: str) -> int:
    """With those that are held: SQS takes a moment to count what was let go."""
    found = client.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    ).get("Attributes", {})
    return int(found.get("ApproximateNumberOfMessages", 0)) + int(
        found.get("ApproximateNumberOfMessagesNotVisible", 0)
    )


def _described(message: "MessageTypeDef") -> DeadLetter:
    attributes = message.get("Attributes", {})
    sent = attributes.get("SentTimestamp")
    return DeadLetter(
        message_id=message["MessageId"],
        sent_at=datetime.fromtimestamp(int(sent) / 1000, UTC) if sent else None,
        receive_count=int(attributes.get("ApproximateReceiveCount", 0)),
        body=message["Body"][:_BODY_SHOWN],
        bytes=len(message["Body"].encode()),
    )
