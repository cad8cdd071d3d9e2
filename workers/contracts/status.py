"""The life of a job."""

from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job stands. `SUCCEEDED`, `FAILED`, `SUPERSEDED` and `CANCELLED` end it."""

    PENDING = "pending"
    """Committed with its image; its message has not been sent yet."""
    QUEUED = "queued"
    """The queue took its message."""
    QUEUE_FAILED = "queue_failed"
    """The queue refused its message; the schedule and `POST /jobs/{id}/retry` send it again."""
    SUCCEEDED = "succeeded"
    """Its cutout is there."""
    FAILED = "failed"
    """It made no cutout, and says why; a retry by hand sends it again."""
    SUPERSEDED = "superseded"
    """A newer source or recipe took its place."""
    CANCELLED = "cancelled"
    """Its image was deleted."""

    @property
    def is_final(self) -> bool:
        """Whether no result can change it any more (a retry by hand can revive `FAILED`)."""
        return self in _FINAL


_FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.SUPERSEDED, JobStatus.CANCELLED})

OPEN_STATUSES = frozenset({JobStatus.PENDING, JobStatus.QUEUED, JobStatus.QUEUE_FAILED})
"""Statuses in which a job still waits for its result."""

_FOLLOWS: dict[JobStatus, frozenset[JobStatus]] = {
    # A result may overtake the note that its message was sent, so each open status can end directly.
    JobStatus.PENDING: _FINAL | {JobStatus.QUEUED, JobStatus.QUEUE_FAILED},
    JobStatus.QUEUED: _FINAL | {JobStatus.QUEUED, JobStatus.QUEUE_FAILED},
    JobStatus.QUEUE_FAILED: _FINAL | {JobStatus.QUEUED, JobStatus.QUEUE_FAILED},
    # A retry by hand, or a result that arrives after the deadline gave the job up.
    JobStatus.FAILED: frozenset(
        {JobStatus.PENDING, JobStatus.SUCCEEDED, JobStatus.SUPERSEDED, JobStatus.CANCELLED}
    ),
    JobStatus.SUCCEEDED: frozenset({JobStatus.SUPERSEDED, JobStatus.CANCELLED}),
    JobStatus.SUPERSEDED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}


def can_follow(before: JobStatus, after: JobStatus) -> bool:
    """Whether a job may go from `before` to `after`."""
    return after in _FOLLOWS[before]
