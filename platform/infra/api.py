"""What the Chalice application runs under: its role, its environment, its place in the network."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import iam

from infra import grants
from infra.naming import Deployment, Kind
from infra.network import Network
from infra.policies import document, service_trust
from infra.tags import tags
from infra.workers import Worker, queues


@dataclass(frozen=True, slots=True)
class ApiArgs:
    """All that the application has to reach. `database_target` is JSON, the secrets are ARNs.

    The role can never exceed the policy `boundary_arn`.
    """

    deployment: Deployment
    workers: Sequence[Worker]
    images_bucket: pulumi.Input[str]
    database_target: pulumi.Output[str]
    database_secret_arn: pulumi.Output[str]
    api_key_secret_arn: pulumi.Output[str]
    user_pool_id: pulumi.Output[str]
    user_pool_arn: pulumi.Output[str]
    user_pool_client_id: pulumi.Output[str]
    network: Network | None
    sign_in_url: pulumi.Output[str] | None = None
    boundary_arn: pulumi.Input[str] | None = None


class Api(pulumi.ComponentResource):
    """The role of the Chalice functions, and the configuration that `bmx config sync` writes for them."""

    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: ApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bluemoxon:api:Api", name, None, opts)
        self._args = args
        deployment = args.deployment
        role = iam.Role(
            name,
            iam.RoleArgs(
                name=deployment.name(Kind.ROLE, "api"),
                description="BlueMoxon application: its queues, secrets, images and logs.",
                assume_role_policy=service_trust("lambda.amazonaws.com"),
                permissions_boundary=args.boundary_arn,
                tags=tags(deployment.stack, "api"),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        policy = pulumi.Output.all(
            args.database_secret_arn, args.api_key_secret_arn, args.user_pool_arn
        ).apply(
            lambda arns: document(
                *grants.api(
                    args.workers,
                    deployment,
                    secret_arns=arns[:2],
                    api_key_secret_arn=arns[1],
                    user_pool_arn=arns[2],
                    in_vpc=args.network is not None,
                )
            )
        )
        iam.RolePolicy(
            name,
            iam.RolePolicyArgs(name="api", role=role.name, policy=policy),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.role_arn = role.arn
        self.register_outputs({"role_arn": role.arn})

    def outputs(self) -> pulumi.Output[dict[str, object]]:
        """The stack output `api`."""
        args, network = self._args, self._args.network
        return pulumi.Output.from_input(
            {
                "role_arn": self.role_arn,
                "environment": {
                    "BMX_STACK": args.deployment.stack,
                    "BMX_QUEUES": queues(args.workers, args.deployment).model_dump_json(),
                    "BMX_IMAGES_BUCKET": args.images_bucket,
                    "BMX_DATABASE": args.database_target,
                    "BMX_API_KEY_SECRET_ARN": args.api_key_secret_arn,
                    "BMX_USER_POOL_ID": args.user_pool_id,
                    "BMX_USER_POOL_CLIENT_ID": args.user_pool_client_id,
                    **({"BMX_SIGN_IN_URL": args.sign_in_url} if args.sign_in_url else {}),
                },
                "subnet_ids": list(network.subnet_ids) if network else [],
                "security_group_ids": list(network.application_group_ids) if network else [],
            }
        )
