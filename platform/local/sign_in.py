"""Lets the emulator's sign-in page return to the pages, whose address is known only once they are deployed.

On AWS the addresses are part of the stack's configuration; here the API's id is a new one for each new API.
"""

from collections.abc import Mapping
from typing import Any

from local.provider.connection import Aws


def allow_return(aws: Aws, environment: Mapping[str, str], api_url: str) -> None:
    """Register the pages of `api_url` with the user pool's client, and the flow that they use."""
    named = {
        "UserPoolId": environment.get("BMX_USER_POOL_ID", ""),
        "ClientId": environment.get("BMX_USER_POOL_CLIENT_ID", ""),
    }
    if not all(named.values()):
        return
    address = [f"{api_url}/sign-in"]
    wanted: dict[str, Any] = {
        "CallbackURLs": address,
        "LogoutURLs": address,
        "AllowedOAuthFlows": ["code"],
        "AllowedOAuthScopes": ["openid", "email"],
        "AllowedOAuthFlowsUserPoolClient": True,
    }
    client = aws.call("cognito-idp", "describe_user_pool_client", **named)["UserPoolClient"]
    if any(client.get(name) != value for name, value in wanted.items()):
        # What an update does not name goes back to its default, so all of it is named.
        kept = {name: it for name, it in client.items() if it not in ("", None) and name not in _READ_ONLY}
        aws.call("cognito-idp", "update_user_pool_client", **{**kept, **wanted, **named})


_READ_ONLY = frozenset({"ClientSecret", "CreationDate", "LastModifiedDate"})
