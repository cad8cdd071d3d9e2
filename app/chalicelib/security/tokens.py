"""Tokens of people: issued by the stack's user pool, signed with a key that the pool publishes."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from chalicelib.faults import Fault, FaultCode
from chalicelib.security import Principal, Role
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from jwt import PyJWK, PyJWKClient

_KEEP_SECONDS: Final = 3600
_RECHECK_SECONDS: Final = 30.0
_TIMEOUT: Final = 3
_LEEWAY: Final = 30
"""Seconds by which the pool's clock and ours may differ."""


class Tokens:
    """Verifies access and id tokens of one user pool and client.

    The pool's keys are kept for an hour. A token that names an unknown key makes them be read again, at most
    every half minute: a pool that changes its keys is followed, and made-up tokens do not become load on it.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = settings.user_pool_id
        self._client_id = settings.user_pool_client_id
        host = f"https://cognito-idp.{settings.region}.amazonaws.com"
        self._issuer = f"{host}/{self._pool}"
        # An emulator issues tokens in AWS's name and publishes the keys itself.
        self._keys_url = f"{settings.endpoint_url or host}/{self._pool}/.well-known/jwks.json"
        self._clock = clock
        self._client: PyJWKClient | None = None
        self._rechecked_at: float | None = None

    def verify(self, token: str) -> Principal:
        """Whose token it is; raises `Fault`: `unauthorized`, or `unavailable` where the pool's keys cannot be
        had.
        """
        if self._pool is None or self._client_id is None:
            raise _refused("This stack has no sign-in.", fix="Use an API key.")
        claims = self._claims(token)
        # An address that was not verified is whatever its owner wrote.
        email = claims.get("email") if claims.get("email_verified") in (True, "true") else None
        person = str(email or claims.get("username") or claims.get("cognito:username") or claims["sub"])
        return Principal(name=f"user:{person}"[:200], role=_role(claims), caller=f"user:{claims['sub']}")

    def _claims(self, token: str) -> Mapping[str, Any]:
        import jwt

        try:
            key = self._key(jwt.get_unverified_header(token).get("kid", ""))
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                issuer=self._issuer,
                leeway=_LEEWAY,
                # Access tokens name their client in a claim of their own, see below.
                options={"require": ["exp", "iat", "iss", "sub", "token_use"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError:
            raise _refused("The token has expired.") from None
        except jwt.InvalidTokenError as error:
            raise _refused("The token is not valid.", why=type(error).__name__) from None
        client = {"access": claims.get("client_id"), "id": claims.get("aud")}.get(str(claims["token_use"]))
        if client != self._client_id:
            raise _refused("The token was issued for something else.")
        return claims

    def _key(self, kid: str) -> "PyJWK":
        import jwt

        if self._client is None:
            self._client = jwt.PyJWKClient(self._keys_url, lifespan=_KEEP_SECONDS, timeout=_TIMEOUT)
        try:
            found = self._client.match_kid(self._client.get_signing_keys(), kid)
            now = self._clock()
            if found is None and (self._rechecked_at is None or now - self._rechecked_at >= _RECHECK_SECONDS):
                self._rechecked_at = now
                found = self._client.match_kid(self._client.get_signing_keys(refresh=True), kid)
        except (jwt.PyJWKClientError, jwt.PyJWKSetError) as error:
            raise Fault(
                FaultCode.UNAVAILABLE,
                "The keys of the user pool cannot be read.",
                why=type(error).__name__,
                fix="Try again in a moment, or use an API key.",
            ) from error
        if found is None:
            raise _refused("The token is signed with an unknown key.")
        return found


def _role(claims: Mapping[str, Any]) -> Role | None:
    """The highest role among the groups of the person."""
    groups = claims.get("cognito:groups") or []
    roles = [role for role in Role if role in groups]
    return roles[-1] if roles else None


def _refused(what: str, *, why: str = "", fix: str = "Sign in again.") -> Fault:
    return Fault(FaultCode.UNAUTHORIZED, what, why=why, fix=fix)
