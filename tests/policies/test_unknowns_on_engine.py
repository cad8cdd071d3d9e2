"""Values that are not known yet, in the real engine's preview: `pulumi preview --policy-pack policies`."""

import json
import os
import re
import subprocess
import sys

import pytest

from local.paths import REPO

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

CANARY = "password-kV7Canary4Zq"
PROGRAM = """\
import pulumi
import pulumi_aws as aws
import pulumi_random as random

unknown = random.RandomPassword("made", length=32).result
number, flag = unknown.apply(len), unknown.apply(bool)
tags = {"note": unknown, "bluemoxon:project": unknown, "bluemoxon:stack": unknown}

aws.sqs.Queue("bad", name="bad", sqs_managed_sse_enabled=flag, visibility_timeout_seconds=number, tags=tags)
aws.sqs.Queue("unknown", name=unknown, redrive_policy=unknown, policy=unknown)
aws.iam.Role("role", assume_role_policy=unknown)
aws.iam.RolePolicy("policy", role=unknown, policy=unknown)
aws.lambda_.Function("function", role=unknown, package_type="Image", image_uri=unknown,
    environment=aws.lambda_.FunctionEnvironmentArgs(variables={"PASSWORD": unknown, "URL": unknown}))
aws.lambda_.EventSourceMapping("mapping", function_name=unknown, event_source_arn=unknown, batch_size=number)
aws.secretsmanager.Secret("secret", name=unknown, recovery_window_in_days=number)
aws.rds.Instance("database", instance_class="db.t4g.small", allocated_storage=20,
    username="app", password=unknown, storage_encrypted=flag, deletion_protection=flag,
    publicly_accessible=flag, backup_retention_period=number)
aws.s3.BucketPublicAccessBlock("block", bucket=unknown, block_public_acls=flag)
aws.rds.Instance("literal", instance_class="db.t4g.small", allocated_storage=20,
    username="app", password="CANARY", identifier=unknown)
""".replace("CANARY", CANARY)
"""Nearly nothing is known; but `bad` lacks a DLQ, and `literal` has a made-up password."""


@pytest.fixture(scope="module")
def previewed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the preview says."""
    folder = tmp_path_factory.mktemp("unknowns")
    (folder / "Pulumi.yaml").write_text("name: unknowns\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    own = {**os.environ, "BMX_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "bmx", "engine", "env", "--json"]
    said = subprocess.run(command, env=own, capture_output=True, text=True, check=True).stdout
    variables = {**own, **json.loads(said)["data"]["environment"]}

    def pulumi(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/sh", "-c", 'exec pulumi "$@"', "sh", *arguments, "--non-interactive", "--color=never"],
            cwd=folder,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )

    assert pulumi("stack", "init", "dev").returncode == 0
    done = pulumi("preview", "--policy-pack", str(REPO / "policies"))
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("rule", "resource"),
    [
        ("queue-has-dlq", "aws:sqs:Queue: bad"),
        ("function-environment-secret", "aws:lambda:Function: function"),
        ("database-encrypted", "aws:rds:Instance: database"),
        ("secret-recovery-window", "aws:secretsmanager:Secret: secret"),
        ("bucket-public-access", "aws:s3:BucketPublicAccessBlock: block"),
        ("password-guessable", "aws:rds:Instance: literal"),
    ],
)
def test_a_rule_blocks_beside_values_that_are_not_known(previewed: str, rule: str, resource: str) -> None:
    pattern = rf"\[mandatory\] \[severity: \w+\]  {rule}  \({re.escape(resource)}\)"
    assert re.search(pattern, previewed), previewed


def test_no_rule_gives_up_or_shows_a_value(previewed: str) -> None:
    assert "can't run policy" not in previewed
    assert "rule itself failed" not in previewed
    assert CANARY not in previewed
