"""What others see of a stack, and how an incident is held against the lines of defence."""

import dataclasses
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import psycopg

from chalicelib import resources, settings
from chalicelib.resources import Resources
from chalicelib.services.health import Depth, examine_queue
from local.provider.connection import Aws
from operations.credentials.login import CredentialsProblem, DatabaseAccess
from operations.target import Target
from tests.incidents import incidents
from tests.incidents.ground import Ground, Program
from tests.incidents.incidents import Incident
from tests.incidents.lines import Line, Verdict, judge
from tests.incidents.sources import infra

WRONG_PASSWORD = "password authentication failed"

UNGUARDED = (
    infra("guard.py", "protect=True,", "protect=False,"),
    infra(
        "guard.py",
        "ignore_changes=list(ignore_changes),",
        'ignore_changes=[one for one in ignore_changes if one.startswith("password")],',
    ),
    infra(
        "guard.py",
        "before_update=list(before_update), before_delete=[self._delete]",
        "",
    ),
    infra("database.py", "deletion_protection=True,", "deletion_protection=False,"),
    infra("database.py", "skip_final_snapshot=False,", "skip_final_snapshot=True,"),
)
"""What makes the program one like many: its database ignores its password, and nothing else is guarded."""


RETENTION = 60
"""Seconds that SQS keeps a message at least."""
HARMED = (
    incidents.EMPTY_KEY,
    incidents.NO_INSPECTION,
    incidents.NO_DLQ,
    incidents.SHORT_VISIBILITY,
    incidents.PLACEHOLDER,
)
"""Incidents that do not get in each other's way: one update does the damage of all."""


class Replay:
    """An unguarded copy of the program, deployed, and the real one beside it: the three acts."""

    def __init__(self, stage: Ground, unguarded: Program, staging: Program) -> None:
        self._stage, self._unguarded, self._staging = stage, unguarded, staging

    def alone(self, incident: Incident, *targets: tuple[str, str]) -> Verdict:
        """Policies and gate on the unguarded copy; what they say of it anyhow does not count."""
        found = judge(self._copy(incident).preview_judged(*self._flags(targets)))
        return found.without(self._anyhow)

    @cached_property
    def _anyhow(self) -> Verdict:
        return judge(self._unguarded.preview_judged())

    def damage(self, incident: Incident, *targets: tuple[str, str]) -> DatabaseAccess:
        """Somebody applies it."""
        done = self.apply(incident, *targets)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.database()

    def apply(self, incident: Incident, *targets: tuple[str, str]) -> "subprocess.CompletedProcess[str]":
        return self._copy(incident).apply(*self._flags(targets))

    def whole(self, incident: Incident) -> Verdict:
        """The real program, from which more is taken away where the incident alone would do nothing."""
        edits = (*incident.edits, *incident.hole)
        found = judge(self._stage.program("staging", *edits, like=self._staging).preview_judged())
        assert verified(access(self._staging, self._stage.aws)) == ""
        return found

    def repair(self) -> None:
        """Bring database and secret back to one password; nothing here forbids it."""
        edits = (*UNGUARDED, incidents.DATABASE_CHANGES)
        done = self._stage.program("unguarded", *edits, like=self._unguarded).apply()
        assert done.returncode == 0, done.stdout + done.stderr
        assert verified(self.database()) == ""

    def database(self) -> DatabaseAccess:
        return access(self._unguarded, self._stage.aws)

    def bucket(self) -> str:
        """Where the application looks for photos."""
        return str(self._unguarded.outputs()["images_bucket"])

    def _copy(self, incident: Incident) -> Program:
        return self._stage.program("unguarded", *UNGUARDED, *incident.edits, like=self._unguarded)

    def _flags(self, targets: tuple[tuple[str, str], ...]) -> list[str]:
        state = self._unguarded.export()["deployment"]["resources"]
        urns = {(one["type"], one["urn"].rsplit("::", 1)[-1]): one["urn"] for one in state}
        return [f"--target={urns[target]}" for target in targets]


