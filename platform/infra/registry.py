"""The repository of a container worker's images."""

import json
from dataclasses import dataclass

import pulumi
from pulumi_aws import ecr

from infra import grants
from infra.naming import Deployment, Kind, dashed
from infra.policies import document
from infra.tags import tags
from infra.workers import Worker

KEPT_IMAGES = 20
UNTAGGED_DAYS = 7


def lifecycle_policy() -> str:
    """Expires what is not needed any more: layers of failed pushes soon, releases when many newer ones exist.

    CI tags every image with the commit, so that the second rule, for any tag, is the one that matters.
    """
    rules = [
        (
            "Remove images without a tag",
            {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": UNTAGGED_DAYS,
            },
        ),
        (
            f"Keep the newest {KEPT_IMAGES} images",
            {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT_IMAGES},
        ),
    ]
    return json.dumps(
        {
            "rules": [
                {
                    "rulePriority": priority,
                    "description": text,
                    "selection": selection,
                    "action": {"type": "expire"},
                }
                for priority, (text, selection) in enumerate(rules, start=1)
            ]
        }
    )


@dataclass(frozen=True, slots=True)
class RegistryArgs:
    """Whose images."""

    deployment: Deployment
    worker: Worker


class Registry(pulumi.ComponentResource):
    """An ECR repository: immutable tags, scanned, encrypted, tidied, and open to one function."""

    url: pulumi.Output[str]

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bluemoxon:registry:Registry", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        deployment, worker = args.deployment, args.worker
        repository = ecr.Repository(
            name,
            ecr.RepositoryArgs(
                name=deployment.name(Kind.REPOSITORY, worker.name),
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
                encryption_configurations=[
                    ecr.RepositoryEncryptionConfigurationArgs(encryption_type="AES256")
                ],
                tags=tags(deployment.stack, dashed(worker.name)),
            ),
            opts=child,
        )
        ecr.LifecyclePolicy(
            name, ecr.LifecyclePolicyArgs(repository=repository.name, policy=lifecycle_policy()), opts=child
        )
        function_arn = deployment.arn("lambda", f"function:{deployment.function(worker.name)}")
        ecr.RepositoryPolicy(
            name,
            ecr.RepositoryPolicyArgs(
                repository=repository.name, policy=document(*grants.repository_policy(function_arn))
            ),
            opts=child,
        )
        self.url = repository.repository_url
        self.register_outputs({"url": self.url})
