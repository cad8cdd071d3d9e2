"""Staging and prod with their own settings: the real program and engine on an emulator of AWS."""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from local.emulated import EmulatedStack
from local.engine.cli import EngineFailed, Pulumi, Summary
from local.engine.find import ENGINE_BIN
from local.paths import REPO, Paths
from local.processes import OWNER_VARIABLE
from local.reporting import LogReporter
from operations import changes, deploy
from operations.credentials.adopt import adopt, look
from operations.credentials.login import CredentialsProblem, DatabaseAccess
from operations.credentials.rotate import rotate
from operations.credentials.settings import settings_changed, settings_file
from operations.state import Resource, load, resources, reveal
from operations.target import Target, open_target
from tests.delivery import workflows
from tests.platform.command_line import credentials
from tests.platform.inventory import declared, inventory, review
from tests.platform.modes import checkout_with
from workers.contracts import Problem

DIGEST = "sha256:" + "0123456789abcdef" * 4

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.usefixtures("engine")]


@dataclass
class Deployed:
    """A deployed stack; its emulator runs."""

    stack: EmulatedStack
    target: Target
    first_plan: changes.Changes
    first: Summary
    state: list[Resource]
    """What the engine kept of the first deployment."""

    @property
    def pulumi(self) -> Pulumi:
        return self.stack.pulumi

    def plan(self) -> changes.Changes:
        return changes.plan(self.target)


def main_paths() -> Iterator[Paths]:
    """A data folder that PostgreSQL's own user can get to."""
    with tempfile.TemporaryDirectory(prefix="bmx-stacks-") as folder:
        Path(folder).chmod(0o755)
        yield Paths(home=Path(folder) / "home", cache=Paths.default().cache)


def deployed(name: str) -> Iterator[Deployed]:
    with tempfile.TemporaryDirectory(prefix="bmx-stacks-") as folder:
        paths = checkout_with(Path(folder), name, (REPO / f"Pulumi.{name}.yaml").read_text())
        stack = EmulatedStack(paths, name)
        try:
            with open_target(name, LogReporter(), emulator=True, keep=True, paths=paths) as target:
                plan = deploy.plan(target)
                summary, _ = deploy.apply(target, LogReporter())
                yield Deployed(stack, target, plan.changes, summary, resources(load(target)))
        finally:
            stack.stop()
            stack.discard()


@pytest.fixture(scope="module")
def staging() -> Iterator[Deployed]:
    yield from deployed("staging")


@pytest.fixture(scope="module")
def prod() -> Iterator[Deployed]:
    yield from deployed("prod")


@pytest.fixture(params=["staging", "prod"])
def each(request: pytest.FixtureRequest) -> Deployed:
    """Each of the two."""
    found: Deployed = request.getfixturevalue(request.param)
    return found


def test_the_plan_names_what_the_deployment_then_makes(each: Deployed) -> None:
    assert each.first_plan.operations == each.first.changes
    assert set(each.first.changes) == {"create"}
    queue = next(one for one in each.first_plan.changes if one.type == "aws:sqs/queue:Queue")
    assert {one.path for one in queue.properties} >= {"name", "tags"}


def test_the_inventory_is_the_one_that_was_reviewed(each: Deployed) -> None:
    review(each.stack.stack, each.state)


def test_applying_again_changes_nothing(each: Deployed) -> None:
    summary, _ = deploy.apply(each.target, LogReporter())
    assert set(summary.changes) == {"same"}
    assert not each.plan()


