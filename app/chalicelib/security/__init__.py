"""Who calls, and whether they may.

Programs show an API key. Sign-in tokens of people (Cognito) are not accepted yet: a call with one is
refused by a sentence that says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.faults import Fault, FaultCode

if TYPE_CHECKING:
    from chalicelib.security.api_key import ApiKeys

API_KEY_HEADER = "X-API-Key"


class Role(StrEnum):
    """What a caller may do; an API key is an administrator."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """Who made a call, in a form that can be logged."""

    name: str
    role: Role


def identify(headers: Mapping[str, str], keys: "ApiKeys") -> Principal | None:
    """The caller, or None where nothing valid was shown: for what tells strangers less."""
    if not _presented(headers):
        return None
    try:
        return authenticate(headers, keys)
    except Fault as fault:
        if fault.code in (FaultCode.UNAUTHORIZED, FaultCode.MISCONFIGURED):
            return None
        raise


def authenticate(headers: Mapping[str, str], keys: "ApiKeys") -> Principal:
    """The caller; raises `Fault` (`unauthorized`) or `MisconfiguredError` where no key is set at all.

    The key of the deployment is looked at first, so that a deployment without one answers 503 to everybody
    instead of telling each caller that theirs is wrong.
    """
    presented = _presented(headers)
    matched = keys.match(presented)
    if matched is not None:
        return Principal(name=f"api-key:{matched}", role=Role.ADMIN)
    if not presented and (headers.get("Authorization") or headers.get("authorization")):
        raise Fault(
            FaultCode.UNAUTHORIZED,
            "Sign-in tokens are not accepted yet.",
            fix=f"Send the API key in the header {API_KEY_HEADER}.",
        )
    raise Fault(
        FaultCode.UNAUTHORIZED,
        "The API key is wrong." if presented else "The API key is missing.",
        fix=f"Send the API key in the header {API_KEY_HEADER}.",
    )


def _presented(headers: Mapping[str, str]) -> str:
    return headers.get(API_KEY_HEADER) or headers.get(API_KEY_HEADER.lower()) or ""
