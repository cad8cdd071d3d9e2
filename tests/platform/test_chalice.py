"""`chalice deploy` after `bmx config sync`: the real command against a deployed stack."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import package, stage
from local.deploy import STAGE_OF_API
from local.paths import REPO, Paths
from local.reporting import LogReporter
from tests.platform.test_stacks import Deployed, deployed

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.usefixtures("engine")]


@dataclass
class Project:
    """A copy of app/ that was deployed to a stack's emulator."""

    folder: Path
    stack: Deployed

    def deploy(self) -> str:
        """`chalice deploy --stage staging`; what it said."""
        environment = {**os.environ, **self.stack.stack.emulator.connection.to_sdk_environment()}
        return package.run_chalice(self.folder, ["deploy", "--stage", "staging"], environment)

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """What Chalice noted of the resources of a kind, by name."""
        noted = json.loads((self.folder / ".chalice" / "deployed" / "staging.json").read_text())
        return {one["name"]: one for one in noted["resources"] if one["resource_type"] == kind}

    def get(self, path: str) -> httpx.Response:
        """What the deployed API answers."""
        api = self.resources("rest_api")["rest_api"]["rest_api_id"]
        endpoint = self.stack.stack.emulator.endpoint
        return httpx.get(f"{endpoint}/_aws/execute-api/{api}/{STAGE_OF_API}{path}", timeout=60)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("chalice") / "app"
    unwanted = shutil.ignore_patterns("__pycache__", "vendor", "deployments", "deployed")
    shutil.copytree(REPO / "app", folder, ignore=unwanted)
    # Chalice would fetch what is locked from the registry; the same wheels lie in the cache.
    shutil.copytree(package.dependencies(Paths.default(), LogReporter()), folder / "vendor")
    package.put_contracts(Paths.default(), folder / "vendor")
    (folder / "requirements.txt").write_text("")
    for staging in deployed("staging"):
        stage.update(folder / ".chalice" / "config.json", "staging", staging.target.outputs()).write()
        project = Project(folder, staging)
        project.deploy()
        yield project


def test_functions_run_under_the_stack_s_role_in_its_network(project: Project) -> None:
    api = project.stack.target.outputs()["api"]
    functions = project.resources("lambda_function")
    assert set(functions) == {"api_handler", "image_results", "migrate", "sweep"}
    client = project.stack.target.client("lambda")
    for one in functions.values():
        found = client.get_function_configuration(FunctionName=one["lambda_arn"])
        assert found["Role"] == api["role_arn"]
        assert found["Environment"]["Variables"] == api["environment"]
        assert found["VpcConfig"]["SubnetIds"] == api["subnet_ids"]
        assert found["VpcConfig"]["SecurityGroupIds"] == api["security_group_ids"]


def test_the_results_queue_feeds_its_handler(project: Project) -> None:
    arn = project.stack.target.outputs()["queues"]["image_results"]["arn"]
    mappings = project.stack.target.client("lambda").list_event_source_mappings(EventSourceArn=arn)
    (mapping,) = mappings["EventSourceMappings"]
    assert mapping["FunctionArn"].endswith(":bluemoxon-staging-image_results")
    assert mapping["State"] == "Enabled"


def test_the_api_answers_and_a_second_deployment_changes_it_in_place(project: Project) -> None:
    first = project.resources("rest_api")
    assert project.get("/health").json()["status"] == "ok"
    assert project.get("/added").status_code in (403, 404)
    app = project.folder / "app.py"
    app.write_text(app.read_text() + '\n\n@app.route("/added")\ndef added() -> str:\n    return "there"\n')
    assert "Updating rest API" in project.deploy()
    assert project.resources("rest_api") == first
    assert project.get("/added").text == "there"
    assert project.get("/health").json()["status"] == "ok"
