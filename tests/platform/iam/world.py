"""A deployed stack, its roles and sessions of them."""

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from bmx.scaffold import stacks
from bmx.scaffold.worker import DECLARATION, insert_entry
from infra import deploy_grants
from infra.settings import DeploySettings
from local.emulated import EmulatedStack
from local.paths import Paths
from local.provider.connection import Aws, Connection
from local.reporting import LogReporter
from tests.platform.iam.calls import Call, recorded
from tests.platform.iam.mutants import Json
from tests.platform.project_copy import copy_project

STATE_BUCKET = "bluemoxon-pulumi-state"
DIGEST = "sha256:" + "1" * 64
PRICE_CHECK = """    Worker(
        "price_check",
        "Asks dealers for prices.",
        Container("workers.price_check.handler.handler", timeout=60, memory=512),
        reads=("books/",),
        writes=("prices/",),
        results_to="image_results",
        secrets=("dealers",),
    ),
"""
"""A container worker with secrets: none of ours has any yet."""


@dataclass(frozen=True)
class Role:
    """A role of a stack and the policy that says what it may do."""

    name: str
    policy: str
    document: Json


class Project:
    """A copy of the project, whose settings are changed as a pull request would."""

    def __init__(self, root: Path) -> None:
        self.root = copy_project(root)

    def area(self, stack: str, area: str) -> Any:
        """A part of a stack's settings."""
        return self._settings(stack)["config"].get(f"bluemoxon:{area}", {})

    def change(self, stack: str, **areas: Any) -> None:
        """Set keys of a stack's areas, `logs={"retention_days": 7}`, or a whole one that is no map."""
        settings = self._settings(stack)
        for area, values in areas.items():
            if isinstance(values, dict):
                values = {**settings["config"].get(f"bluemoxon:{area}", {}), **values}
            settings["config"][f"bluemoxon:{area}"] = values
        text = yaml.safe_dump(settings, sort_keys=False)
        (self.root / stacks.file_of(stack)).write_text(text, encoding="utf-8")

    def _settings(self, stack: str) -> dict[str, Any]:
        text = (self.root / stacks.file_of(stack)).read_text(encoding="utf-8")
        found: dict[str, Any] = yaml.safe_load(text)
        return found

    def declare_price_check(self) -> None:
        """Declare the worker with secrets."""
        path = self.root / DECLARATION
        path.write_text(insert_entry(path.read_text(encoding="utf-8"), PRICE_CHECK), encoding="utf-8")

    def add_price_check(self, stack: str) -> None:
        """Give it to a stack, with its first image."""
        workers = [*self.area(stack, "workers"), "price_check"]
        self.change(stack, workers=workers, images={"price_check": {"digest": DIGEST}})


@dataclass(frozen=True)
class Stack:
    """A stack on its emulator."""

    emulated: EmulatedStack
    project: Project

    @property
    def name(self) -> str:
        return self.emulated.stack

    @cached_property
    def aws(self) -> Aws:
        """The account's root; one for all, for clients are slow to make."""
        return self.emulated.aws

    @property
    def journal(self) -> Path:
        assert self.emulated.journal
        return self.emulated.journal

    @cached_property
    def outputs(self) -> dict[str, Any]:
        return self.emulated.pulumi.outputs()

    def queue_url(self, worker: str) -> str:
        """Where a worker's queue is."""
        name = self.role_name(worker.replace("_", "-"))
        return str(self.aws.call("sqs", "get_queue_url", QueueName=name)["QueueUrl"])

    @property
    def account(self) -> str:
        return self.emulated.emulator.connection.account

    def calls(self, role: str) -> list[Call]:
        """What a role asked for up to now."""
        return [call for call in recorded(self.journal) if call.role == self.role_name(role)]

    def role_name(self, part: str) -> str:
        """A role's whole name."""
        return f"bluemoxon-{self.name}-{part}"

    def role(self, part: str) -> Role:
        """A role with its policy as it lies in the account."""
        name = self.role_name(part)
        (policy,) = self.aws.call("iam", "list_role_policies", RoleName=name)["PolicyNames"]
        found = self.aws.call("iam", "get_role_policy", RoleName=name, PolicyName=policy)
        document = found["PolicyDocument"]
        return Role(name, policy, json.loads(document) if isinstance(document, str) else document)

    def put(self, role: Role, document: Json) -> None:
        """Give a role another policy."""
        self.aws.call(
            "iam",
            "put_role_policy",
            RoleName=role.name,
            PolicyName=role.policy,
            PolicyDocument=json.dumps(document),
        )

    def put_boundary(self, arn: str, document: Json) -> None:
        """Give the boundary another document."""
        self.aws.call(
            "iam",
            "create_policy_version",
            PolicyArn=arn,
            PolicyDocument=json.dumps(document),
            SetAsDefault=True,
        )
        for version in self.aws.call("iam", "list_policy_versions", PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                identifier = version["VersionId"]
                self.aws.call("iam", "delete_policy_version", PolicyArn=arn, VersionId=identifier)

    def session(self, part: str, who: str) -> Connection:
        """A session of a role, as Lambda gives it to a function; `who` is its name in the journal."""
        arn = f"arn:aws:iam::{self.account}:role/{self.role_name(part)}"
        reply = self.aws.call("sts", "assume_role", RoleArn=arn, RoleSessionName=who)
        return self._connection.as_session(reply["Credentials"])

    def workflow_session(self, who: str, *, environment: str | None = None) -> Connection:
        """A session of CI's role as GitHub's workflow gets it: by a token of the identity provider."""
        settings = DeploySettings(
            repository="bluemoxon/bluemoxon", environment=environment or self.name, branch=None
        )
        claims = {
            "iss": f"https://{deploy_grants.GITHUB}",
            "aud": deploy_grants.AUDIENCE,
            "sub": deploy_grants.subject(settings),
        }
        parts: tuple[dict[str, str], ...] = ({"alg": "RS256"}, claims, {})
        token = ".".join(
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
        )
        reply = self.aws.call(
            "sts",
            "assume_role_with_web_identity",
            RoleArn=f"arn:aws:iam::{self.account}:role/{self.role_name('deploy')}",
            RoleSessionName=who,
            WebIdentityToken=token,
        )
        return self._connection.as_session(reply["Credentials"])

    def deploy_as_workflow(self) -> None:
        """`pulumi up --refresh` under CI's role."""
        session = self.workflow_session("pulumi")
        replace(self.emulated.pulumi, connection=session).up(LogReporter(), refresh=True)
        self.__dict__.pop("outputs", None)

    @property
    def _connection(self) -> Connection:
        return self.emulated.emulator.connection


@contextmanager
def deployed(name: str) -> Iterator[Stack]:
    """A stack as a person made it first: with its image, and Pulumi's state in a bucket."""
    # Not below pytest's folder: PostgreSQL, started by root, runs as another user who must get there.
    with tempfile.TemporaryDirectory(prefix="bmx-iam-") as folder:
        Path(folder).chmod(0o755)
        project = Project(Path(folder) / "project")
        project.change(
            name, images={"image_processing": {"digest": DIGEST}}, deploy={"state_bucket": STATE_BUCKET}
        )
        paths = Paths(home=Path(folder) / "home", cache=Paths.default().cache, repo=project.root)
        emulated = EmulatedStack(paths, name, journal=Path(folder) / "journal.jsonl")
        try:
            with emulated.session(LogReporter(), keep=True) as pulumi:
                pulumi.up(LogReporter())
            yield Stack(emulated, project)
        finally:
            emulated.discard()
