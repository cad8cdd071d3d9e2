"""The application's package: complete, from the lock, and what Chalice leaves out is added."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from chalicelib.api.errors import ErrorOut
from infra.workers import WORKERS
from local import package, stage
from local.paths import REPO, Paths
from local.reporting import LogReporter
from workers.contracts import Problem, QueueConfig, Queues


def queue(name: str) -> QueueConfig:
    return QueueConfig(
        queue=f"bluemoxon-local-{name}",
        arn=f"arn:aws:sqs:us-west-2:000000000000:bluemoxon-local-{name}",
        dlq=f"bluemoxon-local-{name}-dlq",
        consumer="container",
        visibility_timeout=60,
        max_receive=3,
    )


QUEUES = Queues({name: queue(name.replace("_", "-")) for name in ("image_processing", "image_results")})
OUTPUTS: dict[str, Any] = {
    "api": {
        "role_arn": "arn:aws:iam::000000000000:role/api",
        "environment": {"BMX_STACK": "local", "BMX_QUEUES": QUEUES.model_dump_json()},
        "subnet_ids": [],
        "security_group_ids": [],
    }
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> package.Package:
    cache = tmp_path_factory.mktemp("cache")
    return package.build(Paths(home=cache / "home", cache=cache), "local", OUTPUTS, LogReporter())


def test_the_package_holds_application_contracts_and_locked_dependencies(built: package.Package) -> None:
    names = zipfile.ZipFile(built.archive).namelist()
    assert {"app.py", "chalicelib/settings.py", "workers/contracts/messages.py"} <= set(names)
    locked = re.findall(r"^([a-z0-9-]+)==(\S+)", (REPO / "app" / "requirements.txt").read_text(), re.M)
    assert locked
    folders = {name.split("/")[0] for name in names}
    for name, version in locked:
        assert f"{name.replace('-', '_')}-{version}.dist-info" in folders


def test_the_package_holds_no_local_leftovers(built: package.Package) -> None:
    names = zipfile.ZipFile(built.archive).namelist()
    assert not [name for name in names if "__pycache__" in name or name.startswith((".chalice", "vendor/"))]


def test_every_queue_has_partial_batch_failures(built: package.Package) -> None:
    template = json.loads(built.template.read_text())
    events = [
        event["Properties"]
        for resource in template["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "SQS"
    ]
    assert events
    assert all(event["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for event in events)


def test_what_the_gateway_answers_itself_has_the_one_error_shape(built: package.Package) -> None:
    template = json.loads(built.template.read_text())
    body = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    responses = body["x-amazon-apigateway-gateway-responses"]
    assert responses["MISSING_AUTHENTICATION_TOKEN"]["statusCode"] == "404"
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= set(responses)
    for response in responses.values():
        text = response["responseTemplates"]["application/json"]
        shape = json.loads(text.replace("$context.error.messageString", '"said"'))
        assert set(shape) == set(ErrorOut.model_fields)
        assert ErrorOut.model_validate(shape).request_id == "$context.requestId"


def test_functions_run_under_the_stack_s_role_with_its_environment(built: package.Package) -> None:
    template = json.loads(built.template.read_text())
    functions = {
        resource["Properties"]["FunctionName"]: resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    named = {f"bluemoxon-local{end}" for end in ("", "-image_results", "-migrate", "-sweep")}
    assert named == set(functions)
    for properties in functions.values():
        assert properties["Role"] == OUTPUTS["api"]["role_arn"]
        assert properties["Environment"]["Variables"]["BMX_STACK"] == "local"


def test_the_checksum_follows_what_is_packed(tmp_path: Path) -> None:
    paths = Paths(home=tmp_path, cache=tmp_path)
    other = {"api": {**OUTPUTS["api"], "environment": {"BMX_STACK": "other"}}}
    sums = [package.package_checksum(paths, "local", outputs) for outputs in (OUTPUTS, OUTPUTS, other)]
    assert sums[0] == sums[1] != sums[2]


def test_every_service_that_the_application_calls_is_packed() -> None:
    sources = "".join(path.read_text() for path in (REPO / "app").rglob("*.py"))
    called = set(re.findall(r"""\.client\(\s*["']([a-z0-9-]+)["']""", sources))
    assert called
    assert called <= set(package.AWS_SERVICES)


def test_a_queue_s_handler_has_the_timeout_of_its_declaration(built: package.Package) -> None:
    """Else its messages would come back while it still works on them."""
    functions = json.loads(built.template.read_text())["Resources"]
    (declared,) = (worker for worker in WORKERS if worker.name == "image_results")
    assert functions["ImageResults"]["Properties"]["Timeout"] == declared.consumer.timeout
    committed = json.loads((REPO / "app" / ".chalice" / "config.json").read_text())
    for worker in WORKERS:
        assert "lambda_timeout" not in committed["lambda_functions"].get(worker.name, {})


@pytest.mark.parametrize(
    ("logical", "label"),
    [("APIHandler", "api"), ("ImageResults", "image-results"), ("Sweep", "sweep"), ("Migrate", "migrate")],
)
def test_labels(logical: str, label: str) -> None:
    assert package.function_label(logical) == label


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.json"
    stages = {"prod": {"x": 1}, "local": {"keep": True, "subnet_ids": ["subnet-left"]}}
    file.write_text(json.dumps({"version": "2.0", "stages": stages}))
    return file


def test_sync_writes_one_stage_and_leaves_the_rest(config: Path) -> None:
    stage.update(config, "local", OUTPUTS).write()
    stages = json.loads(config.read_text())["stages"]
    assert stages["prod"] == {"x": 1}
    assert stages["local"]["keep"]
    assert stages["local"]["iam_role_arn"] == OUTPUTS["api"]["role_arn"]
    assert "subnet_ids" not in stages["local"], "the stack has no network any more"


def test_sync_shows_what_it_changes_and_changes_nothing_twice(config: Path) -> None:
    first = stage.update(config, "local", OUTPUTS)
    assert '+      "iam_role_arn": "arn:aws:iam::000000000000:role/api",' in first.diff.splitlines()
    first.write()
    written = config.stat().st_mtime_ns
    second = stage.update(config, "local", OUTPUTS)
    assert not second.changed
    assert second.diff == ""
    second.write()
    assert config.stat().st_mtime_ns == written


API: dict[str, Any] = OUTPUTS["api"]
ENVIRONMENT: dict[str, str] = API["environment"]


@pytest.mark.parametrize(
    ("api", "named"),
    [
        ({**API, "role_arn": ""}, "api.role_arn"),
        ({**API, "role_arn": "bluemoxon-local-api"}, "api.role_arn"),
        ({**API, "environment": {**ENVIRONMENT, "BMX_API_KEY_SECRET_ARN": ""}}, "BMX_API_KEY_SECRET_ARN"),
        ({**API, "environment": {**ENVIRONMENT, "BMX_API_KEY_SECRET_ARN": " "}}, "BMX_API_KEY_SECRET_ARN"),
        ({**API, "environment": {**ENVIRONMENT, "BMX_DATABASE": None}}, "BMX_DATABASE"),
        ({**API, "subnet_ids": ["subnet-1"]}, "api.security_group_ids"),
        ({**API, "security_group_ids": ["sg-1"]}, "api.subnet_ids"),
        ({**API, "subnet_ids": [""], "security_group_ids": ["sg-1"]}, "api.subnet_ids"),
    ],
)
def test_an_empty_value_is_refused_and_nothing_is_written(
    api: dict[str, Any], named: str, config: Path
) -> None:
    before = config.read_text()
    with pytest.raises(Problem, match=named) as refused:
        stage.update(config, "local", {"api": api})
    assert refused.value.why
    assert refused.value.fix
    assert config.read_text() == before


def test_a_stack_without_an_api_is_a_problem() -> None:
    with pytest.raises(Problem, match="exports no `api`"):
        stage.stage_settings({})
