"""The four modes of the database's credentials, and the hooks that keep database and secret in agreement."""

import asyncio
import json
from typing import Any

import pulumi
import pytest

from infra.credentials import parse_login
from infra.guard import refuse_loss, refuse_password_change
from infra.tags import CREDENTIALS_TAG
from tests.platform.conftest import STACKS
from tests.platform.program import ACCOUNT, DRAWN, KEPT, Config, Run, run_program
from workers.contracts import DatabaseTarget, Problem

INSTANCE = "aws:rds/instance:Instance"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
PASSWORD = "random:index/randomPassword:RandomPassword"
GUARDS = ("before_update: refuse-password-change", "before_delete: refuse-credentials-loss")


def with_mode(config: Config, mode: str) -> Run:
    config["bluemoxon:database"] = {"mode": mode}
    return run_program("staging", config)


def database_secret(run: Run) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(run.of("SecretVersion")["database"].inputs["secretString"])
    return value


def test_generated_gives_instance_and_secret_the_same_password(staging: Config) -> None:
    run = with_mode(staging, "generated")
    instance = run.of("Instance")["database"]
    assert instance.inputs["password"] == DRAWN
    assert database_secret(run) == {
        "engine": "postgres",
        "host": "bluemoxon-staging.rds.amazonaws.com",
        "port": 5432,
        "dbname": "bluemoxon",
        "dbInstanceIdentifier": "bluemoxon-staging",
        "username": "bluemoxon",
        "password": DRAWN,
    }
    for one in (
        instance,
        run.of("RandomPassword")["database"],
        run.of("Secret")["database"],
        run.of("SecretVersion")["database"],
    ):
        assert one.protect
        assert one.ignore_changes
        assert one.hooks == GUARDS


def test_existing_reads_the_secret_and_never_writes_it(staging: Config) -> None:
    run = with_mode(staging, "existing")
    instance = run.of("Instance")["database"]
    assert instance.inputs["password"] == KEPT
    assert "password" in instance.secret_inputs
    assert "password" in instance.ignore_changes
    for type_ in ("RandomPassword", "Secret", "SecretVersion"):
        assert set(run.of(type_)) == {"api-key"}, "only the API's key is ours"
    assert run.outputs["database"]["secret_arn"].endswith(":secret:bluemoxon-staging/database-AbCdEf")


def test_rds_managed_has_no_password_at_all(staging: Config) -> None:
    run = with_mode(staging, "rds-managed")
    instance = run.of("Instance")["database"]
    assert instance.inputs["manageMasterUserPassword"] is True
    assert "password" not in instance.inputs
    assert "database" not in run.of("RandomPassword")
    assert run.outputs["database"]["secret_arn"].endswith(":secret:rds!x-AbCdEf")


def test_external_has_no_database_of_ours(runs: dict[str, Run]) -> None:
    run = runs["prod"]
    assert not run.of("Instance")
    assert "database" not in run.of("Secret")
    target = DatabaseTarget.model_validate_json(run.outputs["api"]["environment"]["BMX_DATABASE"])
    assert target.host.startswith("bluemoxon-prod.cluster-")
    assert target.secret_arn == run.outputs["database"]["secret_arn"]


@pytest.mark.parametrize("mode", ["generated", "existing", "rds-managed"])
def test_an_instance_says_how_its_login_was_made(mode: str, staging: Config) -> None:
    instance = with_mode(staging, mode).of("Instance")["database"]
    assert instance.inputs["tags"][CREDENTIALS_TAG] == mode
    assert instance.inputs["deletionProtection"] is True
    assert instance.inputs["skipFinalSnapshot"] is False
    assert instance.inputs["finalSnapshotIdentifier"] == "bluemoxon-staging-final"
    assert instance.inputs["storageEncrypted"] is True
    assert instance.inputs["publiclyAccessible"] is False


@pytest.mark.parametrize("stack", STACKS)
def test_only_the_instance_and_the_secret_hold_the_password(stack: str, runs: dict[str, Run]) -> None:
    holders = {(one.type.split(":")[-1], key) for one in runs[stack].resources for key in one.secret_inputs}
    assert holders <= {("Instance", "password"), ("SecretVersion", "secretString")}


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("", "no login"),
        ("{", "no login"),
        ("[]", "no login"),
        ('{"username": "bluemoxon"}', "no login"),
        ('{"username": "bluemoxon", "password": ""}', "no login"),
        ('{"username": "other", "password": "long-enough"}', "another user"),
        ('{"username": "bluemoxon", "password": "short"}', "RDS refuses"),
        ('{"username": "bluemoxon", "password": "has space"}', "RDS refuses"),
        ('{"username": "bluemoxon", "password": "has/slash-in"}', "RDS refuses"),
        ('{"username": "bluemoxon", "password": 12345678}', "no login"),
    ],
)
def test_a_secret_that_opens_nothing_is_refused_before_anything_is_made(
    value: str, word: str, staging: Config
) -> None:
    with pytest.raises(Problem, match=word) as caught:
        parse_login("s", "arn", value, "bluemoxon")
    assert caught.value.fix
    answer = {
        "secretArn": f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:s-AbCdEf",
        "secretString": value,
    }
    run = Run()
    with pytest.raises(pulumi.RunError, match=word):
        run_program(
            "staging",
            staging,
            invokes={"aws:secretsmanager/getSecretVersion:getSecretVersion": answer},
            run=run,
        )
    assert run.resources == []


