"""Who calls: what the pages ask, so that they offer what the caller may do and nothing else."""

from typing import Literal

from chalice.app import Blueprint
from pydantic import BaseModel, Field

from chalicelib import resources
from chalicelib.api.routing import Call, Routes
from chalicelib.security import Role, authenticate

blueprint = Blueprint(__name__)
routes = Routes(blueprint, "System")


class Me(BaseModel):
    """A caller as the audit log names them."""

    name: str = Field(examples=["user:anna@example.com"])
    role: Role | None
    kind: Literal["api-key", "user"]
    stack: str = Field(examples=["staging"])


@routes.route("GET", "/me", summary="Who calls, and what they may do")
def get_me(call: Call) -> Me:
    """A person without a role is refused here as everywhere, with the reason."""
    principal = authenticate(call.headers, resources.current())
    return Me(
        name=principal.name,
        role=principal.role,
        kind="api-key" if principal.caller == "api-key" else "user",
        stack=resources.current().settings.stack,
    )
