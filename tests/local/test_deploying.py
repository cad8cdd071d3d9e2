"""What a real deployment of the application is made of: by `chalice`, or by CloudFormation alone."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from local.paths import REPO, Paths
from local.toolbox import find_uv
from tests.local.test_package import QUEUES

OUTPUTS = {
    "api": {
        "role_arn": "arn:aws:iam::111111111111:role/bluemoxon-staging-api",
        "environment": {"BMX_STACK": "staging", "BMX_QUEUES": QUEUES.model_dump_json()},
        "subnet_ids": ["subnet-1"],
        "security_group_ids": ["sg-1"],
    }
}
ROOTS = ("cli", "platform", "app", "policies", ".")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, which a command may change."""
    copy = tmp_path_factory.mktemp("checkout")
    unwanted = shutil.ignore_patterns("__pycache__", "vendor", "deployments", "deployed")
    for name in ("app", "cli", "platform", "workers", "requirements"):
        shutil.copytree(REPO / name, copy / name, ignore=unwanted)
    for file in REPO.glob("Pulumi*.yaml"):
        shutil.copy(file, copy)
    (copy / "outputs.json").write_text(json.dumps(OUTPUTS))
    return copy


def run(checkout: Path, *arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    variables = {
        "PYTHONPATH": os.pathsep.join(str(checkout / root) for root in ROOTS),
        "BMX_HOME": str(checkout / ".bmx"),
        "BMX_CACHE": str(Paths.default().cache),
        "BMX_UV": str(find_uv(Paths.default())),
        "AWS_DEFAULT_REGION": "us-west-2",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **variables},
        cwd=cwd or checkout,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def bmx(checkout: Path, *arguments: str) -> dict[str, Any]:
    done = run(checkout, "-m", "bmx", *arguments, "--outputs", "outputs.json", "--json")
    assert done.stdout, done.stderr
    envelope: dict[str, Any] = json.loads(done.stdout)
    return envelope


def test_chalice_packs_the_contracts_and_the_stage_after_config_sync(checkout: Path) -> None:
    envelope = bmx(checkout, "config", "sync", "--stack", "staging")
    assert envelope["status"] == "ok", envelope["error"]
    assert envelope["data"]["written"]
    assert not bmx(checkout, "config", "sync", "--stack", "staging")["data"]["changed"]
    # Chalice would fetch these from the registry; they are not what this is about.
    (checkout / "app" / "requirements.txt").write_text("")
    start = "import sys; from chalice.cli import main; sys.exit(main())"
    command = (
        "-c",
        start,
        "package",
        "--stage",
        "staging",
        "--template-format",
        "json",
        str(checkout / "out"),
    )
    done = run(checkout, *command, cwd=checkout / "app")
    shutil.copy(REPO / "app" / "requirements.txt", checkout / "app")
    assert done.returncode == 0, done.stderr
    names = zipfile.ZipFile(checkout / "out" / "deployment.zip").namelist()
    assert {"workers/__init__.py", "workers/contracts/messages.py"} <= set(names)
    functions = json.loads((checkout / "out" / "sam.json").read_text())["Resources"]
    assert functions["ImageResults"]["Properties"]["Role"] == OUTPUTS["api"]["role_arn"]
    assert functions["ImageResults"]["Properties"]["Timeout"] == 60
    (event,) = functions["ImageResults"]["Properties"]["Events"].values()
    assert event["Properties"]["Queue"] == QUEUES["image_results"].arn


def test_package_gives_cloudformation_an_archive_and_a_template(checkout: Path, tmp_path: Path) -> None:
    envelope = bmx(checkout, "package", "--stack", "staging", "--out", str(tmp_path / "dist"))
    assert envelope["status"] == "ok", envelope["error"]
    archive, template = (Path(envelope["data"][name]) for name in ("archive", "template"))
    names = zipfile.ZipFile(archive).namelist()
    assert "workers/contracts/messages.py" in names
    resources = json.loads(template.read_text())["Resources"]
    functions = [
        one["Properties"] for one in resources.values() if one["Type"] == "AWS::Serverless::Function"
    ]
    assert {(template.parent / function["CodeUri"]).resolve() for function in functions} == {
        archive.resolve()
    }
    assert {function["Role"] for function in functions} == {OUTPUTS["api"]["role_arn"]}


def test_the_package_holds_wheels_that_lambda_s_system_can_load(checkout: Path, tmp_path: Path) -> None:
    """Python 3.11 runs on Amazon Linux 2 there, whose C library is 2.26."""
    envelope = bmx(checkout, "package", "--stack", "staging", "--out", str(tmp_path))
    package = zipfile.ZipFile(envelope["data"]["archive"])
    tags = [package.read(name).decode() for name in package.namelist() if name.endswith(".dist-info/WHEEL")]
    lowest = [
        min(map(int, found)) for text in tags if (found := re.findall(r"manylinux_2_(\d+)_x86_64", text))
    ]
    assert lowest
    assert max(lowest) <= 26


@pytest.mark.parametrize("command", [("config", "sync"), ("package", "--out", "dist")])
def test_a_stack_without_settings_is_refused(checkout: Path, command: tuple[str, ...]) -> None:
    before = (checkout / "app" / ".chalice" / "config.json").read_text()
    envelope = bmx(checkout, *command, "--stack", "stagign")
    assert envelope["status"] == "failed"
    assert "Pulumi.stagign.yaml" in envelope["error"]["message"]
    assert (checkout / "app" / ".chalice" / "config.json").read_text() == before


@pytest.mark.parametrize("command", [("config", "sync"), ("package", "--out", "dist")])
def test_the_local_stack_is_left_to_up(checkout: Path, command: tuple[str, ...]) -> None:
    envelope = bmx(checkout, *command, "--stack", "local")
    assert envelope["status"] == "usage"
    assert "bmx up" in envelope["error"]["message"]


def test_the_readme_s_way_to_a_real_stack_has_every_step_in_order() -> None:
    told = (REPO / "README.md").read_text().split("## Deploying a stack for real")[1].split("\n## ")[0]
    first, second, back = (found.start() for found in re.finditer(r"\./bmx deploy --stack staging", told))
    steps = [
        "./bmx image build --base ",
        "./bmx image run",
        "./bmx image push --stack staging",
        "./bmx image digest --stack staging",
    ]
    at = [told.index(step) for step in steps]
    assert first < at[0] < at[-1] < second < back
    assert at == sorted(at)
    assert "awaiting_first_image" in told[:first]
    assert told[back:].startswith("./bmx deploy --stack staging --rollback")
    by_hand = ("./bmx config sync --stack staging", "chalice --project-dir app deploy --stage staging")
    assert told.index(by_hand[0]) < told.index(by_hand[1])
