"""A whole release: the real command, engine, Chalice, PostgreSQL and model, on the emulator.

The stack awaits its first image, in whose place an emulator goes on with a stand-in.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from local.emulated import EmulatedStack
from local.engine.project import STAND_IN
from local.paths import Paths
from local.postgres import instances
from operations.release import source
from operations.release.kept import InBucket
from tests.platform.iam.world import Project
from tests.platform.project_copy import run_python

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.usefixtures("engine")]

STACK = "staging"
VERSIONS = Path("app", "chalicelib", "db", "migrations", "versions")
ALIVE = "    return Alive(version=VERSION)\n"
ALIVE_BY_COLUMN = """    from sqlalchemy import text
    with resources.current().database.begin() as connection:
        connection.execute(text("SELECT note FROM books LIMIT 1"))
    return Alive(version="by column")
"""
WORKS = "def deep(call: Call) -> DeepHealth:\n"
BROKEN = WORKS + '    raise RuntimeError("broken on purpose")\n'


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


def _repaired(health: Path) -> str:
    """The module as it was before a test broke it."""
    return health.read_text().replace(BROKEN, WORKS, 1)


def _migration(checkout: Checkout, statement: str) -> str:
    """A migration after the last one; its revision."""
    newest = max(path.stem for path in (checkout.root / VERSIONS).glob("[0-9]*.py"))
    down = newest.partition("_")[0]
    revision = f"{int(down) + 1:04}"
    (checkout.root / VERSIONS / f"{revision}.py").write_text(
        f'from alembic import op\n\nrevision = "{revision}"\ndown_revision = "{down}"\n\n\n'
        f'def upgrade() -> None:\n    op.execute("{statement}")\n'
    )
    return revision


def _kept(checkout: Checkout) -> InBucket:
    return InBucket(checkout.stack.aws.client("s3"), "bluemoxon-staging-state", f"chalice/{STACK}/")


@contextmanager
def _asked(url: str, answers: list[int]) -> Iterator[None]:
    """An address that is asked without a pause meanwhile, and what it answers."""
    done = Event()

    def ask() -> None:
        with httpx.Client(timeout=30) as client:
            while not done.is_set():
                answers.append(client.get(url).status_code)
                done.wait(0.05)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield
        finally:
            done.set()
        asking.result()


def test_a_release_ends_with_a_photo_s_cutout(released: tuple[str, dict[str, Any]]) -> None:
    steps = released[1]["steps"]
    assert list(steps) == ["platform", "app", "migrations", "mappings", "smoke"], (
        "there was none that migrates"
    )
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


def test_what_chalice_leaves_out_is_set(checkout: Checkout, released: tuple[str, dict[str, Any]]) -> None:
    assert released[1]["steps"]["mappings"]["changed"] == ["bluemoxon-staging-image_results"]
    mappings = checkout.stack.aws.call("lambda", "list_event_source_mappings")["EventSourceMappings"]
    assert len(mappings) == 2
    assert {tuple(one["FunctionResponseTypes"]) for one in mappings} == {("ReportBatchItemFailures",)}
    unknown = httpx.get(released[1]["steps"]["app"]["url"] + "/no/such/path")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    prefix = f"/aws/lambda/bluemoxon-{STACK}"
    groups = checkout.stack.aws.call("logs", "describe_log_groups", logGroupNamePrefix=prefix)["logGroups"]
    kept = {it["logGroupName"].removeprefix(prefix): it.get("retentionInDays") for it in groups}
    assert {*kept} >= {"", "-image_results", "-sweep", "-migrate"}
    assert None not in kept.values()


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
    health.write_text(health.read_text().replace(WORKS, BROKEN, 1))
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
    assert not (checkout.home / "rollback" / STACK / released[0]).exists()
    # The checkout still is the one that does not work; what is tried, and found good, is what runs.
    tried = checkout.deploy("--from", "smoke")
    assert tried["status"] == "ok"
    assert "not kept as one to go back to" in tried["warnings"][0]
    nothing_before = checkout.deploy("--rollback", "--yes")
    assert "is known to have worked" in nothing_before["error"]["message"]


def test_a_release_with_a_migration_is_answered_throughout(
    checkout: Checkout, released: tuple[str, dict[str, Any]]
) -> None:
    """Its code wants a column that its migration makes, and the code before it does not mind."""
    health = checkout.root / "app" / "chalicelib" / "api" / "health.py"
    health.write_text(_repaired(health).replace(ALIVE, ALIVE_BY_COLUMN, 1))
    migration = _migration(checkout, "ALTER TABLE books ADD COLUMN note text")
    commit = checkout.commit("One with a migration")
    answers: list[int] = []
    with _asked(released[1]["steps"]["app"]["url"] + "/health", answers):
        envelope = checkout.deploy("--from", "migrations", "--to", "app")
    assert envelope["error"] is None, envelope["error"]
    assert list(envelope["data"]["steps"]) == ["migrations", "app"]
    assert envelope["data"]["steps"]["migrations"]["after"] == migration
    assert len(answers) > 20
    assert set(answers) == {200}
    version = httpx.get(released[1]["steps"]["app"]["url"] + "/health").json()["version"]
    assert version == "by column", f"{commit} runs"


def test_a_migration_that_fails_leaves_the_application_as_it_was(
    checkout: Checkout, released: tuple[str, dict[str, Any]]
) -> None:
    aws = checkout.stack.aws

    def code() -> dict[str, str]:
        listed = aws.call("lambda", "list_functions")["Functions"]
        return {it["FunctionName"]: it["CodeSha256"] for it in listed if "-migrate" not in it["FunctionName"]}

    before, runs = code(), source.deployed(_kept(checkout))
    assert runs is not None
    migration = _migration(checkout, "ALTER TABLE no_such_table ADD COLUMN note text")
    checkout.commit("One whose migration fails")
    try:
        stopped = checkout.deploy("--from", "migrations")
    finally:
        (checkout.root / VERSIONS / f"{migration}.py").unlink()
        checkout.commit("One without it")
    assert stopped["error"]["message"].startswith("migrations: The database could not be migrated: ")
    assert "no_such_table" in stopped["error"]["message"]
    assert code() == before
    assert source.deployed(_kept(checkout)) == runs, "it runs on, and is none to be rolled back to"
    assert checkout.deploy("--from", "migrations", "--to", "migrations")["status"] == "ok"


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


def test_the_key_of_a_new_stack_comes_from_its_secret(
    checkout: Checkout, released: tuple[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BMX_CACHE", str(checkout.paths.cache))
    monkeypatch.setenv("HOME", str(tmp_path))
    options = ("--stack", STACK, "--emulator", "--from-secret", "--url", released[1]["steps"]["app"]["url"])
    done = run_python(checkout.root, "-m", "bmx", "keys", "save", *options, "--json")
    assert json.loads(done.stdout)["status"] == "ok", done.stdout
    kept = (tmp_path / ".bmx" / f"{STACK}-emulator.key").read_text().strip()
    assert kept not in done.stdout + done.stderr
    told = run_python(checkout.root, "-m", "bmx", "jobs", "list", "--stack", f"{STACK}-emulator", "--json")
    assert json.loads(told.stdout)["status"] == "ok", told.stdout


def test_the_functions_of_a_stack_are_heard(checkout: Checkout, released: tuple[str, dict[str, Any]]) -> None:
    said = run_python(checkout.root, "-m", "bmx", "logs", "migrate", "--stack", STACK, "--emulator", "--json")
    lines = json.loads(said.stdout)["data"]["lines"]
    assert lines, said.stdout
    assert {it["name"] for it in lines} == {"migrate"}
    unknown = run_python(checkout.root, "-m", "bmx", "logs", "no", "--stack", STACK, "--emulator", "--json")
    why = json.loads(unknown.stdout)["error"]["why"]
    assert "api" in why
    assert "image_processing" in why


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
