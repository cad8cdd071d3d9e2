"""The API key: kept in Secrets Manager as `{"current": …, "previous": …}`, so that it can be changed with
overlap.
"""

import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chalicelib.aws import error_code, passes, unanswered
from chalicelib.faults import Fault, FaultCode, MisconfiguredError
from workers.contracts.api_key import KeyPair

if TYPE_CHECKING:
    from chalicelib.aws import Clients

logger = logging.getLogger(__name__)

_KEEP_SECONDS = 60.0
_RECHECK_SECONDS = 3.0
_KEEP_THROUGH_FAULTS_SECONDS = 900.0
"""How long keys that were read count on while Secrets Manager does not answer."""


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
        self._asks_again_at = 0.0

    def match(self, presented: str) -> Literal["current", "previous"] | None:
        """Which key `presented` is; raises `MisconfiguredError` where none is set or readable."""
        matched = which(self._keys(_KEEP_SECONDS), presented)
        if matched is None and presented:
            matched = which(self._keys(_RECHECK_SECONDS), presented)
        return matched

    def read(self) -> KeyPair:
        """The secret as it is now; raises `MisconfiguredError` where it is missing, unreadable or empty, and
        `Fault` (`unavailable`) where Secrets Manager does not answer.
        """
        return self._keys(0.0)

    def write(self, keys: KeyPair) -> None:
        """Change the secret; raises boto3's errors. This process takes the new key at once, others soon."""
        self._clients.secrets.put_secret_value(SecretId=self._secret_arn, SecretString=keys.model_dump_json())
        self._fetched = _Fetched(keys, self._clock())

    def _keys(self, max_age: float) -> KeyPair:
        fetched, now = self._fetched, self._clock()
        if fetched is not None and now - fetched.at < max_age:
            return fetched.keys
        if fetched is not None and max_age and now < self._asks_again_at:
            return fetched.keys
        try:
            fetched = _Fetched(self._fetch(), now)
        except Fault as fault:
            if (
                fault.code is not FaultCode.UNAVAILABLE
                or fetched is None
                or not max_age
                or now - fetched.at >= _KEEP_THROUGH_FAULTS_SECONDS
            ):
                raise
            logger.warning("The API key read %.0f s ago counts on: %s", now - fetched.at, fault)
            self._asks_again_at = self._clock() + _RECHECK_SECONDS
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
            if passes(error):
                raise unanswered("The API key", error) from error
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
