"""An image on its way to a stack: pushed to a registry, and remembered by its digest."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.naming import Deployment, Kind
from local.engine.project import require_settings
from local.files import read_json, write_atomic
from local.paths import Paths
from operations.image.build import reference_of
from operations.image.tools import Login, Tool
from operations.release.source import commit
from operations.target import Target
from workers.contracts.problem import Problem


@dataclass(frozen=True)
class Pushed:
    """An image in a registry."""

    target: str
    digest: str


def push(tool: Tool, worker: str, to: "str | Repository", tag: str) -> Pushed:
    """Push a worker's image unless the stack's repository has it, and note its digest for `last_pushed`.

    Raises `Problem` where the repository has another image under the tag, or one that may be another.
    """
    reference = reference_of(worker)
    uri, login = (to, None) if isinstance(to, str) else (to.uri, to.login)
    known = None if isinstance(to, str) else to.digest_of(tag)
    if known and not tag.endswith(_short(tool.config(reference).id)):
        raise Problem(
            f"{uri} has an image with the tag {tag} already.",
            why="It may be another one: of the same commit there are as many as there are bases. A tag is "
            "never given to a second image.",
            fix="Leave --tag out: the tag then names the commit and the image. Or choose another.",
        )
    digest = known or tool.push(reference, f"{uri}:{tag}", login)
    pushed = Pushed(f"{uri}:{tag}", digest)
    write_atomic(_record(tool.paths, worker), json.dumps(asdict(pushed)) + "\n")
    return pushed


def last_pushed(paths: Paths, worker: str) -> Pushed:
    """What was pushed last from this checkout; raises `Problem` where nothing was."""
    found = read_json(_record(paths, worker))
    if found is None:
        raise Problem(
            f"No image of {worker} was pushed from here.",
            fix="Push one first (bmx image push), or name the digest.",
        )
    return Pushed(**found)


@dataclass(frozen=True)
class Repository:
    """Where the images of a worker of a stack on AWS go, with this machine's AWS credentials."""

    uri: str
    login: Login
    client: Any = field(repr=False)

    def digest_of(self, tag: str) -> str | None:
        """What lies under a tag; None where nothing does."""
        try:
            images = self.client.describe_images(
                repositoryName=self.uri.partition("/")[2], imageIds=[{"imageTag": tag}]
            )["imageDetails"]
        except self.client.exceptions.ImageNotFoundException:
            return None
        return str(images[0]["imageDigest"]) if images else None


def repository_of(worker: str, stack: str, paths: Paths) -> Repository:
    """Raises `Problem` where the stack has no repository yet, or the credentials do not open it."""
    require_settings(paths.repo, stack)
    return open_repository(worker, stack, Target(stack, paths, (), {}, paths.repo).client("ecr"))


def open_repository(worker: str, stack: str, client: Any) -> Repository:
    """As `repository_of`, with a client of ECR."""
    from botocore.exceptions import BotoCoreError, ClientError

    name = Deployment(stack, "", "").name(Kind.REPOSITORY, worker)
    try:
        uri = str(client.describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryUri"])
        token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    except (ClientError, BotoCoreError) as error:
        raise Problem(
            f"The repository {name} cannot be used.",
            why=f"{error}.",
            fix=f"Deploy the stack first (bmx deploy --stack {stack}), and check the AWS credentials.",
        ) from error
    return Repository(uri, Login(uri.partition("/")[0], str(token)), client)


def tag_of(paths: Paths, image: str) -> str:
    """The commit and the image's id: the image also depends on the base, which is in no commit."""
    found = commit(paths.repo)
    return f"{found.id}-{_short(image)}" if found else _short(image)


def _short(image: str) -> str:
    return image[:12]


def _record(paths: Paths, worker: str) -> Path:
    return paths.images_pushed / f"{worker}.json"
