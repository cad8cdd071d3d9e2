"""The function of a container worker, its role, its logs, and the mapping that feeds it."""

from dataclasses import dataclass
from typing import TypeVar

import pulumi
from pulumi_aws import cloudwatch, iam, lambda_

from infra import grants
from infra.naming import Deployment, Kind, dashed
from infra.policies import document, service_trust
from infra.settings import LogSettings
from infra.tags import tags
from infra.workers import Container, Worker


@dataclass(frozen=True, slots=True)
class ContainerWorkerArgs:
    """Which worker, what it runs, what it reads from and where its results go.

    `image_uri` is `{repository}@{digest}`. `queue_arn` is the queue's own, `images_bucket` the bucket's name,
    `boundary_arn` a policy that the role can never exceed.
    """

    deployment: Deployment
    worker: Worker
    container: Container
    image_uri: pulumi.Input[str]
    queue_arn: pulumi.Input[str]
    images_bucket: pulumi.Input[str]
    result_queue_url: pulumi.Input[str] | None
    logs: LogSettings
    boundary_arn: pulumi.Input[str] | None = None


Text = TypeVar("Text", str, pulumi.Input[str])


def environment(
    deployment: Deployment, worker: Worker, images_bucket: Text, result_queue_url: Text | None
) -> dict[str, Text | str]:
    """The variables of a container worker's function; `workers.contracts.environment` says what they mean."""
    variables: dict[str, Text | str] = {
        "BMX_STACK": deployment.stack,
        "BMX_IMAGES_BUCKET": images_bucket,
        "POWERTOOLS_SERVICE_NAME": worker.name,
    }
    if result_queue_url is not None:
        variables["BMX_RESULT_QUEUE_URL"] = result_queue_url
    return variables


class ContainerWorker(pulumi.ComponentResource):
    """A Lambda function that takes one worker's messages, with a role that holds nothing else."""

    function_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: ContainerWorkerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bluemoxon:compute:ContainerWorker", name, None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        self._tags = tags(args.deployment.stack, dashed(args.worker.name))
        role, policy = self._role(name, args)
        function = self._function(name, args, role, policy)
        self._mapping(name, args, function)
        self.function_name = function.name
        self.register_outputs({"function_name": function.name, "role_arn": role.arn})

    def _role(self, name: str, args: ContainerWorkerArgs) -> tuple[iam.Role, iam.RolePolicy]:
        role = iam.Role(
            name,
            iam.RoleArgs(
                name=args.deployment.name(Kind.ROLE, args.worker.name),
                description=f"BlueMoxon {args.worker.name}: own queue, own prefixes, result queue, own logs.",
                assume_role_policy=service_trust("lambda.amazonaws.com"),
                permissions_boundary=args.boundary_arn,
                tags=self._tags,
            ),
            opts=self._child,
        )
        policy = iam.RolePolicy(
            name,
            iam.RolePolicyArgs(
                name="worker",
                role=role.name,
                policy=document(*grants.container_worker(args.worker, args.deployment)),
            ),
            opts=self._child,
        )
        return role, policy

    def _function(
        self, name: str, args: ContainerWorkerArgs, role: iam.Role, policy: iam.RolePolicy
    ) -> lambda_.Function:
        deployment, container = args.deployment, args.container
        function_name = deployment.function(args.worker.name)
        logs = cloudwatch.LogGroup(
            name,
            cloudwatch.LogGroupArgs(
                name=deployment.log_group(function_name),
                retention_in_days=args.logs.retention_days,
                tags=self._tags,
            ),
            opts=self._child,
        )
        return lambda_.Function(
            name,
            lambda_.FunctionArgs(
                name=function_name,
                description=args.worker.summary,
                package_type="Image",
                image_uri=args.image_uri,
                # Said here too, so that image and declaration cannot name two handlers.
                image_config=lambda_.FunctionImageConfigArgs(commands=[container.handler]),
                role=role.arn,
                architectures=[container.architecture],
                timeout=container.timeout,
                memory_size=container.memory,
                ephemeral_storage=lambda_.FunctionEphemeralStorageArgs(size=container.ephemeral_storage),
                environment=lambda_.FunctionEnvironmentArgs(
                    variables=environment(deployment, args.worker, args.images_bucket, args.result_queue_url)
                ),
                logging_config=lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=logs.name),
                tags=self._tags,
            ),
            # Without its rights, the first invocations would fail; without its log group, Lambda would make
            # one for ever.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy, logs]),
        )

    def _mapping(self, name: str, args: ContainerWorkerArgs, function: lambda_.Function) -> None:
        container = args.container
        lambda_.EventSourceMapping(
            name,
            lambda_.EventSourceMappingArgs(
                event_source_arn=args.queue_arn,
                function_name=function.arn,
                batch_size=container.batch_size,
                maximum_batching_window_in_seconds=container.batch_window,
                # One bad message of a batch must not send the good ones back.
                function_response_types=["ReportBatchItemFailures"],
                # Limits this queue, and not the function's reserved share of the account, so that nothing is
                # throttled into the DLQ.
                scaling_config=lambda_.EventSourceMappingScalingConfigArgs(
                    maximum_concurrency=container.max_concurrency
                ),
                tags=self._tags,
            ),
            opts=self._child,
        )
