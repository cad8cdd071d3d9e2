"""A whole run on one stack: it works under its roles, then every right is taken away once."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from infra.boundary import boundary_name
from infra.naming import Deployment
from local.provider.connection import Connection
from tests.platform.iam import delivering, working
from tests.platform.iam.calls import Call
from tests.platform.iam.mutants import Json
from tests.platform.iam.proof import Proof, Subject, missing_rights
from tests.platform.iam.world import Stack, deployed

ROLES = ("api", "image-processing", "price-check", "deploy")
BOUNDED = ROLES[:3]
REPLAY = "replay"
"""The session that sends requests again."""


@dataclass(frozen=True)
class Run:
    """A stack on which everything was done, and the requests of that."""

    stack: Stack
    sessions: dict[str, Connection]

    def session(self, role: str) -> Connection:
        """A session of a role by its whole name."""
        if role not in self.sessions:
            part = role.removeprefix(f"bluemoxon-{self.stack.name}-")
            deploys = part == "deploy"
            made = self.stack.workflow_session if deploys else partial(self.stack.session, part)
            self.sessions[role] = made(REPLAY)
        return self.sessions[role]

    @cached_property
    def subjects(self) -> dict[str, Subject]:
        """Every policy with the requests that it governs: the roles' and the boundary of three of them."""
        found = {}
        for part in ROLES:
            role = self.stack.role(part)
            put = partial(self.stack.put, role)
            found[part] = Subject(f"{self.stack.name} {part}", role.document, put, self._calls(part))
        bounded = [call for part in BOUNDED for call in self._calls(part)]
        arn, document = self._boundary()
        put = partial(self.stack.put_boundary, arn)
        found["boundary"] = Subject(f"{self.stack.name} boundary", document, put, bounded)
        return found

    @cached_property
    def proofs(self) -> list[Proof]:
        """The mutation run."""
        return [missing_rights(subject, self.session) for subject in self.subjects.values()]

    def killers(self) -> Iterator[Call]:
        """The requests by which the mutants died, those that remove things last."""
        calls = [call for proof in self.proofs for _, call in proof.killed]
        return iter(sorted(calls, key=lambda call: call.session == delivering.REMOVALS))

    def _calls(self, part: str) -> list[Call]:
        return [call for call in self.stack.calls(part) if call.session != REPLAY]

    def _boundary(self) -> tuple[str, Json]:
        name = boundary_name(Deployment(self.stack.name, self.stack.account, "us-west-2"))
        arn = f"arn:aws:iam::{self.stack.account}:policy/{name}"
        version = self.stack.aws.call("iam", "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = self.stack.aws.call("iam", "get_policy_version", PolicyArn=arn, VersionId=version)
        document: Json = found["PolicyVersion"]["Document"]
        return arn, document


@contextmanager
def worked(name: str) -> Iterator[Run]:
    """Deploy a stack and let everybody work on it."""
    with deployed(name) as stack, tempfile.TemporaryDirectory() as folder:
        delivering.pull_request(stack)
        delivering.pulumi_state(stack)
        delivering.push_image(stack)
        delivering.chalice_deploy(stack, Path(folder))
        delivering.release(stack)
        delivering.provider_reads(stack)
        working.application(stack)
        working.image_worker(stack)
        working.price_check(stack)
        delivering.rehearse_removals(stack)
        yield Run(stack, {})
