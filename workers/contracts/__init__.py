"""What the platform, the application and the workers agree on.

Messages, statuses, error codes and the environment they hand to one another. The package depends on pydantic
alone, so every image and every Lambda package can hold it.
"""

from workers.contracts.environment import RDS_ROOTS, DatabaseTarget, QueueConfig, Queues
from workers.contracts.messages import (
    MESSAGE_VERSION,
    Engine,
    ErrorCode,
    HeldModel,
    ImageJob,
    ImageResult,
    JobError,
    Outputs,
    Quality,
    Recipe,
    ResultStatus,
    S3Object,
    StoredImage,
    Subject,
    UnsupportedVersionError,
    job_id_of,
    parse_job,
    parse_result,
)
from workers.contracts.problem import Problem
from workers.contracts.roles import Role
from workers.contracts.status import JobStatus, can_follow

__all__ = [
    "MESSAGE_VERSION",
    "RDS_ROOTS",
    "DatabaseTarget",
    "Engine",
    "ErrorCode",
    "HeldModel",
    "ImageJob",
    "ImageResult",
    "JobError",
    "JobStatus",
    "Outputs",
    "Problem",
    "Quality",
    "QueueConfig",
    "Queues",
    "Recipe",
    "ResultStatus",
    "Role",
    "S3Object",
    "StoredImage",
    "Subject",
    "UnsupportedVersionError",
    "can_follow",
    "job_id_of",
    "parse_job",
    "parse_result",
]
