"""Staging and prod with their own settings: the real program and engine on an emulator of AWS."""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.emulated import EmulatedStack
from local.engine.cli import EngineFailed, Pulumi, Summary
from local.engine.find import ENGINE_BIN
from local.paths import Paths
from local.processes import OWNER_VARIABLE
from local.reporting import LogReporter
from operations import changes, deploy
from operations.credentials.adopt import adopt, look
from operations.credentials.login import CredentialsProblem, DatabaseAccess
from operations.credentials.rotate import rotate
from operations.target import Target, open_target
from tests.delivery import workflows
from workers.contracts import Problem

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.usefixtures("engine")]


@dataclass
class Deployed:
    """A deployed stack; its emulator runs."""

    stack: EmulatedStack
    target: Target
    first_plan: changes.Changes
    first: Summary

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
    for paths in main_paths():
        stack = EmulatedStack(paths, name)
        try:
            with open_target(name, LogReporter(), emulator=True, keep=True, paths=paths) as target:
                plan = deploy.plan(target)
                summary, _ = deploy.apply(target, LogReporter())
                yield Deployed(stack, target, plan.changes, summary)
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


def resource(target: Target, kind: str) -> dict[str, Any]:
    from operations.state import load, resources

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
    from operations.state import reveal

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
