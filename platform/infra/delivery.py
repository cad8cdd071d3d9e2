"""Who deploys: GitHub's workflows, under a role of AWS, without a key that could be lost."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import iam

from infra import boundary, deploy_grants
from infra.naming import Deployment
from infra.policies import document
from infra.settings import DatabaseSettings, DeploySettings
from infra.tags import tags
from infra.workers import Worker


@dataclass(frozen=True, slots=True)
class DeliveryArgs:
    """Who is trusted, and what there is to deploy. `login_arn` is the secret of mode `existing`."""

    deployment: Deployment
    settings: DeploySettings
    workers: Sequence[Worker]
    database: DatabaseSettings
    login_arn: str | None


class Delivery(pulumi.ComponentResource):
    """CI's role, the boundary of every other role, and where it is not there yet, GitHub's identity provider.

    `infra.deploy_grants` and `infra.boundary` say what they may and why.
    """

    role_arn: pulumi.Output[str]
    boundary_arn: pulumi.Output[str]

    def __init__(self, name: str, args: DeliveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bluemoxon:delivery:Delivery", name, None, opts)
        deployment, settings = args.deployment, args.settings
        self._child = pulumi.ResourceOptions(parent=self)
        self._tags = tags(deployment.stack, "delivery")
        most = iam.Policy(
            f"{name}-boundary",
            iam.PolicyArgs(
                name=boundary.boundary_name(deployment),
                description="The most that a role of this BlueMoxon stack may do.",
                policy=document(*boundary.boundary(args.workers, deployment, args.database, args.login_arn)),
                tags=self._tags,
            ),
            opts=self._child,
        )
        role = iam.Role(
            name,
            iam.RoleArgs(
                name=deploy_grants.deploy_role_name(deployment),
                description=f"BlueMoxon deployments by {settings.repository}.",
                assume_role_policy=self._identity_provider(name, settings).apply(
                    lambda arn: document(deploy_grants.trust(settings, arn))
                ),
                tags=self._tags,
            ),
            opts=self._child,
        )
        iam.RolePolicy(
            name,
            iam.RolePolicyArgs(
                name="deploy",
                role=role.name,
                policy=document(*deploy_grants.deploy(settings, deployment, args.database, args.login_arn)),
            ),
            opts=self._child,
        )
        self.role_arn = role.arn
        self.boundary_arn = most.arn
        self.register_outputs({"role_arn": role.arn, "boundary_arn": most.arn})

    def _identity_provider(self, name: str, settings: DeploySettings) -> pulumi.Output[str]:
        if settings.oidc_provider_arn is not None:
            return pulumi.Output.from_input(settings.oidc_provider_arn)
        provider = iam.OpenIdConnectProvider(
            name,
            # AWS knows GitHub's certificates itself; there is no thumbprint to keep up.
            iam.OpenIdConnectProviderArgs(
                url=f"https://{deploy_grants.GITHUB}",
                client_id_lists=[deploy_grants.AUDIENCE],
                tags=self._tags,
            ),
            # Other stacks of the account may trust it too: it stays when this one goes.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        return provider.arn
