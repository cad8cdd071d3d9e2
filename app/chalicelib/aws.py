"""The AWS clients of a process: made when first asked for, with timeouts that leave a request time to
answer.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.faults import Fault, FaultCode
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

COPY_THREADS = 16


class Clients:
    """S3, SQS, Secrets Manager and Cognito. The environment gives addresses and credentials."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queue_urls: dict[str, str] = {}

    @cached_property
    def _session(self) -> "Session":
        """One for all clients: each session reads the services' descriptions anew."""
        import boto3

        return boto3.session.Session()

    @cached_property
    def s3(self) -> "S3Client":
        """Signs URLs for the regional host of the bucket, which is what the pages' CSP names."""
        addressing = "path" if self._settings.endpoint_url else "virtual"
        config = _config(
            read_timeout=10,
            signature_version="s3v4",
            s3={"addressing_style": addressing},
            max_pool_connections=COPY_THREADS,
        )
        return self._session.client("s3", region_name=self._settings.region, config=config)

    @cached_property
    def sqs(self) -> "SQSClient":
        """Gives up within seconds: the sweep retries a queue that does not answer, not the caller."""
        config = _config(read_timeout=3, max_pool_connections=COPY_THREADS)
        return self._session.client("sqs", region_name=self._settings.region, config=config)

    def queue_url(self, name: str) -> str:
        """The queue's URL, asked for once; raises boto3's `ClientError` or `BotoCoreError`."""
        if name not in self._queue_urls:
            self._queue_urls[name] = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return self._queue_urls[name]

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        config = _config(read_timeout=3)
        return self._session.client("secretsmanager", region_name=self._settings.region, config=config)

    @cached_property
    def cognito(self) -> "CognitoIdentityProviderClient":
        config = _config(read_timeout=3)
        return self._session.client("cognito-idp", region_name=self._settings.region, config=config)


def _config(*, read_timeout: int, **options: Any) -> "Config":
    from botocore.config import Config

    return Config(
        connect_timeout=2,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 2},
        **options,
    )


def error_code(error: Exception) -> str:
    """AWS's own code of an error, or the kind of the fault where no answer came."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", type(error).__name__))
    return type(error).__name__


_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
)


def is_denied(error: Exception) -> bool:
    """Whether a permission is missing, in the several spellings of the services."""
    return error_code(error) in _DENIED


def passes(error: Exception) -> bool:
    """Whether the service did not answer, was too busy or at fault itself: the same call may do later."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or "Throttl" in error_code(error) or "TooManyRequests" in error_code(error)
    return isinstance(error, BotoCoreError) and not isinstance(error, NoCredentialsError)


def unanswered(what: str, error: Exception) -> Fault:
    """What to tell of a secret while Secrets Manager fails in a way that `passes`."""
    return Fault(
        FaultCode.UNAVAILABLE,
        f"{what} cannot be looked up: Secrets Manager does not answer.",
        why=error_code(error),
        fix="Try again in a moment.",
    )
