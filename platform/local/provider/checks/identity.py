"""IAM and Cognito."""

from collections.abc import Iterator, Mapping

from local.provider.checks.limits import Api, Limits
from local.provider.checks.policies import MANAGED_POLICY, ROLE_POLICY, TRUST_POLICY
from local.provider.checks.rules import Exclusive, Matches, OneOf, Refused, given, known, number
from local.provider.values import Properties

_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
_VALIDITIES = {
    "accessTokenValidity": ("accessToken", "hours", 300, 86_400, "5 minutes to a day"),
    "idTokenValidity": ("idToken", "hours", 300, 86_400, "5 minutes to a day"),
    "refreshTokenValidity": ("refreshToken", "days", 3600, 315_360_000, "an hour to ten years"),
}
"""Property to its unit's property, the unit without one, and AWS's range in seconds
("CreateUserPoolClient").
"""
_URL = (
    r"https://[^\s#]+|http://(localhost|127\.0\.0\.1)(:\d+)?(/[^\s#]*)?|(?!http:)[a-z][a-z0-9+.-]*://[^\s#]*"
)
_LEGACY_FLOWS = ("ADMIN_NO_SRP_AUTH", "CUSTOM_AUTH_FLOW_ONLY", "USER_PASSWORD_AUTH")


def _validities(inputs: Properties) -> Iterator[Refused]:
    units = inputs.get("tokenValidityUnits")
    for key, (unit, default, low, high, words) in _VALIDITIES.items():
        length = number(inputs.get(key))
        named = (units.get(unit) if isinstance(units, Mapping) else None) or default
        if length is None or named not in _SECONDS or (length == 0 and key == "refreshTokenValidity"):
            continue
        if not low <= length * _SECONDS[named] <= high:
            yield Refused(key, inputs[key], f"in {named} is out of range: use {words}")


def _flows(inputs: Properties) -> Iterator[Refused]:
    flows = inputs.get("explicitAuthFlows")
    if isinstance(flows, list):
        old = [flow for flow in flows if flow in _LEGACY_FLOWS]
        if old and len(old) != len(flows):
            yield Refused("explicitAuthFlows", old[0], "cannot be mixed with ALLOW_ flows: use these only")


def _oauth(inputs: Properties) -> Iterator[Refused]:
    flows = inputs.get("allowedOauthFlows")
    if not isinstance(flows, list) or not flows:
        return
    if not given(inputs, ("allowedOauthScopes",)):
        yield Refused("allowedOauthScopes", None, "is missing: 'allowedOauthFlows' needs it")
    if {"code", "implicit"} & {flow for flow in flows if isinstance(flow, str)} and not inputs.get(
        "callbackUrls"
    ):
        yield Refused("callbackUrls", None, "is missing: the flow needs a page to return to")


def _default_redirect(inputs: Properties) -> Iterator[Refused]:
    urls = inputs.get("callbackUrls")
    for _, default in known(inputs, "defaultRedirectUri"):
        if isinstance(urls, list) and default not in urls:
            yield Refused("defaultRedirectUri", default, "is not among 'callbackUrls': add it there")


def _sms(inputs: Properties) -> Iterator[Refused]:
    factors = ("smsConfiguration", "softwareTokenMfaConfiguration", "emailMfaConfiguration")
    if inputs.get("mfaConfiguration") in ("ON", "OPTIONAL") and not given(
        inputs, (*factors, "webAuthnConfiguration")
    ):
        yield Refused(
            "mfaConfiguration", inputs["mfaConfiguration"], f"needs a factor: give {', '.join(factors)}"
        )


LIMITS = {
    "aws:iam/role:Role": Limits(
        Api("iam", "CreateRole", {"name": "RoleName"}),
        documents={"assumeRolePolicy": TRUST_POLICY},
        rules=(Exclusive(("name", "namePrefix")),),
    ),
    "aws:iam/rolePolicy:RolePolicy": Limits(
        Api("iam", "PutRolePolicy", {"name": "PolicyName", "role": "RoleName"}),
        documents={"policy": ROLE_POLICY},
        rules=(Exclusive(("name", "namePrefix")),),
    ),
    "aws:iam/policy:Policy": Limits(
        Api("iam", "CreatePolicy", {"name": "PolicyName"}),
        documents={"policy": MANAGED_POLICY},
        rules=(Exclusive(("name", "namePrefix")),),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Limits(
        Api("iam", "AttachRolePolicy", {"role": "RoleName"})
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Limits(
        Api(
            "iam",
            "CreateOpenIDConnectProvider",
            {"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"},
        ),
        rules=(
            Matches("url", r"https://[^\s?#]+", "an https:// address without a query"),
            Matches("thumbprintLists", r"[0-9a-fA-F]{40}", "40 hexadecimal digits"),
        ),
    ),
    "aws:cognito/userPool:UserPool": Limits(
        Api(
            "cognito-idp",
            "CreateUserPool",
            {"name": "PoolName", "passwordPolicy": "Policies.PasswordPolicy", "schemas": "Schema"},
        ),
        rules=(
            Exclusive(("aliasAttributes", "usernameAttributes")),
            OneOf(
                "accountRecoverySetting.recoveryMechanisms.name",
                ("admin_only", "verified_email", "verified_phone_number"),
            ),
            _sms,
        ),
    ),
    "aws:cognito/userGroup:UserGroup": Limits(Api("cognito-idp", "CreateGroup", {"name": "GroupName"})),
    "aws:cognito/userPoolDomain:UserPoolDomain": Limits(
        Api("cognito-idp", "CreateUserPoolDomain", {"domain": "Domain"})
    ),
    "aws:cognito/userPoolClient:UserPoolClient": Limits(
        Api("cognito-idp", "CreateUserPoolClient", {"name": "ClientName"}),
        rules=(
            Matches("callbackUrls", _URL, "https://, an application's own scheme, or http://localhost"),
            Matches("logoutUrls", _URL, "https://, an application's own scheme, or http://localhost"),
            _validities,
            _flows,
            _oauth,
            _default_redirect,
        ),
    ),
}