class Harmed:
    """The unguarded copy after the update with all of `HARMED`."""

    def __init__(self, stage: Ground, unguarded: Program, staging: Program) -> None:
        self._aws = stage.aws
        self.empty_key = Replay(stage, unguarded, staging).alone(incidents.EMPTY_KEY)
        """What policies and gate had said."""
        before = unguarded.outputs()
        self.key_before = self._aws.call(
            "secretsmanager", "get_secret_value", SecretId=before["api_key_secret_arn"]
        )["SecretString"]
        edits = (edit for incident in HARMED for edit in incident.edits)
        done = stage.program("unguarded", *UNGUARDED, *edits, like=unguarded).apply()
        assert done.returncode == 0, done.stdout + done.stderr
        self.outputs = unguarded.outputs()
        self._poison(self.outputs["queues"]["analysis"]["url"])
        self.poisoned_at = time.time()

    def _poison(self, url: str) -> None:
        """A message that nobody can handle, received as often as it may be, in a queue that forgets soon."""
        sqs = self._aws.client("sqs")
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": str(RETENTION)})
        sqs.send_message(QueueUrl=url, MessageBody="poison")
        for _ in range(6):
            assert sqs.receive_message(QueueUrl=url, VisibilityTimeout=0, WaitTimeSeconds=10)["Messages"]

    def held(self, worker: str, *, dlq: bool = False) -> int:
        """How many messages a queue holds, in flight or not."""
        return held(self._aws, self.outputs, worker, dlq=dlq)

    def health(self, worker: str) -> str:
        """What the health check has to say of a worker's queues to somebody who may look."""
        depths = (_depth(self._aws, self.outputs, worker, dlq=dlq) for dlq in (False, True))
        return " ".join(depth.message for depth in depths).strip()


def held(aws: Aws, outputs: dict[str, Any], worker: str, *, dlq: bool = False) -> int:
    """How many messages a stack's queue holds, in flight or not."""
    found = _depth(aws, outputs, worker, dlq=dlq)
    return (found.visible or 0) + (found.in_flight or 0)


def _depth(aws: Aws, outputs: dict[str, Any], worker: str, *, dlq: bool) -> Depth:
    name = outputs["queues"][worker]["dlq_name" if dlq else "name"]
    return examine_queue(aws.client("sqs"), aws.connection.account, name)


def access(program: Program, aws: Aws) -> DatabaseAccess:
    """The stack's database as `bmx credentials verify` gets to it."""
    target = Target(
        program.stack,
        program.paths,
        program.command,
        program.environment(),
        program.project.folder,
        aws,
        known=program.outputs(),
    )
    return DatabaseAccess.of(target)


def connect(database: DatabaseAccess) -> "psycopg.Connection[tuple[Any, ...]]":
    """The application's login with what the secret says now, by PostgreSQL's own client."""
    login = database.read()
    return psycopg.connect(
        host=database.host,
        port=database.port,
        dbname=database.name,
        user=login.username,
        password=login.password,
        connect_timeout=30,
        autocommit=True,
    )


def verified(database: DatabaseAccess) -> str:
    """What `bmx credentials verify` finds: the code of its problem, or nothing."""
    try:
        database.verify()
    except CredentialsProblem as problem:
        return problem.code
    return ""


@contextmanager
def application(outputs: dict[str, Any], aws: Aws) -> Iterator[Resources]:
    """The application as it would run in the stack: its environment, and a session of its role."""
    role = outputs["api"]["role_arn"]
    session = aws.call("sts", "assume_role", RoleArn=role, RoleSessionName="incident")["Credentials"]
    before = dict(os.environ)
    os.environ.update(
        outputs["api"]["environment"],
        AWS_ENDPOINT_URL=aws.connection.endpoint,
        AWS_DEFAULT_REGION=aws.connection.region,
        AWS_ACCESS_KEY_ID=session["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=session["SecretAccessKey"],
        AWS_SESSION_TOKEN=session["SessionToken"],
    )
    try:
        config = settings.load(os.environ)
        assert config.database is not None
        # The embedded PostgreSQL speaks no TLS.
        reachable = config.database.model_copy(update={"sslmode": "disable"})
        made = Resources(dataclasses.replace(config, database=reachable))
        resources.use(made)
        yield made
        made.database.dispose()
    finally:
        resources.use(None)
        os.environ.clear()
        os.environ.update(before)


def assert_lines(incident: Incident, alone: Verdict, whole: Verdict, after: str = "") -> None:
    """Each line does what the incident's table says, by itself.

    `alone` are policies and gate on a program without guards, `whole` everything on the real program, `after`
    what is found when the damage is done.
    """
    said: dict[Line, str | Sequence[str]] = {
        Line.PROGRAM: whole.refusal,
        Line.POLICIES: sorted(alone.policies),
        Line.GATE: sorted(alone.gate),
        Line.AFTER: after,
    }
    for line, wanted in incident.stops.items():
        assert wanted in said[line], f"{line} does not stop it: {said}"
    for line, why in incident.blind.items():
        assert not said[line], f"{line} is not blind ({why}): {said}"
    assert whole.lines, "the real program with all its lines lets it through"
    assert incident.named in f"{whole.refusal} {whole.remedies}"
