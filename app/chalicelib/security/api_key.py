"""The API key: kept in Secrets Manager as `{"current": …, "previous": …}`, so that it can be changed with
overlap.
"""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chalicelib.aws import error_code
from chalicelib.faults import MisconfiguredError
from workers.contracts.api_key import KeyPair

if TYPE_CHECKING:
    from chalicelib.aws import Clients

_KEEP_SECONDS = 60.0
_RECHECK_SECONDS = 3.0


@dataclass(frozen=True)
class _Fetched:
    keys: KeyPair
    at: float


class ApiKeys:
    """Compares presented keys with the secret, which is read at most once in a minute.

    A key that does not match makes the secret be read again, at most every three seconds: a new key works
    at once, and guessing does not turn into load on Secrets Manager.
    """

    def __init__(
        self, clients: "Clients", secret_arn: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clients = clients
        self._secret_arn = secret_arn
        self._clock = clock
        self._fetched: _Fetched | None = None

    def match(self, presented: str) -> Literal["current", "previous"] | None:
        """Which key `presented` is; raises `MisconfiguredError` where none is set or readable."""
        matched = which(self._keys(_KEEP_SECONDS), presented)
        if matched is None and presented:
            matched = which(self._keys(_RECHECK_SECONDS), presented)
        return matched

    def read(self) -> KeyPair:
        """The secret as it is now; raises `MisconfiguredError` where it is missing, unreadable or empty."""
        return self._keys(0.0)

    def write(self, keys: KeyPair) -> None:
        """Change the secret; raises boto3's errors. This process takes the new key at once, others soon."""
        self._clients.secrets.put_secret_value(SecretId=self._secret_arn, SecretString=keys.model_dump_json())
        self._fetched = _Fetched(keys, self._clock())

    def _keys(self, max_age: float) -> KeyPair:
        fetched = self._fetched
        if fetched is None or self._clock() - fetched.at >= max_age:
            fetched = _Fetched(self._fetch(), self._clock())
            self._fetched = fetched
        return fetched.keys

    def _fetch(self) -> KeyPair:
        from botocore.exceptions import BotoCoreError, ClientError

        if not self._secret_arn:
            raise MisconfiguredError(
                "No API key secret is configured.",
                why="BMX_API_KEY_SECRET_ARN is empty.",
                fix="Run `bmx config sync` and deploy again.",
            )
        try:
            text = self._clients.secrets.get_secret_value(SecretId=self._secret_arn).get("SecretString", "")
        except (ClientError, BotoCoreError) as error:
            raise MisconfiguredError(
                "The API key secret cannot be read.",
                why=error_code(error),
                fix="Check that the secret exists and that the application's role may read it.",
            ) from error
        keys = KeyPair.parse(text)
        if keys is None:
            raise MisconfiguredError(
                "The API key secret is not in its format.",
                fix="Write one anew with `bmx keys restore --stack STACK`.",
            )
        if not keys.usable:
            raise MisconfiguredError(
                "The API key is empty.", fix="Set one with `bmx keys restore --stack STACK`."
            )
        return keys


def which(keys: KeyPair, presented: str) -> Literal["current", "previous"] | None:
    """Which of the two a presented key is. Both are always compared, in constant time, so that timing tells
    nothing about either.
    """
    given = presented.encode()
    current = hmac.compare_digest(given, keys.current.encode())
    # An absent previous key is compared too, and then never counts.
    previous = hmac.compare_digest(given, (keys.previous or "").encode()) and bool(keys.previous)
    if current:
        return "current"
    return "previous" if previous else None
