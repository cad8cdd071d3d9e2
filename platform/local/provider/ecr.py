"""ECR: repositories and their policies."""
# ruff: noqa: ARG002, S105

from typing import ClassVar

from local.provider import tags
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.shapes import nested
from local.provider.values import Properties


class Repository(ResourceType):
    """A repository; its id is its name."""

    token = "aws:ecr/repository:Repository"
    replace_on = frozenset({"name", "encryptionConfigurations", "region"})
    name_property = "name"
    name_prefix_property = None
    computed_inputs = frozenset({"encryptionConfigurations"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        wanted: Properties = {}
        if encryption := inputs.get("encryptionConfigurations"):
            wanted["encryptionConfiguration"] = {"encryptionType": "AES256", **encryption[0]}
        ctx.aws.call(
            "ecr",
            "create_repository",
            repositoryName=inputs["name"],
            imageTagMutability=inputs.get("imageTagMutability") or "MUTABLE",
            imageScanningConfiguration=_scanning(inputs),
            tags=tags.pairs(ctx.all_tags(inputs)),
            **wanted,
        )
        return str(inputs["name"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is None:
            return None
        mutability = new.get("imageTagMutability") or "MUTABLE"
        if mutability != (old.get("imageTagMutability") or "MUTABLE"):
            ctx.aws.call(
                "ecr", "put_image_tag_mutability", repositoryName=identifier, imageTagMutability=mutability
            )
        if _scanning(new) != _scanning(old):
            ctx.aws.call(
                "ecr",
                "put_image_scanning_configuration",
                repositoryName=identifier,
                imageScanningConfiguration=_scanning(new),
            )
        wanted, arn = ctx.all_tags(new), ctx.arn("ecr", f"repository/{identifier}")
        if gone := tags.removed(old, wanted):
            ctx.aws.call("ecr", "untag_resource", resourceArn=arn, tagKeys=gone)
        if wanted and wanted != ctx.all_tags(old):
            ctx.aws.call("ecr", "tag_resource", resourceArn=arn, tags=tags.pairs(wanted))
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("ecr", "describe_repositories", repositoryNames=[identifier])
        if not reply or not reply.get("repositories"):
            return None
        found = reply["repositories"][0]
        tagging = ctx.aws.call("ecr", "list_tags_for_resource", resourceArn=found["repositoryArn"])
        outputs: Properties = {
            "name": identifier,
            "arn": found["repositoryArn"],
            "registryId": found.get("registryId", ctx.account),
            "repositoryUrl": found["repositoryUri"],
            "imageTagMutability": found.get("imageTagMutability", "MUTABLE"),
            "forceDelete": bool(state.get("forceDelete")),
            "tags": tags.own(ctx.default_tags, tags.mapping(tagging.get("tags") or [])),
        }
        if found.get("imageScanningConfiguration"):
            outputs["imageScanningConfiguration"] = found["imageScanningConfiguration"]
        if state.get("encryptionConfigurations") is None and found.get("encryptionConfiguration"):
            outputs["encryptionConfigurations"] = [found["encryptionConfiguration"]]
        return outputs

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find(
            "ecr", "delete_repository", repositoryName=identifier, force=bool(state.get("forceDelete"))
        )


def _scanning(inputs: Properties) -> dict[str, bool]:
    return {"scanOnPush": bool(nested(inputs, "imageScanningConfiguration", "scanOnPush"))}


class _RepositoryDocument(ResourceType):
    """A document of a repository; its id is the repository's name."""

    put: ClassVar[str]
    get: ClassVar[str]
    remove: ClassVar[str]
    text: ClassVar[str]
    replace_on = frozenset({"repository", "region"})
    json_properties = frozenset({"policy"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        return str(inputs["repository"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        ctx.aws.call("ecr", self.put, repositoryName=identifier, **{self.text: new["policy"]})
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        found = ctx.aws.find("ecr", self.get, repositoryName=identifier)
        if found is None:
            return None
        return {
            "repository": identifier,
            "policy": found[self.text],
            "registryId": found.get("registryId", ctx.account),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("ecr", self.remove, repositoryName=identifier)


class LifecyclePolicy(_RepositoryDocument):
    """Which images expire."""

    token = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
    put, get, remove = "put_lifecycle_policy", "get_lifecycle_policy", "delete_lifecycle_policy"
    text = "lifecyclePolicyText"


class RepositoryPolicy(_RepositoryDocument):
    """Who may pull and push."""

    token = "aws:ecr/repositoryPolicy:RepositoryPolicy"
    put, get, remove = "set_repository_policy", "get_repository_policy", "delete_repository_policy"
    text = "policyText"


TYPES = (LifecyclePolicy, Repository, RepositoryPolicy)
