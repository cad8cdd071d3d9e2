"""Cognito: user pools, their clients and groups."""
# ruff: noqa: ARG002, S105

from collections.abc import Mapping
from typing import Any

from local.provider.connection import Reply
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.shapes import camel, pascal
from local.provider.values import Properties
from workers.contracts import Problem

_PLAIN = {
    "autoVerifiedAttributes": "AutoVerifiedAttributes",
    "deletionProtection": "DeletionProtection",
    "mfaConfiguration": "MfaConfiguration",
    "userPoolTier": "UserPoolTier",
}
_CREATE_ONLY = {"aliasAttributes": "AliasAttributes", "usernameAttributes": "UsernameAttributes"}
_BLOCKS = {
    "accountRecoverySetting": "AccountRecoverySetting",
    "adminCreateUserConfig": "AdminCreateUserConfig",
    "deviceConfiguration": "DeviceConfiguration",
    "emailConfiguration": "EmailConfiguration",
    "userAttributeUpdateSettings": "UserAttributeUpdateSettings",
    "verificationMessageTemplate": "VerificationMessageTemplate",
}
_DEFAULTS: Properties = {"deletionProtection": "INACTIVE", "mfaConfiguration": "OFF"}


def _wanted(inputs: Properties) -> dict[str, Any]:
    """What create and update both take."""
    known = {**_DEFAULTS, **inputs}
    wanted = {name: known[key] for key, name in _PLAIN.items() if known.get(key) is not None}
    for key, name in _BLOCKS.items():
        if inputs.get(key) is not None:
            wanted[name] = pascal(inputs[key])
    if inputs.get("passwordPolicy") is not None:
        wanted["Policies"] = {"PasswordPolicy": pascal(inputs["passwordPolicy"])}
    recovery = wanted.get("AccountRecoverySetting")
    if recovery is not None:
        wanted["AccountRecoverySetting"] = {"RecoveryMechanisms": recovery.get("RecoveryMechanisms", [])}
    return wanted


