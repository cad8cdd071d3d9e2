"""What the program declares for each stack, and that one declaration of a worker reaches everywhere."""

import gc
import json
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra import workers as declaration
from infra.workers import ChaliceHandler, Container, External, Worker
from tests.platform.conftest import STACKS
from tests.platform.program import DRAWN, KEPT, Config, Run, run_program, stack_config
from workers.contracts import DatabaseTarget, Queues

DIGEST = "sha256:" + "1" * 64
SECRET_VALUES = (DRAWN, KEPT)


@pytest.mark.parametrize("stack", STACKS)
def test_the_outputs_have_their_shape_and_no_secret(stack: str, runs: dict[str, Run]) -> None:
    outputs = runs[stack].outputs
    assert set(outputs) == {
        "images_bucket",
        "queues",
        "functions",
        "repositories",
        "api",
        "database",
        "api_key_secret_arn",
        "alarm_topic_arn",
        *(["deploy_role_arn"] if stack != "local" else []),
    }
    assert set(outputs["api"]) == {"role_arn", "environment", "subnet_ids", "security_group_ids"}
    ours = set() if outputs["database"]["mode"] == "external" else {"instance_identifier"}
    assert set(outputs["database"]) == {"mode", "secret_arn", "host", "port", "name"} | ours
    for queue in outputs["queues"].values():
        assert set(queue) == {"name", "url", "arn", "dlq_name", "dlq_url", "dlq_arn", "consumer"}
    text = json.dumps(outputs)
    assert not [value for value in SECRET_VALUES if value in text]


@pytest.mark.parametrize("stack", STACKS)
def test_the_environment_is_what_the_application_reads(stack: str, runs: dict[str, Run]) -> None:
    environment = runs[stack].outputs["api"]["environment"]
    assert all(environment.values()), "no value may be empty"
    assert set(environment) == {
        "BMX_STACK",
        "BMX_QUEUES",
        "BMX_IMAGES_BUCKET",
        "BMX_DATABASE",
        "BMX_API_KEY_SECRET_ARN",
        "BMX_USER_POOL_ID",
        "BMX_USER_POOL_CLIENT_ID",
        # The local stack's pages have an address only once they are there.
        *(() if stack == "local" else ("BMX_SIGN_IN_URL",)),
    }
    queues = Queues.model_validate_json(environment["BMX_QUEUES"])
    assert [str(model) for model in queues["image_processing"].models] == ["u2net:int8"]
    assert set(queues.root) == set(runs[stack].outputs["queues"])
    target = DatabaseTarget.model_validate_json(environment["BMX_DATABASE"])
    assert target.sslmode == ("disable" if stack == "local" else "verify-full")
    # Lambda's limit for all variables of a function together.
    assert sum(len(key) + len(value) for key, value in environment.items()) < 4096


def test_a_sign_in_page_sends_people_back_to_the_pages_and_nowhere_else() -> None:
    config = stack_config("staging")
    config["bluemoxon:sign_in"] = {"pages_url": "https://books.example.org/api"}
    run = run_program("staging", config)
    (domain,) = (one for one in run.resources if one.type.endswith(":UserPoolDomain"))
    (client,) = (one for one in run.resources if one.type.endswith(":UserPoolClient"))
    host = f"{domain.inputs['domain']}.auth.us-west-2.amazoncognito.com"
    assert run.outputs["api"]["environment"]["BMX_SIGN_IN_URL"] == f"https://{host}"
    assert client.inputs["callbackUrls"] == ["https://books.example.org/api/sign-in"]
    assert client.inputs["allowedOauthFlows"] == ["code"]
    assert client.inputs["generateSecret"] is False


def test_each_stack_has_the_workers_it_is_meant_to_have(runs: dict[str, Run]) -> None:
    have = {stack: set(run.outputs["queues"]) for stack, run in runs.items()}
    assert have["staging"] == {"image_processing", "image_results", "eval_runbook", "tracking_worker"}
    assert have["prod"] == {"image_processing", "image_results", "eval_runbook", "analysis"}
    assert have["local"] == {worker.name for worker in declaration.WORKERS}


