"""People who sign in: a Cognito user pool, its groups and the application's client."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cognito

from infra.guard import Guard
from infra.naming import Deployment, Kind
from infra.settings import SignInSettings
from infra.tags import tags
from workers.contracts import Role

_HOURS, _DAYS = "hours", "days"


@dataclass(frozen=True, slots=True)
class IdentityArgs:
    """Where, the hooks that guard the pool, and its sign-in page where there is one."""

    deployment: Deployment
    guard: Guard
    sign_in: SignInSettings | None = None


class Identity(pulumi.ComponentResource):
    """A user pool in which only administrators make users, a group for each role, and a public client without
    a secret, which may use the pool's sign-in page where the stack has one.
    """

    user_pool_id: pulumi.Output[str]
    user_pool_arn: pulumi.Output[str]
    client_id: pulumi.Output[str]
    sign_in_url: pulumi.Output[str] | None
    """Of the sign-in page's host."""

    def __init__(self, name: str, args: IdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bluemoxon:identity:Identity", name, None, opts)
        pool = cognito.UserPool(
            name,
            cognito.UserPoolArgs(
                name=args.deployment.name(Kind.USER_POOL, "people"),
                username_attributes=["email"],
                auto_verified_attributes=["email"],
                admin_create_user_config=cognito.UserPoolAdminCreateUserConfigArgs(
                    allow_admin_create_user_only=True
                ),
                password_policy=cognito.UserPoolPasswordPolicyArgs(
                    minimum_length=12,
                    require_lowercase=True,
                    require_numbers=True,
                    require_symbols=False,
                    require_uppercase=True,
                    temporary_password_validity_days=3,
                ),
                account_recovery_setting=cognito.UserPoolAccountRecoverySettingArgs(
                    recovery_mechanisms=[
                        cognito.UserPoolAccountRecoverySettingRecoveryMechanismArgs(
                            name="verified_email", priority=1
                        )
                    ]
                ),
                deletion_protection="ACTIVE",
                tags=tags(args.deployment.stack, "identity"),
            ),
            # A pool that is made again has no users.
            opts=args.guard.kept(self),
        )
        client = cognito.UserPoolClient(
            name,
            cognito.UserPoolClientArgs(
                name=args.deployment.name(Kind.USER_POOL, "web"),
                user_pool_id=pool.id,
                generate_secret=False,
                explicit_auth_flows=[
                    "ALLOW_USER_SRP_AUTH",
                    "ALLOW_USER_PASSWORD_AUTH",
                    "ALLOW_REFRESH_TOKEN_AUTH",
                ],
                prevent_user_existence_errors="ENABLED",
                enable_token_revocation=True,
                access_token_validity=1,
                id_token_validity=1,
                refresh_token_validity=30,
                token_validity_units=cognito.UserPoolClientTokenValidityUnitsArgs(
                    access_token=_HOURS,
                    id_token=_HOURS,
                    refresh_token=_DAYS,
                ),
                **_return_to(args.sign_in),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        for precedence, role in enumerate(reversed(Role)):
            cognito.UserGroup(
                role.value,
                cognito.UserGroupArgs(
                    name=role.value,
                    user_pool_id=pool.id,
                    # The lowest number is the one that counts where a person is in several.
                    precedence=precedence,
                    description=f"May do what takes the role {role} in BlueMoxon.",
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.user_pool_id = pool.id
        self.user_pool_arn = pool.arn
        self.client_id = client.id
        self.sign_in_url = self._sign_in_page(name, args, pool) if args.sign_in else None
        self.register_outputs({"user_pool_id": pool.id, "client_id": client.id})

    def _sign_in_page(self, name: str, args: IdentityArgs, pool: cognito.UserPool) -> pulumi.Output[str]:
        prefix = (args.sign_in and args.sign_in.domain_prefix) or args.deployment.sign_in_prefix()
        domain = cognito.UserPoolDomain(
            name,
            cognito.UserPoolDomainArgs(domain=prefix, user_pool_id=pool.id),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return pulumi.Output.concat(
            "https://", domain.domain, f".auth.{args.deployment.region}.amazoncognito.com"
        )


def _return_to(sign_in: SignInSettings | None) -> dict[str, Any]:
    """How the client uses the sign-in page: the code flow, which its pages secure with PKCE."""
    if sign_in is None:
        return {}
    address = [f"{sign_in.pages_url}/sign-in"]
    return {
        "callback_urls": address,
        "logout_urls": address,
        "allowed_oauth_flows": ["code"],
        "allowed_oauth_scopes": ["openid", "email"],
        "allowed_oauth_flows_user_pool_client": True,
        "supported_identity_providers": ["COGNITO"],
    }