class UserPool(ResourceType):
    """A user pool; its id is the service's."""

    token = "aws:cognito/userPool:UserPool"
    replace_on = frozenset({"aliasAttributes", "usernameAttributes", "usernameConfiguration", "region"})
    name_property = "name"
    name_prefix_property = None
    unordered = frozenset(
        {"aliasAttributes", "autoVerifiedAttributes", "usernameAttributes", "schemas"}
        | {"accountRecoverySetting.recoveryMechanisms"}
    )
    computed_inputs = frozenset(
        {"accountRecoverySetting", "adminCreateUserConfig", "emailConfiguration", "passwordPolicy"}
        | {"userPoolTier", "usernameConfiguration", "verificationMessageTemplate"}
    )

    def make(self, ctx: Context, inputs: Properties) -> str:
        created = {name: inputs[key] for key, name in _CREATE_ONLY.items() if inputs.get(key)}
        if inputs.get("usernameConfiguration"):
            created["UsernameConfiguration"] = pascal(inputs["usernameConfiguration"])
        if inputs.get("schemas"):
            created["Schema"] = pascal(inputs["schemas"])
        reply = ctx.aws.call(
            "cognito-idp",
            "create_user_pool",
            PoolName=inputs["name"],
            UserPoolTags=ctx.all_tags(inputs),
            **created,
            **_wanted(inputs),
        )
        return str(reply["UserPool"]["Id"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is not None:
            ctx.aws.call(
                "cognito-idp",
                "update_user_pool",
                UserPoolId=identifier,
                PoolName=new["name"],
                UserPoolTags=ctx.all_tags(new),
                **_wanted(new),
            )
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("cognito-idp", "describe_user_pool", UserPoolId=identifier)
        if reply is None:
            return None
        found = reply["UserPool"]
        outputs: Properties = {
            **_DEFAULTS,
            **{key: found[name] for key, name in {**_PLAIN, **_CREATE_ONLY}.items() if found.get(name)},
            "name": found["Name"],
            "arn": found.get("Arn") or ctx.arn("cognito-idp", f"userpool/{identifier}"),
            "endpoint": f"cognito-idp.{ctx.region}.amazonaws.com/{identifier}",
            "estimatedNumberOfUsers": found.get("EstimatedNumberOfUsers", 0),
            "domain": found.get("Domain", ""),
            "customDomain": found.get("CustomDomain", ""),
        }
        for key, name in _BLOCKS.items():
            outputs.update(_block(key, found.get(name), state))
        outputs.update(_block("passwordPolicy", found.get("Policies", {}).get("PasswordPolicy"), state))
        return outputs

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        if state.get("deletionProtection") == "ACTIVE":
            raise Problem(
                f"The user pool {state.get('name')} is protected from deletion.",
                fix='Set deletion_protection="INACTIVE" and apply that first.',
            )
        ctx.aws.find("cognito-idp", "delete_user_pool", UserPoolId=identifier)


def _block(key: str, found: Mapping[str, Any] | None, state: Properties) -> Properties:
    """A nested block as the service has it, in what the program says of it: the rest are its defaults."""
    asked = state.get(key)
    if not found or asked is None:
        return {}
    now = camel(found)
    return {key: {name: now.get(name, value) for name, value in asked.items()}}


_CLIENT = {
    "accessTokenValidity": "AccessTokenValidity",
    "allowedOauthFlows": "AllowedOAuthFlows",
    "allowedOauthFlowsUserPoolClient": "AllowedOAuthFlowsUserPoolClient",
    "allowedOauthScopes": "AllowedOAuthScopes",
    "authSessionValidity": "AuthSessionValidity",
    "callbackUrls": "CallbackURLs",
    "defaultRedirectUri": "DefaultRedirectURI",
    "enableTokenRevocation": "EnableTokenRevocation",
    "explicitAuthFlows": "ExplicitAuthFlows",
    "idTokenValidity": "IdTokenValidity",
    "logoutUrls": "LogoutURLs",
    "name": "ClientName",
    "preventUserExistenceErrors": "PreventUserExistenceErrors",
    "readAttributes": "ReadAttributes",
    "refreshTokenValidity": "RefreshTokenValidity",
    "supportedIdentityProviders": "SupportedIdentityProviders",
    "writeAttributes": "WriteAttributes",
}


class UserPoolClient(ResourceType):
    """An application of a user pool; its id is the client id."""

    token = "aws:cognito/userPoolClient:UserPoolClient"
    replace_on = frozenset({"userPoolId", "generateSecret", "region"})
    name_property = "name"
    name_prefix_property = None
    secret_outputs = frozenset({"clientSecret"})
    unordered = frozenset(
        {"allowedOauthFlows", "allowedOauthScopes", "callbackUrls", "explicitAuthFlows", "logoutUrls"}
        | {"readAttributes", "supportedIdentityProviders", "writeAttributes"}
    )
    computed_inputs = frozenset(
        {"authSessionValidity", "enableTokenRevocation", "refreshTokenValidity", "tokenValidityUnits"}
        | {"accessTokenValidity", "idTokenValidity", "readAttributes", "writeAttributes"}
        | {"preventUserExistenceErrors", "supportedIdentityProviders"}
    )

    def _wanted(self, inputs: Properties) -> dict[str, Any]:
        wanted = {name: inputs[key] for key, name in _CLIENT.items() if inputs.get(key) is not None}
        if inputs.get("tokenValidityUnits") is not None:
            wanted["TokenValidityUnits"] = pascal(inputs["tokenValidityUnits"])
        return wanted

    def make(self, ctx: Context, inputs: Properties) -> str:
        reply = ctx.aws.call(
            "cognito-idp",
            "create_user_pool_client",
            UserPoolId=inputs["userPoolId"],
            GenerateSecret=bool(inputs.get("generateSecret")),
            **self._wanted(inputs),
        )
        return str(reply["UserPoolClient"]["ClientId"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is not None:
            ctx.aws.call(
                "cognito-idp",
                "update_user_pool_client",
                UserPoolId=new["userPoolId"],
                ClientId=identifier,
                **self._wanted(new),
            )
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply: Reply | None = ctx.aws.find(
            "cognito-idp",
            "describe_user_pool_client",
            UserPoolId=state["userPoolId"],
            ClientId=identifier,
        )
        if reply is None:
            return None
        found = reply["UserPoolClient"]
        return {
            **{key: found[name] for key, name in _CLIENT.items() if found.get(name) is not None},
            "userPoolId": state["userPoolId"],
            "generateSecret": bool(state.get("generateSecret")),
            "clientSecret": found.get("ClientSecret") or "",
            **_block("tokenValidityUnits", found.get("TokenValidityUnits"), state),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find(
            "cognito-idp", "delete_user_pool_client", UserPoolId=state["userPoolId"], ClientId=identifier
        )


_GROUP = {"description": "Description", "precedence": "Precedence", "roleArn": "RoleArn"}


class UserGroup(ResourceType):
    """A group of a user pool; its id is the pool's and its name."""

    token = "aws:cognito/userGroup:UserGroup"
    replace_on = frozenset({"userPoolId", "name", "region"})
    name_property = "name"
    name_prefix_property = None

    def make(self, ctx: Context, inputs: Properties) -> str:
        wanted = {name: inputs[key] for key, name in _GROUP.items() if inputs.get(key) is not None}
        pool, group = inputs["userPoolId"], inputs["name"]
        ctx.aws.call("cognito-idp", "create_group", UserPoolId=pool, GroupName=group, **wanted)
        return f"{pool}/{group}"

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        """The emulator has no UpdateGroup: the group is made again, with its members."""
        if old is None:
            return None
        named = {"UserPoolId": new["userPoolId"], "GroupName": new["name"]}
        members = ctx.aws.call("cognito-idp", "list_users_in_group", **named)["Users"]
        ctx.aws.call("cognito-idp", "delete_group", **named)
        self.make(ctx, new)
        for member in members:
            ctx.aws.call("cognito-idp", "admin_add_user_to_group", Username=member["Username"], **named)
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        pool, _, name = identifier.partition("/")
        reply = ctx.aws.find("cognito-idp", "get_group", UserPoolId=pool, GroupName=name)
        if reply is None:
            return None
        found = reply["Group"]
        known = {key: found[name] for key, name in _GROUP.items() if found.get(name) not in (None, "")}
        return {**known, "userPoolId": pool, "name": found["GroupName"]}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        pool, _, name = identifier.partition("/")
        ctx.aws.find("cognito-idp", "delete_group", UserPoolId=pool, GroupName=name)


class UserPoolDomain(ResourceType):
    """Where a user pool's sign-in page is; its id is the domain."""

    token = "aws:cognito/userPoolDomain:UserPoolDomain"
    replace_on = frozenset({"userPoolId", "domain", "region"})
    name_property = None
    name_prefix_property = None

    def make(self, ctx: Context, inputs: Properties) -> str:
        ctx.aws.call(
            "cognito-idp", "create_user_pool_domain", UserPoolId=inputs["userPoolId"], Domain=inputs["domain"]
        )
        return str(inputs["domain"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("cognito-idp", "describe_user_pool_domain", Domain=identifier)
        found = (reply or {}).get("DomainDescription") or {}
        if not found.get("UserPoolId"):
            return None
        return {"domain": identifier, "userPoolId": found["UserPoolId"]}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find(
            "cognito-idp", "delete_user_pool_domain", UserPoolId=state["userPoolId"], Domain=identifier
        )


TYPES = (UserGroup, UserPool, UserPoolClient, UserPoolDomain)