@pytest.mark.parametrize("stack", STACKS)
def test_what_cannot_be_made_again_is_protected(stack: str, runs: dict[str, Run]) -> None:
    kept = {"RandomPassword", "Secret", "SecretVersion", "Bucket", "UserPool"}
    for one in runs[stack].resources:
        short = one.type.split(":")[-1]
        assert one.protect == (short in kept or one.type == "aws:rds/instance:Instance"), one


def test_only_the_drawn_password_would_go_before_its_replacement(staging: Config) -> None:
    """So that the hook refuses before there is a second one."""
    staging["bluemoxon:database"] = {"mode": "generated"}
    run = run_program("staging", staging)
    found = {(one.type.split(":")[-1], one.name) for one in run.resources if one.delete_before_replace}
    assert found == {("RandomPassword", "database")}


def test_the_program_leaves_this_process_its_garbage_collection() -> None:
    run_program("local")
    assert gc.isenabled()


@pytest.mark.parametrize("stack", STACKS)
def test_passwords_reach_pulumi_as_secrets_only(stack: str, runs: dict[str, Run]) -> None:
    for one in runs[stack].resources:
        for key, value in one.inputs.items():
            if any(secret in json.dumps(value, default=str) for secret in SECRET_VALUES):
                assert key in one.secret_inputs, f"{one.type} {one.name}: {key} is no secret"


@pytest.mark.parametrize("stack", STACKS)
def test_every_queue_has_its_guards(stack: str, runs: dict[str, Run]) -> None:
    run = runs[stack]
    queues = {name: queue for name, queue in run.of("Queue").items() if not name.endswith("-dlq")}
    policies = {
        json.loads(one.inputs["policy"])["Statement"][0]["Resource"] for one in run.of("QueuePolicy").values()
    }
    for name, queue in queues.items():
        dlq = run.of("Queue")[f"{name}-dlq"]
        redrive = json.loads(queue.inputs["redrivePolicy"])
        assert redrive["deadLetterTargetArn"].endswith(f":{dlq.inputs['name']}")
        allow = json.loads(run.of("RedriveAllowPolicy")[name].inputs["redriveAllowPolicy"])
        assert [arn.split(":")[-1] for arn in allow["sourceQueueArns"]] == [queue.inputs["name"]]
        for one in (queue, dlq):
            assert one.inputs["sqsManagedSseEnabled"] is True
            closed = any(arn.endswith(f":{one.inputs['name']}") for arn in policies)
            assert closed == (stack != "local"), "plain HTTP is refused, but on one laptop"
        assert dlq.inputs["messageRetentionSeconds"] > queue.inputs["messageRetentionSeconds"]


def with_function(stack: str) -> Config:
    config = stack_config(stack)
    config["bluemoxon:images"]["image_processing"] = {"digest": DIGEST}
    return config


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_once_there_is_a_digest_there_is_its_function(stack: str) -> None:
    run = run_program(stack, with_function(stack))
    function = run.of("Function")["image-processing"]
    assert function.inputs["imageUri"].endswith(f"/bluemoxon-{stack}-image-processing@{DIGEST}")
    mapping = run.of("EventSourceMapping")["image-processing"]
    assert mapping.inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]
    visibility = run.of("Queue")["image-processing"].inputs["visibilityTimeoutSeconds"]
    assert visibility >= 6 * function.inputs["timeout"]
    assert set(function.inputs["environment"]["variables"]) == {
        "BMX_STACK",
        "BMX_IMAGES_BUCKET",
        "BMX_RESULT_QUEUE_URL",
        "POWERTOOLS_SERVICE_NAME",
    }


