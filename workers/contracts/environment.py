"""What the platform hands to the application through environment variables.

Only addresses and names: a secret is named by its ARN and read from Secrets Manager when it is needed.

| variable | holds |
| --- | --- |
| `BMX_STACK` | the stack's name: `local`, `staging`, `prod`, … |
| `BMX_QUEUES` | JSON of `Queues`: worker name to `QueueConfig` |
| `BMX_IMAGES_BUCKET` | the bucket of listings and books |
| `BMX_DATABASE` | JSON of `DatabaseTarget`, or empty where the stack has no database |
| `BMX_API_KEY_SECRET_ARN` | the secret with `{"current": …, "previous": …}` |
| `BMX_USER_POOL_ID`, `BMX_USER_POOL_CLIENT_ID` | Cognito, empty where the stack has none |
| `BMX_SIGN_IN_URL` | the user pool's sign-in page; without it, only the emulator's is known |
| `BMX_CALLS_PER_MINUTE` | how many calls a caller may make, 0 for any; 6,000 where it is not set |
| `BMX_RESULT_QUEUE_URL` | for workers: where results go |
| `BMX_MODEL_DIR` | for the image worker: the folder with the model files |
"""

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from workers.contracts.messages import HeldModel


class QueueConfig(BaseModel):
    """One worker's queue, as the application needs to know it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: str = Field(min_length=1, max_length=80)
    arn: str = Field(pattern=r"^arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:[\w.-]+$")
    dlq: str = Field(min_length=1, max_length=80)
    consumer: Literal["container", "chalice", "external"]
    visibility_timeout: int = Field(gt=0, description="Seconds.")
    max_receive: int = Field(gt=0)
    models: tuple[HeldModel, ...] = Field(default=(), description="What its worker cuts out with.")

    @property
    def result_deadline(self) -> int:
        """Seconds after sending by which a result must have come: every try, and a margin of a minute."""
        return self.visibility_timeout * self.max_receive + 60


class Queues(RootModel[dict[str, QueueConfig]]):
    """Worker name to queue; the JSON in `BMX_QUEUES`."""

    model_config = ConfigDict(frozen=True)

    def __getitem__(self, worker: str) -> QueueConfig:
        return self.root[worker]


RDS_ROOTS: Final = Path(__file__).with_name("rds-roots.pem")
"""The certificates by which a database of RDS or Aurora is known; no system trusts them."""


class DatabaseTarget(BaseModel):
    """Where the database is and which secret opens it; the JSON in `BMX_DATABASE`.

    The secret holds `username` and `password`. The address comes from here, so that a secret owned by RDS,
    which has no address in it, works like any other.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    secret_arn: str = Field(min_length=1)
    host: str = Field(min_length=1)
    port: int = Field(default=5432, gt=0, lt=65536)
    name: str = Field(min_length=1)
    sslmode: Literal["disable", "require", "verify-full"] = "verify-full"
