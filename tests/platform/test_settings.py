"""Settings: what is wrong is said before anything is created, with key, reason and fix."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from infra.config import parse
from infra.faults import Fault, SettingsProblem
from infra.settings import ExistingDatabase, ExternalDatabase, GeneratedDatabase, Settings
from tests.platform.conftest import STACKS
from tests.platform.program import Config, as_pulumi_passes, stack_config
from workers.contracts import Problem

DIGEST = "sha256:" + "0" * 64
SECRET_ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:bluemoxon-prod/aurora-a1B2c3"
EXTERNAL = {"mode": "external", "secret_arn": SECRET_ARN, "host": "db.example.org"}
EXISTING_NETWORK = {
    "mode": "existing",
    "vpc_id": "vpc-0a1b2c3d",
    "subnet_ids": ["subnet-0a1b2c3d", "subnet-0a1b2c3e"],
    "security_group_ids": ["sg-0a1b2c3d"],
}


def faults_of(config: Config, stack: str = "staging") -> list[Fault]:
    with pytest.raises(SettingsProblem) as caught:
        parse(stack, as_pulumi_passes(config))
    return list(caught.value.faults)


@pytest.mark.parametrize("stack", STACKS)
def test_each_stack_has_good_settings(stack: str) -> None:
    settings, region = parse(stack, as_pulumi_passes(stack_config(stack)))
    assert region == "us-west-2"
    assert settings.workers


def test_the_stacks_have_the_modes_they_are_meant_to_have() -> None:
    modes = {stack: type(parse(stack, as_pulumi_passes(stack_config(stack)))[0].database) for stack in STACKS}
    assert modes == {"local": GeneratedDatabase, "staging": ExistingDatabase, "prod": ExternalDatabase}


def set_to(key: str, value: Any) -> Callable[[Config], None]:
    """Sets `area.field` (or `aws:region`) in a configuration."""

    def change(config: Config) -> None:
        area, *path = key.split(".")
        name = area if ":" in area else f"bluemoxon:{area}"
        if not path:
            config[name] = value
            return
        target = config.setdefault(name, {})
        for part in path[:-1]:
            target = target.setdefault(part, {})
        target[path[-1]] = value

    return change


def without(key: str) -> Callable[[Config], None]:
    """Removes `area` or `area.field`."""

    def change(config: Config) -> None:
        area, *path = key.split(".")
        name = area if ":" in area else f"bluemoxon:{area}"
        if path:
            del config[name][path[0]]
        else:
            del config[name]

    return change


# What is changed in staging's good configuration; the fault's key; words of its reason; words of its fix.
WRONG: list[tuple[Callable[[Config], None], str, str, str]] = [
    (without("aws:region"), "aws:region", "Everything is created there", "us-west-2"),
    (set_to("aws:region", "us-wst-2"), "aws:region", "no region of AWS", "us-west-2"),
    (set_to("aws:region", "US-WEST-2"), "aws:region", "no region of AWS", "us-west-2"),
    (set_to("worker", []), "bluemoxon:worker", "nobody reads", "Did you mean `workers`"),
    (set_to("zzz", 1), "bluemoxon:zzz", "nobody reads", "Remove it"),
    (set_to("password", "x"), "bluemoxon:password", "No setting takes a password", "bmx credentials"),
    (
        set_to("databasePassword", "x"),
        "bluemoxon:databasePassword",
        "No setting takes a password",
        "bmx credentials",
    ),
    (without("workers"), "bluemoxon:workers", "no default", "Set `workers`"),
    (set_to("workers", "image_processing"), "bluemoxon:workers", "array", "Correct the value"),
    (set_to("workers", ["image_procesing"]), "bluemoxon:workers", "no worker", "infra/workers.py"),
    (
        set_to("workers", ["image_processing", "analysis", "analysis"]),
        "bluemoxon:workers",
        "has a worker once",
        "Remove",
    ),
    (set_to("workers", [3]), "bluemoxon:workers.0", "valid string", "Correct the value"),
    (without("images"), "bluemoxon:images.image_processing", "exactly one image", "digest"),
    (
        set_to("images.image_processing", {"digest": "latest"}),
        "bluemoxon:images.image_processing.digest",
        "by digest only",
        "sha256:",
    ),
    (
        set_to("images.image_processing", {"digest": "sha256:" + "0" * 63}),
        "bluemoxon:images.image_processing.digest",
        "by digest only",
        "64",
    ),
    (
        set_to("images.image_processing", {"digest": DIGEST.upper()}),
        "bluemoxon:images.image_processing.digest",
        "by digest only",
        "sha256:",
    ),
    (
        set_to("images.image_processing", {"tag": "v1"}),
        "bluemoxon:images.image_processing.tag",
        "nobody reads",
        "Settings here: awaiting_first_image, digest",
    ),
    (
        set_to("images.image_processing", {}),
        "bluemoxon:images.image_processing",
        "placeholder is never deployed",
        "digest",
    ),
    (
        set_to("images.image_processing", {"digest": DIGEST, "awaiting_first_image": True}),
        "bluemoxon:images.image_processing",
        "placeholder is never deployed",
        "awaiting_first_image",
    ),
    (
        set_to("images.eval_runbook", {"digest": DIGEST}),
        "bluemoxon:images.eval_runbook",
        "never run",
        "Remove it",
    ),
    (without("database"), "bluemoxon:database", "no default", "Set `database`"),
    (without("database.mode"), "bluemoxon:database.mode", "which other settings", "rds-managed"),
    (set_to("database.mode", "generate"), "bluemoxon:database.mode", "no mode", "'generated'"),
    (
        set_to("database.password", "hunter2"),
        "bluemoxon:database.password",
        "No setting takes a password",
        "bmx credentials",
    ),
    (
        set_to("database.master_password", "hunter2"),
        "bluemoxon:database.master_password",
        "No setting takes a password",
        "bmx credentials",
    ),
    (
        set_to("database.instance_clas", "db.t4g.small"),
        "bluemoxon:database.instance_clas",
        "nobody reads",
        "`instance_class`",
    ),
    (set_to("database.instance_class", "t4g.small"), "bluemoxon:database.instance_class", "db.", "Use"),
    (
        set_to("database.instance_class", "db.t4g.tiny"),
        "bluemoxon:database.instance_class",
        "db.family.size",
        "db.t4g.small",
    ),
    (
        set_to("database.instance_class", "db.t2.micro"),
        "bluemoxon:database.instance_class",
        "of that generation",
        "db.t4g.small",
    ),
    (set_to("database.engine_version", 16), "bluemoxon:database.engine_version", "'15', '16'", "Correct"),
    (set_to("database.engine_version", "9"), "bluemoxon:database.engine_version", "'15', '16'", "Correct"),
    (set_to("database.multi_az", "yes"), "bluemoxon:database.multi_az", "valid boolean", "Correct"),
    (set_to("database.allocated_storage", 5), "bluemoxon:database.allocated_storage", "20", "Correct"),
    (
        set_to("database.allocated_storage", "20"),
        "bluemoxon:database.allocated_storage",
        "valid integer",
        "Correct",
    ),
    (
        set_to("database.allocated_storage", 99),
        "bluemoxon:database",
        "by a tenth",
        "Raise `max_allocated_storage`",
    ),
    (
        set_to("database.backup_retention_days", 0),
        "bluemoxon:database.backup_retention_days",
        "greater than or equal to 1",
        "Correct",
    ),
    (set_to("database.username", "admin"), "bluemoxon:database.username", "reserved", "bluemoxon"),
    (set_to("database.name", "Blue-Moxon"), "bluemoxon:database.name", "lower-case", "bluemoxon"),
    (set_to("database.secret", "a secret"), "bluemoxon:database.secret", "letters, digits", "leave it out"),
    (set_to("database", {**EXTERNAL, "secret_arn": ""}), "bluemoxon:database.secret_arn", "full ARN", "Copy"),
    (
        set_to("database", {**EXTERNAL, "secret_arn": "bluemoxon-prod/aurora"}),
        "bluemoxon:database.secret_arn",
        "full ARN",
        "describe-secret",
    ),
    (
        set_to("database", {**EXTERNAL, "secret_arn": SECRET_ARN.replace("west", "east")}),
        "bluemoxon:database.secret_arn",
        "stack is in us-west-2",
        "replica",
    ),
    (
        set_to("database", {**EXTERNAL, "instance_class": "db.t4g.micro"}),
        "bluemoxon:database.instance_class",
        "another mode",
        "Remove it",
    ),
    (
        set_to("database", {"mode": "external", "secret_arn": SECRET_ARN}),
        "bluemoxon:database.host",
        "no default",
        "Set `host`",
    ),
    (set_to("database", {**EXTERNAL, "port": 0}), "bluemoxon:database.port", "equal to 1", "Correct"),
    (
        set_to("database", {**EXTERNAL, "host": "https://db.example.org/"}),
        "bluemoxon:database.host",
        "host name",
        "Use",
    ),
    (without("network"), "bluemoxon:network", "no default", "Set `network`"),
    (set_to("network", {"mode": "none"}), "bluemoxon:network.mode", "same machine", "create"),
    (set_to("network.cidr", "10.40.0.0/33"), "bluemoxon:network.cidr", "no IPv4 network", "10.40.0.0/16"),
    (set_to("network.cidr", "8.8.0.0/16"), "bluemoxon:network.cidr", "private", "10.40.0.0/16"),
    (set_to("network.cidr", "10.0.0.0/8"), "bluemoxon:network.cidr", "/16", "10.40.0.0/16"),
    (set_to("network.zones", 1), "bluemoxon:network.zones", "equal to 2", "Correct"),
    (
        set_to("network", {**EXISTING_NETWORK, "vpc_id": "main"}),
        "bluemoxon:network.vpc_id",
        "vpc-",
        "Copy the id",
    ),
    (
        set_to("network", {**EXISTING_NETWORK, "subnet_ids": ["subnet-0a1b2c3d"]}),
        "bluemoxon:network.subnet_ids",
        "at least 2",
        "Correct",
    ),
    (
        set_to("network", {**EXISTING_NETWORK, "security_group_ids": []}),
        "bluemoxon:network.security_group_ids",
        "at least 1",
        "Correct",
    ),
    (
        set_to("network", {**EXISTING_NETWORK, "subnet_ids": ["subnet-0a1b2c3d"] * 2}),
        "bluemoxon:network.subnet_ids",
        "subnet-0a1b2c3d is there twice",
        "Remove the repetition",
    ),
    (
        set_to("network", {**EXISTING_NETWORK, "security_group_ids": ["sg-0a1b2c3d"] * 2}),
        "bluemoxon:network.security_group_ids",
        "each once",
        "Remove the repetition",
    ),
    (
        set_to("network", {**EXISTING_NETWORK, "security_group_ids": [f"sg-0a1b2c3{n}" for n in range(6)]}),
        "bluemoxon:network.security_group_ids",
        "at most 5",
        "Correct",
    ),
    (
        set_to("alarms", {"emails": ["ops@example.org"] * 2}),
        "bluemoxon:alarms.emails",
        "ops@example.org is there twice",
        "Remove the repetition",
    ),
    (
        set_to("storage", {"upload_origins": ["https://books.example.org/upload"]}),
        "bluemoxon:storage.upload_origins.0",
        "scheme, host and port",
        "without a path",
    ),
    (
        set_to("sign_in", {"pages_url": "http://books.example.org/"}),
        "bluemoxon:sign_in.pages_url",
        "over HTTPS",
        "`bmx deploy` prints it",
    ),
    (
        set_to("sign_in", {"pages_url": "https://books.example.org", "domain_prefix": "my-cognito"}),
        "bluemoxon:sign_in.domain_prefix",
        "takes none with `aws`",
        "lower-case",
    ),
    (
        set_to("storage", {"upload_origins": ["*"]}),
        "bluemoxon:storage.upload_origins.0",
        "origin",
        "https://",
    ),
    (
        set_to("storage", {"old_versions_days": 0}),
        "bluemoxon:storage.old_versions_days",
        "equal to 1",
        "Correct",
    ),
    (set_to("storage", "small"), "bluemoxon:storage", "an object", "Correct"),
    (set_to("alarms", {"emails": ["ops"]}), "bluemoxon:alarms.emails.0", "mailed", "ops@example.org"),
    (set_to("dashboard", {"enabled": "no"}), "bluemoxon:dashboard.enabled", "valid boolean", "Correct"),
    (set_to("budget.monthly_usd", 0), "bluemoxon:budget.monthly_usd", "equal to 1", "Correct"),
    (set_to("budget", {"limit": 10}), "bluemoxon:budget.limit", "nobody reads", "monthly_usd"),
    (set_to("deploy.repository", "bluemoxon"), "bluemoxon:deploy.repository", "one repository", "OWNER/NAME"),
    (set_to("deploy.repository", "owner/*"), "bluemoxon:deploy.repository", "one repository", "without `*`"),
    (set_to("deploy.environment", "*"), "bluemoxon:deploy.environment", "trust others too", "prod"),
    (set_to("deploy.branch", "main"), "bluemoxon:deploy", "one of the two", "Set `environment`"),
    (without("deploy.environment"), "bluemoxon:deploy", "one of the two", "or `branch`"),
    (
        set_to("deploy.oidc_provider_arn", "arn:aws:iam::123456789012:oidc-provider/example.org"),
        "bluemoxon:deploy.oidc_provider_arn",
        "GitHub's identity provider",
        "leave it out",
    ),
    (set_to("deploy.state_bucket", "s3://state"), "bluemoxon:deploy.state_bucket", "no bucket", "name alone"),
    (set_to("logs", {"retention_days": 31}), "bluemoxon:logs.retention_days", "30", "Correct"),
]


@pytest.mark.parametrize(
    ("change", "key", "why", "fix"), WRONG, ids=[f"{number}-{case[1]}" for number, case in enumerate(WRONG)]
)
def test_a_wrong_setting_is_refused_with_key_reason_and_fix(
    staging: Config, change: Callable[[Config], None], key: str, why: str, fix: str
) -> None:
    change(staging)
    (fault,) = [fault for fault in faults_of(staging) if fault.key == key]
    assert why in f"{fault.what} {fault.why}"
    assert fix in fault.fix


def test_at_least_forty_wrong_settings_are_tried() -> None:
    assert len(WRONG) >= 40


def test_everything_that_is_wrong_is_said_at_once(staging: Config) -> None:
    staging["aws:region"] = "nowhere"
    staging["bluemoxon:nonsense"] = 1
    staging["bluemoxon:database"]["multi_az"] = "yes"
    staging["bluemoxon:network"]["zones"] = 9
    with pytest.raises(SettingsProblem) as caught:
        parse("staging", as_pulumi_passes(staging))
    assert len(caught.value.faults) == 4
    message = str(caught.value)
    assert "4 faults" in message
    assert "Pulumi.staging.yaml" in message
    for fault in caught.value.faults:
        assert str(fault) in message


def test_the_value_of_an_unknown_key_is_never_shown(staging: Config) -> None:
    staging["bluemoxon:databasePassword"] = "hunter2"
    staging["bluemoxon:database"]["password"] = "hunter2"
    staging["bluemoxon:database"]["passphrase"] = "hunter2"
    with pytest.raises(SettingsProblem) as caught:
        parse("staging", as_pulumi_passes(staging))
    assert "hunter2" not in str(caught.value)


def test_no_setting_is_named_like_a_secret() -> None:
    schema = Settings.model_json_schema()
    models = [schema, *schema["$defs"].values()]
    names = {name for model in models for name in model.get("properties", {})}
    assert {"username", "secret_arn", "digest"} <= names
    assert [name for name in names if re.search("pass(word|phrase)|token|credential", name)] == []


@pytest.mark.parametrize("stack", ["Staging", "my_stack", "1st", "staging-image", "a-", "", "été"])
def test_a_stack_name_that_aws_would_refuse_is_refused(stack: str, staging: Config) -> None:
    with pytest.raises(Problem, match="cannot be a stack's name"):
        parse(stack, as_pulumi_passes(staging))


def test_the_secret_of_an_external_database_may_be_one_that_rds_owns(staging: Config) -> None:
    arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:rds!db-0a1b2c3d-4e5f-a1B2c3"
    staging["bluemoxon:database"] = {**EXTERNAL, "secret_arn": arn}
    settings, _ = parse("staging", as_pulumi_passes(staging))
    assert isinstance(settings.database, ExternalDatabase)
    assert settings.database.secret_arn == arn
