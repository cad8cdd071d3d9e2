"""Everything that the program declares, held against what AWS takes: each stack, each mode, each option."""

import itertools
import re
from typing import Any

import pulumi
import pytest

from local.provider.registry import resource_type
from local.provider.values import Bag, Value
from tests.platform.program import Config, Run, run_program, stack_config

DIGEST = "sha256:" + "1" * 64
ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:bluemoxon-prod/aurora-a1B2c3"
DATABASES: dict[str, dict[str, Any]] = {
    "generated": {"mode": "generated"},
    "existing": {"mode": "existing"},
    "rds-managed": {"mode": "rds-managed", "multi_az": True, "engine_version": "17"},
    "external": {"mode": "external", "secret_arn": ARN, "host": "db.example.org"},
}
NETWORKS: dict[str, dict[str, Any]] = {
    "none": {"mode": "none"},
    "existing": {
        "mode": "existing",
        "vpc_id": "vpc-0a1b2c3d4e5f60718",
        "subnet_ids": ["subnet-0a1b2c3d4e5f60718", "subnet-0b1c2d3e4f5a60718"],
        "security_group_ids": ["sg-0a1b2c3d4e5f60718"],
    },
    "create": {"mode": "create", "cidr": "10.40.0.0/16", "zones": 3},
}
IMAGES = {"awaiting": {"awaiting_first_image": True}, "by digest": {"digest": DIGEST}}


def everything(stack: str, database: str, network: str, image: str) -> Config:
    """A stack's configuration with all options on."""
    config = stack_config(stack)
    config["bluemoxon:workers"] = ["image_processing", "eval_runbook", "tracking_worker", "analysis"]
    config["bluemoxon:database"] = DATABASES[database]
    config["bluemoxon:network"] = NETWORKS[network]
    config["bluemoxon:images"] = {"image_processing": IMAGES[image]}
    config["bluemoxon:alarms"] = {"emails": ["ops@example.org"]}
    config["bluemoxon:dashboard"] = {"enabled": True}
    config["bluemoxon:budget"] = {"monthly_usd": 100, "only_this_stack": True}
    config["bluemoxon:storage"] = {"upload_origins": ["https://books.example.org"]}
    config["bluemoxon:deploy"] = {"repository": "owner/name", "branch": "main", "state_bucket": "the-state"}
    config["bluemoxon:sign_in"] = {"pages_url": "https://books.example.org"}
    if network == "none":
        config["bluemoxon:transport"] = {"require_tls": False}
    return config


def refused(run: Run) -> list[str]:
    """What the provider's check says of each resource."""
    return [
        f"{one.type} {one.name}: {failure.path} {failure.reason}"
        for one in run.resources
        if not one.type.startswith("bluemoxon:")
        for failure in resource_type(one.type)
        .check(one.name, Bag(dict(whole(one.inputs)), one.secret_inputs), None, b"seed")
        .failures
    ]


def whole(value: Value) -> Value:
    """Numbers as the provider gets them: whole ones are ints."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return [whole(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("stack", ["local", "staging", "prod"])
def test_each_stack_is_one_that_aws_accepts(stack: str, runs: dict[str, Run]) -> None:
    assert refused(runs[stack]) == []


@pytest.mark.parametrize(
    ("stack", "database", "network", "image"),
    [
        *(("staging", *modes) for modes in itertools.product(DATABASES, NETWORKS, IMAGES)),
        ("prod", "external", "existing", "by digest"),
        ("prod", "rds-managed", "create", "by digest"),
        ("local", "generated", "none", "by digest"),
        ("a" + "1" * 30, "generated", "create", "by digest"),
    ],
)
def test_every_mode_is_one_that_aws_accepts(stack: str, database: str, network: str, image: str) -> None:
    config = everything("staging" if len(stack) > 7 else stack, database, network, image)
    run = run_program(stack, config)
    assert len(run.resources) > 70
    assert refused(run) == []


ZONES = "aws:index/getAvailabilityZones:getAvailabilityZones"
SECRET = "aws:secretsmanager/getSecretVersion:getSecretVersion"


@pytest.mark.parametrize(
    ("key", "value", "answers", "said"),
    [
        ("aws:region", "us-wst-2", {}, "aws:region is `us-wst-2`.*no region of AWS"),
        ("bluemoxon:images", {"image_processing": {"digest": "latest"}}, {}, "by digest only"),
        ("bluemoxon:database", {"mode": "generated", "instance_class": "db.t2.micro"}, {}, "generation"),
        (
            "bluemoxon:database",
            {"mode": "existing"},
            {"secretArn": ARN, "secretString": ""},
            "holds no login",
        ),
    ],
    ids=["region", "digest", "class", "secret"],
)
def test_what_aws_would_refuse_is_refused_before_anything_is_made(
    staging: Config, key: str, value: object, answers: dict[str, Any], said: str
) -> None:
    staging[key] = value
    run = Run()
    with pytest.raises(pulumi.RunError, match=said):
        run_program("staging", staging, invokes={SECRET: answers} if answers else {}, run=run)
    assert run.resources == []


def test_a_region_with_too_few_zones_is_refused_before_anything_is_made(staging: Config) -> None:
    staging["bluemoxon:network"]["zones"] = 3
    run = Run()
    with pytest.raises(pulumi.RunError, match=r"us-west-2 has 2 availability zones.*Set `zones` to 2"):
        run_program("staging", staging, invokes={ZONES: {"names": ["us-west-2a", "us-west-2b"]}}, run=run)
    assert [one for one in run.resources if not one.type.startswith("bluemoxon:")] == []


def test_every_component_has_its_token_and_registers_its_outputs() -> None:
    run = run_program("staging", everything("staging", "generated", "create", "by digest"))
    components = [one for one in run.resources if one.type.startswith("bluemoxon:")]
    assert len({one.type for one in components}) == 15
    for one in components:
        assert re.fullmatch(r"bluemoxon:[a-z]+:[A-Z][A-Za-z]+", one.type)
        assert run.registered.get(one.key), f"{one.type} {one.name} registers no outputs"
