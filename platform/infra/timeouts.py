"""Durations that follow from one another, in seconds."""

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LAMBDA_MAX_TIMEOUT = 15 * MINUTE
"""AWS's limit for a function."""

QUEUE_RETENTION = 4 * DAY
DLQ_RETENTION = 14 * DAY
"""AWS's maximum. A message keeps its age when it moves to the DLQ, so this has to be well over
`QUEUE_RETENTION`.
"""

RECEIVE_WAIT = 20
"""Long polling at its maximum: the fewest empty, paid receives."""


def visibility_timeout(function_timeout: int, batch_window: int = 0) -> int:
    """How long a received message stays hidden: six function timeouts and the batch window.

    AWS asks for this in "Using Lambda with Amazon SQS": a throttled batch is retried by the poller, and must
    not reappear to another one meanwhile.
    """
    return 6 * function_timeout + batch_window


def oldest_message_alarm(visibility: int, max_receive: int) -> int:
    """The age at which a message has had the time for every try and still is there."""
    return visibility * max_receive
