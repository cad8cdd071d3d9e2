"""Who calls, and what they may do.

Programs show an API key, people a token of the stack's user pool. Every route names the role that it takes;
`api.routing` is where it is asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chalicelib.faults import Fault, FaultCode
from workers.contracts import Role

if TYPE_CHECKING:
    from chalicelib.resources import Resources

__all__ = ["API_KEY_HEADER", "Principal", "Role", "authenticate", "identify", "presented_key"]

API_KEY_HEADER: Final = "X-API-Key"
BEARER: Final = "Bearer "


@dataclass(frozen=True)
class Principal:
    """Who made a call, in a form that can be logged."""

    name: str
    role: Role | None
    """None for a person who was given no role yet."""
    caller: str
    """Stays the same while keys are rotated; what limits and idempotency keys count by."""

    def require(self, role: Role) -> None:
        """Raise `Fault` (`forbidden`) where the caller may not do what asks for `role`."""
        if self.role is None or not self.role.includes(role):
            has = f"has the role {self.role}" if self.role else "has no role yet"
            raise Fault(
                FaultCode.FORBIDDEN,
                f"This takes the role {role}.",
                why=f"{self.name} {has}.",
                fix="An administrator gives roles: they are the groups of the user pool.",
                details={"required": role, "role": self.role},
            )


def identify(headers: Mapping[str, str], res: "Resources") -> Principal | None:
    """The caller, or None where nothing valid was shown: for what tells strangers less."""
    if not _header(headers, API_KEY_HEADER) and not _header(headers, "Authorization"):
        return None
    try:
        return authenticate(headers, res)
    except Fault as fault:
        if fault.code in (FaultCode.UNAUTHORIZED, FaultCode.MISCONFIGURED, FaultCode.UNAVAILABLE):
            return None
        raise


def authenticate(headers: Mapping[str, str], res: "Resources") -> Principal:
    """The caller; raises `Fault` (`unauthorized`) or `MisconfiguredError` where no key is set at all.

    The key of the deployment is looked at first, so that a deployment without one answers 503 to everybody
    instead of telling each caller that theirs is wrong. A key that is shown decides: a wrong one is not made
    good by a token.
    """
    presented = presented_key(headers)
    matched = res.api_keys.match(presented)
    if matched is not None:
        return Principal(name=f"api-key:{matched}", role=Role.ADMIN, caller="api-key")
    authorization = _header(headers, "Authorization")
    if not presented and authorization[: len(BEARER)].lower() == BEARER.lower():
        return res.tokens.verify(authorization[len(BEARER) :].strip())
    if presented:
        stack = res.settings.stack
        raise Fault(
            FaultCode.UNAUTHORIZED,
            "The API key is wrong.",
            why="It was mistyped, or has been rotated away.",
            fix=f"Whoever ran `bmx keys rotate --stack {stack}` has the present one in a file that it named; "
            f"the stack keeps it in the secret bluemoxon-{stack}/api-key.",
        )
    if authorization:
        what = "The Authorization header holds no bearer token."
    else:
        what = "Neither an API key nor a token was sent."
    raise Fault(
        FaultCode.UNAUTHORIZED,
        what,
        fix=f"Send the API key as {API_KEY_HEADER}, or a sign-in token as `Authorization: Bearer`.",
    )


def presented_key(headers: Mapping[str, str]) -> str:
    """The API key that a call shows; empty where it shows none."""
    return _header(headers, API_KEY_HEADER)


def _header(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name) or headers.get(name.lower()) or ""
