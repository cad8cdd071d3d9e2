"""A whole release: the real command, engine, Chalice, PostgreSQL and model, on the emulator.

The stack awaits its first image, in whose place an emulator goes on with a stand-in.
"""

import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bmx.main import app
from local.emulated import EmulatedStack
from local.engine.project import STAND_IN
from local.paths import Paths
from local.postgres import instances
from operations.release import source
from operations.release.kept import InFolder
from tests.platform.iam.world import Project
from tests.platform.project_copy import run_python

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.usefixtures("engine")]

STACK = "staging"
BROKEN = 'def system_info() -> SystemInfo:\n    raise RuntimeError("broken on purpose")\n'


@dataclass
class Checkout:
    """A clone of the project, with commits of its own, and its data folder."""

    root: Path
    home: Path

    @property
    def paths(self) -> Paths:
        return Paths(home=self.home, cache=Paths.default().cache, repo=self.root)

    @property
    def stack(self) -> EmulatedStack:
        return EmulatedStack(self.paths, STACK)

    def commit(self, message: str) -> str:
        """Commit all; the commit's id."""
        identity = ("-c", "user.name=Tests", "-c", "user.email=tests@localhost")
        for command in (("add", "--all"), (*identity, "commit", "--quiet", "-m", message)):
            subprocess.run(["git", *command], cwd=self.root, check=True)
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=self.root, check=True, capture_output=True, text=True
        )
        return head.stdout.strip()

    def deploy(self, *options: str) -> dict[str, Any]:
        """`bmx deploy --json`; its envelope."""
        done = run_python(
            self.root, "-m", "bmx", "deploy", "--stack", STACK, "--emulator", *options, "--json"
        )
        assert done.stdout.count("\n") == 1, done.stdout + done.stderr
        envelope: dict[str, Any] = json.loads(done.stdout)
        return {**envelope, "said": done.stderr[-2000:]}


@pytest.fixture(scope="module")
def checkout() -> Iterator[Checkout]:
    with tempfile.TemporaryDirectory(prefix="bmx-release-") as name, pytest.MonkeyPatch.context() as patch:
        Path(name).chmod(0o755)  # PostgreSQL's own user has to get there
        project = Project(Path(name) / "checkout")
        made = Checkout(project.root, Path(name) / "home")
        patch.setenv("BMX_HOME", str(made.home))
        subprocess.run(["git", "init", "--quiet"], cwd=made.root, check=True)
        try:
            yield made
        finally:
            made.stack.stop()
            made.stack.discard()


@pytest.fixture(scope="module")
def released(checkout: Checkout) -> tuple[str, dict[str, Any]]:
    """The first release: its commit, and what the command said."""
    commit = checkout.commit("One that works")
    envelope = checkout.deploy()
    assert envelope["error"] is None, envelope["error"]
    return commit, envelope["data"]


def test_a_release_ends_with_a_photo_s_cutout(released: tuple[str, dict[str, Any]]) -> None:
    steps = released[1]["steps"]
    assert list(steps) == ["platform", "app", "migrations", "mappings", "smoke"]
    assert {"create"} < steps["platform"]["operations"].keys() <= {"create", "same", "update"}
    assert steps["migrations"]["before"] is None
    assert steps["migrations"]["after"]
    assert steps["smoke"]["agreement"] > 0.9


def test_an_image_that_is_awaited_has_a_stand_in_which_is_told_and_stays(
    checkout: Checkout, released: tuple[str, dict[str, Any]]
) -> None:
    assert released[1]["waits_for_image"] == ["image_processing"]
    assert released[1]["steps"]["platform"]["stand_ins"] == ["image_processing"]
    aws = checkout.stack.aws
    function = {"FunctionName": "bluemoxon-staging-image-processing"}
    assert aws.call("lambda", "get_function", **function)["Code"]["ImageUri"].endswith(STAND_IN["digest"])
    again = run_python(checkout.root, "-m", "bmx", "deploy", *("--stack", STACK), "--emulator", "--to", "app")
    said = " ".join((again.stdout + again.stderr).split())
    assert "a stand-in took the place of the first image of image_processing" in said
    assert "Pulumi.staging.yaml is as it was" in said
    planned = checkout.deploy("--to", "platform")
    assert planned["data"]["steps"]["platform"]["operations"].keys() == {"same"}


def test_every_function_that_a_queue_feeds_reports_what_failed(
    checkout: Checkout, released: tuple[str, dict[str, Any]]
) -> None:
    assert released[1]["steps"]["mappings"]["changed"] == ["bluemoxon-staging-image_results"]
    mappings = checkout.stack.aws.call("lambda", "list_event_source_mappings")["EventSourceMappings"]
    assert len(mappings) == 2
    assert {tuple(one["FunctionResponseTypes"]) for one in mappings} == {("ReportBatchItemFailures",)}


def test_nothing_of_the_release_is_left_in_the_checkout(
    checkout: Checkout, released: tuple[str, dict[str, Any]]
) -> None:
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=checkout.root, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""
    assert not (checkout.root / "app" / ".chalice" / "deployed").exists()


def test_a_release_that_does_not_work_says_so_and_what_to_do(
    checkout: Checkout, released: tuple[str, dict[str, Any]]
) -> None:
    health = checkout.root / "app" / "chalicelib" / "api" / "health.py"
    health.write_text(health.read_text().replace("def system_info() -> SystemInfo:\n", BROKEN, 1))
    checkout.commit("One that does not")
    broken = checkout.deploy("--from", "app")
    assert broken["status"] == "failed"
    assert broken["error"]["message"].startswith("smoke: ")
    assert "--rollback" in broken["error"]["fix"]
    assert released[0][:12] in broken["error"]["fix"]
    assert checkout.deploy("--rollback")["status"] == "confirmation_needed"


