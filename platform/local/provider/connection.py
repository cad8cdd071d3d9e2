"""Where the emulator is, and the calls to it.

Credentials: with AUTH=true the emulator (ministack) treats the access key in its own environment's
`AWS_ACCESS_KEY_ID` (default `test`), the key `test`, and an account's twelve digits as that account's root,
which every policy lets pass and whose signature it does not check. Any other key must be one that its IAM
made, or a session of its STS. The provider uses root, as whoever applies the first stack of an account
would.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workers.contracts import Problem

if TYPE_CHECKING:
    from boto3.session import Session

Reply = dict[str, Any]
"""An AWS answer as boto3 parses it: shaped by the service's model, not by ours."""

ENDPOINT_VARIABLE = "BMX_EMULATOR_ENDPOINT"
REGION_VARIABLE = "BMX_EMULATOR_REGION"
ACCESS_KEY_VARIABLE = "BMX_EMULATOR_ACCESS_KEY"
SECRET_KEY_VARIABLE = "BMX_EMULATOR_SECRET_KEY"  # noqa: S105 - the variable's name
SESSION_TOKEN_VARIABLE = "BMX_EMULATOR_SESSION_TOKEN"  # noqa: S105
ACCOUNT_VARIABLE = "BMX_EMULATOR_ACCOUNT"

LOCAL_ACCOUNT = "000000000000"
LOCAL_REGION = "us-west-2"


@dataclass(frozen=True)
class Connection:
    """Address of one emulator, and as whom it is spoken to: its root, if nothing else is given."""

    endpoint: str
    region: str = LOCAL_REGION
    access_key: str = "test"
    secret_key: str = field(default="test", repr=False)
    account: str = LOCAL_ACCOUNT
    session_token: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Connection":
        """The connection named by `BMX_EMULATOR_*`; a `Problem` where the endpoint is missing."""
        env = os.environ if environment is None else environment
        endpoint = env.get(ENDPOINT_VARIABLE, "")
        if not endpoint:
            raise Problem(
                f"{ENDPOINT_VARIABLE} is not set.",
                why="This provider speaks to the local emulator only and must know where it is.",
                fix="Apply the stack with ./bmx up, or set it to the address that ./bmx status shows.",
            )
        key = env.get(ACCESS_KEY_VARIABLE, "test")
        return cls(
            endpoint=endpoint,
            region=env.get(REGION_VARIABLE, LOCAL_REGION),
            access_key=key,
            secret_key=env.get(SECRET_KEY_VARIABLE, "test"),
            account=env.get(ACCOUNT_VARIABLE) or (key if key.isdigit() and len(key) == 12 else LOCAL_ACCOUNT),
            session_token=env.get(SESSION_TOKEN_VARIABLE, ""),
        )

    @property
    def root(self) -> "Connection":
        """The same emulator, spoken to as the account's root."""
        key = "test" if self.account == LOCAL_ACCOUNT else self.account
        return replace(self, access_key=key, secret_key="test", session_token="")  # noqa: S106 - no secret

    def as_session(self, credentials: Mapping[str, Any]) -> "Connection":
        """The same emulator, spoken to as whom these `Credentials` of STS are for."""
        return replace(
            self,
            access_key=credentials["AccessKeyId"],
            secret_key=credentials["SecretAccessKey"],
            session_token=credentials["SessionToken"],
        )

    def to_environment(self) -> dict[str, str]:
        """The variables from which `from_environment` makes an equal connection."""
        return {
            ENDPOINT_VARIABLE: self.endpoint,
            REGION_VARIABLE: self.region,
            ACCESS_KEY_VARIABLE: self.access_key,
            SECRET_KEY_VARIABLE: self.secret_key,
            SESSION_TOKEN_VARIABLE: self.session_token,
            ACCOUNT_VARIABLE: self.account,
        }

    def to_sdk_environment(self) -> dict[str, str]:
        """The variables that point any AWS SDK here, and to nothing of the user's own."""
        token = {"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {}
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            **token,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


class AwsError(Problem):
    """The emulator refused a call. `code` is the service's error code."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{operation} was refused: {code}: {message}")


_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "404", "ResourceNotFoundException")


class Aws:
    """Calls to one emulator. Clients are made on first use and shared; safe to use from several threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._clients: dict[str, Any] = {}
        self._session: Session | None = None
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """The boto3 client of a service. Ignores the user's own AWS profile and files."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make_client(service)
            return self._clients[service]

    def _make_client(self, service: str) -> Any:
        import boto3
        import botocore.session
        from botocore.config import Config

        if self._session is None:
            nothing = (None, None, os.devnull, None)
            self._session = boto3.Session(
                aws_access_key_id=self.connection.access_key,
                aws_secret_access_key=self.connection.secret_key,
                aws_session_token=self.connection.session_token or None,
                region_name=self.connection.region,
                botocore_session=botocore.session.Session(
                    session_vars={
                        "profile": (None, None, None, None),
                        "config_file": nothing,
                        "credentials_file": nothing,
                    }
                ),
            )
        make: Any = self._session.client
        return make(
            service,
            endpoint_url=self.connection.endpoint,
            config=Config(
                connect_timeout=5,
                read_timeout=60,
                retries={"max_attempts": 3, "mode": "standard"},
                s3={"addressing_style": "path"},
                proxies={},
            ),
        )

    def call(self, service: str, operation: str, **parameters: Any) -> Reply:
        """One API call (`operation` in boto3's spelling); `AwsError` when it is refused, else `Problem`."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            reply: Reply = getattr(self.client(service), operation)(**parameters)
        except ClientError as error:
            detail = error.response.get("Error", {})
            raise AwsError(
                f"{service}:{error.operation_name}",
                str(detail.get("Code", "")),
                str(detail.get("Message", "")),
            ) from error
        except BotoCoreError as error:
            raise Problem(
                f"{service}.{operation} failed: {error}",
                fix=f"Check with ./bmx status that the emulator answers at {self.connection.endpoint}.",
            ) from error
        return reply

    def find(self, service: str, operation: str, **parameters: Any) -> Reply | None:
        """As `call`, but None where the thing does not exist."""
        try:
            return self.call(service, operation, **parameters)
        except AwsError as error:
            if any(part in error.code for part in _GONE):
                return None
            raise