@pytest.mark.parametrize(
    "consumer",
    [
        Container("workers.price_check.handler.handler", timeout=30, memory=512),
        ChaliceHandler(timeout=30),
        External(timeout=30),
    ],
    ids=["container", "chalice", "external"],
)
def test_one_entry_for_a_worker_is_found_everywhere(
    consumer: declaration.Consumer, staging: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = Worker("price_check", "Asks dealers for prices.", consumer, results_to="image_results")
    monkeypatch.setattr(declaration, "WORKERS", (*declaration.WORKERS, added))
    staging["bluemoxon:workers"].append("price_check")
    if isinstance(consumer, Container):
        staging["bluemoxon:images"]["price_check"] = {"digest": DIGEST}
    run = run_program("staging", staging)
    name = "bluemoxon-staging-price-check"
    assert run.of("Queue")["price-check"].inputs["name"] == name
    assert run.of("Queue")["price-check-dlq"].inputs["name"] == f"{name}-dlq"
    assert {"price-check-dlq-not-empty", "price-check-oldest-message"} <= set(run.of("MetricAlarm"))
    entry = Queues.model_validate_json(run.outputs["api"]["environment"]["BMX_QUEUES"])["price_check"]
    assert (entry.queue, entry.dlq, entry.consumer) == (name, f"{name}-dlq", consumer.kind)
    assert run.outputs["queues"]["price_check"]["name"] == name
    api = statements(run, "api")
    assert f":{name}" in json.dumps(api["SendAndInspect"]["Resource"])
    assert (f":{name}" in json.dumps(api["ConsumeResults"]["Resource"])) == (consumer.kind == "chalice")
    is_container = isinstance(consumer, Container)
    for type_ in ("Function", "EventSourceMapping", "LogGroup", "Repository", "Role"):
        assert ("price-check" in run.of(type_)) == is_container, type_
    assert ("price-check-errors" in run.of("MetricAlarm")) == (consumer.kind != "external")
    assert "price_check" in run.of("Dashboard")["dashboard"].inputs["dashboardBody"]
    if is_container:
        role = statements(run, "price-check")
        assert role["ConsumeOwnQueue"]["Resource"].endswith(f":{name}")
        assert set(role) == {"ConsumeOwnQueue", "WriteOwnLogs", "SendResults"}


def statements(run: Run, role: str) -> dict[str, Any]:
    """The statements of a role's policy, by Sid."""
    policy = json.loads(run.of("RolePolicy")[role].inputs["policy"])
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_known_faults_end_as_one_message_without_a_traceback(staging: Config) -> None:
    staging["bluemoxon:database"]["password"] = "hunter2"
    with pytest.raises(pulumi.RunError) as caught:
        run_program("staging", staging)
    assert "bluemoxon:database.password is not a setting" in str(caught.value)
    assert caught.value.__suppress_context__


def test_without_an_account_nothing_is_made_and_the_way_on_is_said(staging: Config) -> None:
    run = Run()
    token = "aws:index/getCallerIdentity:getCallerIdentity"
    with pytest.raises(pulumi.RunError, match=r"which account.*ExpiredToken.*aws sso login"):
        run_program("staging", staging, invokes={token: PermissionError("ExpiredToken")}, run=run)
    assert run.resources == []


def test_a_name_that_is_too_long_is_refused_before_anything_is_made() -> None:
    run = Run()
    with pytest.raises(pulumi.RunError, match="too long to be a bucket's name"):
        run_program("a" * 34, stack_config("local"), run=run)
    assert run.resources == []


def test_the_program_composes_only() -> None:
    main = Path(declaration.__file__).parents[1] / "__main__.py"
    assert len(main.read_text().splitlines()) < 200
    assert "aws.sqs" not in main.read_text()


def test_importing_the_declarations_loads_no_sdk() -> None:
    """The command line reads them at every start."""
    loaded = {"infra.workers", "infra.naming", "infra.timeouts", "infra.settings", "infra.grants"}
    code = (
        f"import {', '.join(sorted(loaded))}, sys; print([m for m in sys.modules if m.startswith('pulumi')])"
    )
    import subprocess

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