def test_the_release_that_worked_comes_back(checkout: Checkout, released: tuple[str, dict[str, Any]]) -> None:
    back = checkout.deploy("--rollback", "--yes")
    assert back["error"] is None, back["error"]
    assert back["status"] == "ok", back["said"]
    assert back["data"]["commit"] == released[0]
    assert not (checkout.home / "rollback" / released[0]).exists()
    # The checkout still is the one that does not work; what is tried, and found good, is what runs.
    assert checkout.deploy("--from", "smoke")["status"] == "ok"
    nothing_before = checkout.deploy("--rollback", "--yes")
    assert "is known to have worked" in nothing_before["error"]["message"]


def test_a_wrong_stack_file_does_not_make_a_second_api(
    checkout: Checkout, released: tuple[str, dict[str, Any]]
) -> None:
    apis = checkout.stack.aws.call("apigateway", "get_rest_apis")["items"]
    settings = checkout.root / "Pulumi.staging.yaml"
    right = settings.read_text()
    settings.write_text(right.replace("bluemoxon:alarms:", "bluemoxon:alarmz:"))
    try:
        assert settings.read_text() != right
        stopped = checkout.deploy("--from", "app", "--to", "app")
    finally:
        settings.write_text(right)
    assert stopped["status"] == "failed"
    assert "bmx plan --stack staging" in stopped["error"]["fix"]
    assert checkout.stack.aws.call("apigateway", "get_rest_apis")["items"] == apis


def test_a_release_with_uncommitted_changes_is_taken_back_to_its_commit(tmp_path: Path) -> None:
    kept = InFolder(tmp_path)
    now = datetime.datetime.now(datetime.UTC)
    commit = source.Commit("a" * 40, clean=True)
    source.note_deployed(kept, commit)
    source.note_good(kept, commit, now)
    assert source.good_before(kept) is None
    changed = source.Commit("a" * 40, clean=False)
    source.note_deployed(kept, changed)
    source.note_good(kept, changed, now)
    found = source.good_before(kept)
    assert found is not None
    assert found.commit == commit.id


@pytest.mark.parametrize(("code", "exit_code"), [(4, 4), (-9, 1), (77, 1)])
def test_a_rollback_that_failed_does_not_say_that_it_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, exit_code: int
) -> None:
    kept = InFolder(tmp_path)
    source.note_deployed(kept, commit := source.Commit("a" * 40, clean=True))
    source.note_good(kept, commit, datetime.datetime.now(datetime.UTC))
    source.note_deployed(kept, None)
    monkeypatch.setattr("operations.target.open_target", lambda *_, **__: nullcontext())
    monkeypatch.setattr("operations.release.kept.kept_for", lambda _: kept)
    monkeypatch.setattr(source, "deploy_again", lambda *_, **__: code)
    done = CliRunner().invoke(app, ["deploy", "--stack", STACK, "--rollback", "--yes"])
    assert done.exit_code == exit_code
    assert "Not released: commit aaaaaaaaaaaa" in done.output
    assert " runs commit" not in done.output


def test_a_step_that_failed_says_how_to_go_on(
    checkout: Checkout, released: tuple[str, dict[str, Any]]
) -> None:
    bucket = "bluemoxon-staging-state"
    aws = checkout.stack.aws
    kept = {"Bucket": bucket, "Key": f"chalice/{STACK}/{STACK}.json"}
    before = aws.call("s3", "get_object", **kept)["Body"].read()
    aws.call("s3", "put_object", Body=b"half of i", **kept)
    try:
        stopped = checkout.deploy("--from", "app", "--skip", "smoke")
    finally:
        aws.call("s3", "put_object", Body=before, **kept)
    assert stopped["error"]["message"] == (
        f"app: s3://{bucket}/chalice/{STACK}/{STACK}.json is no JSON object."
    )
    assert stopped["error"]["fix"].endswith("`bmx deploy --stack staging --emulator --from app`.")


def test_a_migration_that_fails_fails_the_release(
    checkout: Checkout, released: tuple[str, dict[str, Any]]
) -> None:
    """`invoke` itself succeeds where the function fails."""
    aws = checkout.stack.aws
    (database,) = instances(checkout.stack.paths.postgres)
    secret = aws.call("secretsmanager", "get_secret_value", SecretId="bluemoxon-staging/database")
    database.set_master_password("another-password-than-the-secret-s")
    try:
        stopped = checkout.deploy("--from", "migrations", "--to", "migrations")
    finally:
        database.set_master_password(json.loads(secret["SecretString"])["password"])
    assert stopped["status"] == "failed"
    assert stopped["error"]["message"].startswith("migrations: The database could not be migrated: ")
    assert stopped["error"]["fix"].endswith("--from migrations`.")
    assert checkout.deploy("--from", "migrations", "--to", "migrations")["status"] == "ok"


@pytest.mark.parametrize(
    "options",
    [
        ("--from", "somewhere"),
        ("--from", "smoke", "--to", "app"),
        ("--to", "platform", "--skip", "platform"),
        ("--rollback", "--from", "app"),
    ],
)
def test_steps_that_make_no_release_are_wrong_usage(options: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "bmx", "deploy", "--stack", STACK, "--emulator", *options, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 2
    assert json.loads(done.stdout)["status"] == "usage"