def providers_of(stack: EmulatedStack) -> list[int]:
    """The processes of the local provider that run for a stack."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            own = process.environ().get(OWNER_VARIABLE) == str(stack.paths.home)
            if own and "local.provider" in process.cmdline():
                found.append(process.pid)
    return found


def test_one_provider_serves_every_operation_and_ends_with_the_session(prod: Deployed) -> None:
    (serving,) = providers_of(prod.stack)
    launcher = prod.stack.paths.run / ENGINE_BIN / "pulumi-resource-aws"
    script = launcher.read_text()
    launcher.write_text("#!/bin/sh\nexit 1\n")  # the engine cannot start one of its own
    try:
        assert not prod.plan()
    finally:
        launcher.write_text(script)
    assert providers_of(prod.stack) == [serving]
    for paths in main_paths():
        other = EmulatedStack(paths, "prod")
        with other.session(LogReporter()):
            (others,) = providers_of(other)
        assert others != serving
        assert not psutil.pid_exists(others)


def test_no_plan_holds_a_secret(staging: Deployed) -> None:
    password = DatabaseAccess.of(staging.target).read().password
    shown = json.dumps(staging.first_plan.to_json())
    assert password not in shown
    assert changes.SECRET in shown


def test_destroying_is_refused_with_the_reason(each: Deployed) -> None:
    with pytest.raises(EngineFailed) as refused:
        each.pulumi.destroy(LogReporter())
    assert "protect" in str(refused.value) or "is not deleted. With it" in str(refused.value)
    assert not each.plan()


def test_a_manual_change_shows_as_drift_and_is_undone(each: Deployed) -> None:
    queues = each.target.outputs()["queues"]
    url = queues["image_results"]["url"]
    sqs = each.target.client("sqs")
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    drift = changes.plan(each.target, "--refresh")
    found = {
        (change.type, one.path): (one.before, one.after)
        for change in drift.changes
        for one in change.properties
    }
    wanted = int(before["VisibilityTimeout"])
    assert found == {("aws:sqs/queue:Queue", "visibilityTimeoutSeconds"): (7, wanted)}
    assert each.pulumi.up(LogReporter(), refresh=True).changes["update"] == 1
    after = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert after == before


def test_the_drift_workflow_passes_and_fails_loudly_on_a_manual_change(staging: Deployed) -> None:
    """Its own lines, run as GitHub runs them."""
    folder = staging.pulumi.project.folder
    line = workflows.step("drift.yml", "Compare")

    def compare() -> "subprocess.CompletedProcess[str]":
        return line.execute(folder, **staging.pulumi.env(), STACK=staging.stack.stack)

    clean = compare()
    assert clean.returncode == 0, clean.stdout + clean.stderr
    url = staging.target.outputs()["queues"]["image_results"]["url"]
    sqs = staging.target.client("sqs")
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    try:
        drifted = compare()
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=before)
    assert drifted.returncode != 0, drifted.stdout
    kept = (folder / "drift.txt").read_text()
    assert "aws:sqs:Queue image-results update" in " ".join(kept.split())
    assert DatabaseAccess.of(staging.target).read().password not in drifted.stdout + drifted.stderr


def test_what_others_made_has_the_identity_that_the_settings_name(prod: Deployed) -> None:
    database = prod.target.outputs()["database"]
    found = prod.target.client("secretsmanager").describe_secret(SecretId=database["secret_arn"])
    assert found["ARN"] == database["secret_arn"]
    ec2 = prod.target.client("ec2")
    config = prod.pulumi.project.config()
    network = json.loads(config["bluemoxon:network"])
    subnets = ec2.describe_subnets(SubnetIds=network["subnet_ids"])["Subnets"]
    assert {one["VpcId"] for one in subnets} == {network["vpc_id"]}
    assert len(ec2.describe_security_groups(GroupIds=network["security_group_ids"])["SecurityGroups"]) == 1


def test_queues_that_refuse_plain_text_can_be_used(each: Deployed) -> None:
    queue = each.target.outputs()["queues"]["eval_runbook"]
    sqs = each.target.client("sqs")
    policy = json.loads(
        sqs.get_queue_attributes(QueueUrl=queue["url"], AttributeNames=["Policy"])["Attributes"]["Policy"]
    )
    assert any("aws:SecureTransport" in json.dumps(one) for one in policy["Statement"])
    sqs.send_message(QueueUrl=queue["url"], MessageBody="{}")
    received = sqs.receive_message(QueueUrl=queue["url"])["Messages"]
    assert [one["Body"] for one in received] == ["{}"]
    sqs.delete_message(QueueUrl=queue["url"], ReceiptHandle=received[0]["ReceiptHandle"])


def resource(target: Target, kind: str) -> Resource:
    return next(one for one in resources(load(target)) if one["type"] == kind)


def test_a_rotated_password_is_adopted_without_touching_database_and_secret(staging: Deployed) -> None:
    access = DatabaseAccess.of(staging.target)
    rotate(access)
    rotated = access.read()
    assert look(access).edits == ("aws:rds/instance:Instance database",)
    done = adopt(access)
    assert done.backup
    assert done.backup.stat().st_mode & 0o077 == 0
    assert rotated.password not in done.backup.read_text()
    assert access.read() == rotated
    access.verify()
    assert look(access).edits == ()
    assert not changes.plan(staging.target, "--refresh")
    assert reveal(resource(staging.target, "aws:rds/instance:Instance")["inputs"]["password"]) == (
        rotated.password
    )


def test_a_password_that_does_not_open_the_database_is_not_adopted(staging: Deployed) -> None:
    access = DatabaseAccess.of(staging.target)
    good = access.text()
    before = staging.pulumi.export()["deployment"]["resources"]
    client = staging.target.client("secretsmanager")
    client.put_secret_value(
        SecretId=access.secret_arn,
        SecretString=json.dumps({"username": "bluemoxon", "password": "not-the-password"}),
    )
    try:
        with pytest.raises(CredentialsProblem, match="refuses"):
            adopt(access)
    finally:
        client.put_secret_value(SecretId=access.secret_arn, SecretString=good)
    assert staging.pulumi.export()["deployment"]["resources"] == before


def test_others_databases_are_left_alone(prod: Deployed) -> None:
    access = DatabaseAccess.of(prod.target)
    with pytest.raises(CredentialsProblem, match="managed elsewhere"):
        rotate(access)


def test_the_command_line_verifies_rotates_and_adopts(staging: Deployed) -> None:
    access = DatabaseAccess.of(staging.target)
    before = access.read().password
    verified = credentials(staging.target, "verify")
    assert verified.items() >= {"stack": "staging", "mode": "existing", "stage": "AWSCURRENT"}.items()
    dry = credentials(staging.target, "rotate")
    assert (dry["rotated"], len(dry["steps"])) == (False, 5)
    assert access.read().password == before
    done = credentials(staging.target, "rotate", "--yes")
    assert done["rotated"] is True
    assert done["state"] == ["aws:rds/instance:Instance database"]
    after = access.read().password
    assert after != before
    assert credentials(staging.target, "adopt") == {"adopted": False, "edits": [], "backup": None}
    rotate(access)  # past the command line: nobody tells the state
    left = ["aws:rds/instance:Instance database"]
    assert credentials(staging.target, "adopt") == {"adopted": False, "edits": left, "backup": None}
    assert credentials(staging.target, "adopt")["edits"] == left, "without --yes it only looks"
    adopted = credentials(staging.target, "adopt", "--yes")
    assert (adopted["adopted"], adopted["edits"]) == (True, left)
    assert Path(adopted["backup"]).is_file()
    shown = json.dumps([verified, dry, done, adopted])
    assert not [password for password in (before, after, access.read().password) if password in shown]
    assert not staging.plan()


def test_the_first_image_adds_what_the_inventory_says_and_changes_nothing_else(each: Deployed) -> None:
    """Last of those that use the deployed stacks: afterwards they have a function more."""
    file = settings_file(each.target)
    with_image = file.read_text().replace("awaiting_first_image: true", f"digest: {DIGEST}")
    assert DIGEST in with_image
    file.write_text(with_image)
    settings_changed(each.target)
    deploy.plan(each.target)
    summary, outputs = deploy.apply(each.target, LogReporter())
    assert set(summary.changes) <= {"create", "same", "update"}
    assert set(outputs["functions"]) == {"image_processing"}
    known = {one["urn"] for one in each.state}
    state = resources(load(each.target))
    assert inventory(one for one in state if one["urn"] in known) == inventory(each.state)
    added = [one for one in state if one["urn"] not in known]
    assert len(added) == summary.changes["create"]
    kinds = {one["type"].split(":")[-1] for one in declared(added)}
    assert kinds >= {"Function", "Role", "RolePolicy", "LogGroup", "EventSourceMapping"}
    review(f"{each.stack.stack}-first-image", added)


def test_a_plan_leaves_nothing_behind() -> None:
    for paths in main_paths():
        with open_target("prod", LogReporter(), emulator=True, paths=paths) as target:
            assert set(changes.plan(target).operations) == {"create"}
        assert not EmulatedStack(paths, "prod").paths.home.exists()


def test_a_stack_that_does_not_exist_is_told() -> None:
    for paths in main_paths():
        with (
            pytest.raises(Problem, match="no stack `nowhere`"),
            open_target("nowhere", LogReporter(), emulator=True, paths=paths),
        ):
            pass