def test_a_secret_that_cannot_be_read_is_refused_before_anything_is_made(staging: Config) -> None:
    run = Run()
    with pytest.raises(pulumi.RunError, match="cannot be read"):
        run_program(
            "staging",
            staging,
            invokes={"aws:secretsmanager/getSecretVersion:getSecretVersion": PermissionError("AccessDenied")},
            run=run,
        )
    assert run.resources == []


def test_a_login_never_shows_its_password() -> None:
    login = parse_login("s", "arn", '{"username": "bluemoxon", "password": "long-enough"}', "bluemoxon")
    assert login.password == "long-enough"
    assert "long-enough" not in repr(login)


def refuse(type_: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    """What the update hook says, or nothing when it lets the update pass."""
    args = pulumi.ResourceHookArgs("urn", "id", "database", type_, new_inputs=new, old_inputs=old)

    async def call() -> str:
        try:
            await refuse_password_change(args)
        except Problem as problem:
            return str(problem)
        return ""

    return asyncio.run(call())


TAGGED = {"tags": {CREDENTIALS_TAG: "generated"}}


@pytest.mark.parametrize(
    ("type_", "old", "new", "named"),
    [
        (INSTANCE, {"password": "a"}, {"password": "b"}, "password"),
        (INSTANCE, {"password": "a"}, {}, "password"),
        (INSTANCE, {"password": "a"}, {"manageMasterUserPassword": True}, "manageMasterUserPassword"),
        (INSTANCE, {"username": "a"}, {"username": "b"}, "username"),
        (INSTANCE, TAGGED, {"tags": {CREDENTIALS_TAG: "existing"}}, "credentials mode"),
        (INSTANCE, TAGGED, {}, "credentials mode"),
        (VERSION, {"secretString": "a"}, {"secretString": "b"}, "secretString"),
        (VERSION, {"secretString": "a"}, {"secretBinary": "a"}, "secretBinary"),
        (PASSWORD, {"length": 40}, {"length": 41}, "length"),
        (PASSWORD, {"length": 40}, {"length": 40, "keepers": {"a": "b"}}, "keepers"),
    ],
)
def test_the_hook_refuses_a_change_of_the_login(
    type_: str, old: dict[str, Any], new: dict[str, Any], named: str
) -> None:
    message = refuse(type_, old, new)
    assert named in message
    assert "bmx credentials rotate" in message


@pytest.mark.parametrize(
    ("type_", "old", "new"),
    [
        (INSTANCE, {"password": "a", "multiAz": False}, {"password": "a", "multiAz": True}),
        (INSTANCE, {**TAGGED}, {"tags": {CREDENTIALS_TAG: "generated", "new": "tag"}}),
        (VERSION, {"secretString": "a"}, {"secretString": "a"}),
        (PASSWORD, {"length": 40, "__defaults": []}, {"length": 40, "__defaults": ["x"]}),
        ("aws:secretsmanager/secret:Secret", {"name": "n"}, {"name": "n", "description": "d"}),
    ],
)
def test_the_hook_lets_other_changes_pass(type_: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    assert refuse(type_, old, new) == ""


def test_the_hook_compares_secrets_without_showing_them_and_refuses_unknown_ones() -> None:
    async def call() -> tuple[str, str, str]:
        outcomes = []
        unknown: asyncio.Future[bool] = asyncio.Future()
        unknown.set_result(False)
        nothing: asyncio.Future[Any] = asyncio.Future()
        nothing.set_result(None)
        undecided: pulumi.Output[Any] = pulumi.Output(set(), nothing, unknown)
        for new in (pulumi.Output.secret("same"), pulumi.Output.secret("other-value"), undecided):
            args = pulumi.ResourceHookArgs(
                "urn",
                "id",
                "database",
                INSTANCE,
                old_inputs={"password": pulumi.Output.secret("same")},
                new_inputs={"password": new},
            )
            try:
                await refuse_password_change(args)
                outcomes.append("")
            except Problem as problem:
                outcomes.append(str(problem))
        return outcomes[0], outcomes[1], outcomes[2]

    same, other, undecided = asyncio.run(call())
    assert same == ""
    assert "password" in other
    assert "other-value" not in other
    assert "password" in undecided


def test_the_delete_hook_refuses_always() -> None:
    with pytest.raises(Problem, match="is not deleted"):
        refuse_loss(pulumi.ResourceHookArgs("urn", "id", "database", INSTANCE))
