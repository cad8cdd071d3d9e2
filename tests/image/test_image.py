"""The built image: what is in it, how it is confined, and what it does with a real message."""

import hashlib
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from infra.workers import container_of
from local.paths import REPO, Paths
from local.reporting import LogReporter
from operations.image.build import SBOM
from operations.image.tools import Tool
from operations.image.trial import WORKER, Running, Surroundings, running, sample_photo, surroundings
from workers.contracts import ErrorCode, ResultStatus
from workers.image_processor.models.catalog import U2NET

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def around() -> Iterator[Surroundings]:
    with surroundings(Paths.default(), WORKER, LogReporter()) as around:
        yield around


@pytest.fixture(scope="module")
def answering(tool: Tool, image: str, around: Surroundings) -> Iterator[Running]:
    """The image, started because a job was queued for it."""
    around.send(sample_photo(), "first")
    with running(tool, image, around) as run:
        yield run


def test_a_queued_job_ends_in_outputs_and_a_result(answering: Running, around: Surroundings) -> None:
    result = around.result(180)
    assert result is not None, answering.log.read_text()
    assert result.job_id == "first"
    assert result.status is ResultStatus.SUCCEEDED, result.error
    assert result.engine is not None
    assert (result.engine.model, result.engine.precision) == ("u2net", "int8")
    assert result.outputs is not None
    for output in (result.outputs.cutout, result.outputs.display, result.outputs.thumbnail):
        stored = around.aws.call("s3", "get_object", Bucket=around.bucket, Key=output.key)
        content = stored["Body"].read()
        assert hashlib.sha256(content).hexdigest() == output.sha256
        assert Image.open(io.BytesIO(content)).size == (output.width, output.height)
    cutout = around.aws.call("s3", "get_object", Bucket=around.bucket, Key=result.outputs.cutout.key)
    alpha = Image.open(io.BytesIO(cutout["Body"].read())).getchannel("A")
    assert alpha.getextrema() == (0, 255)
    assert result.subject is not None
    assert 0.05 < result.subject.coverage < 0.95
    assert answering.api.first_asked is not None
    assert answering.api.first_answered is not None
    sys.stdout.write(
        f"image: asked for an event {answering.api.first_asked - answering.started:.2f} s after its start, "
        f"first result {answering.api.first_answered - answering.started:.2f} s\n"
    )


def test_the_same_process_answers_the_next_job_and_a_bad_photo(
    answering: Running, around: Surroundings
) -> None:
    around.send(b"this is no picture", "bad", key="books/trial/image_02.jpg")
    result = around.result(120)
    assert result is not None
    assert (result.job_id, result.error and result.error.code) == ("bad", ErrorCode.NOT_AN_IMAGE)
    assert answering.process.poll() is None


def test_its_log_lines_are_json_with_the_job(answering: Running) -> None:
    lines = [json.loads(line) for line in answering.log.read_text().splitlines() if '"job_id"' in line]
    assert {"first", "bad"} <= {line["job_id"] for line in lines}


def test_it_has_the_role_s_rights_and_no_more(answering: Running, around: Surroundings) -> None:
    around.send(sample_photo(), "elsewhere", key="listings/1/image_01.jpg")
    waited = time.monotonic() + 60
    while '"elsewhere"' not in answering.log.read_text() and time.monotonic() < waited:
        time.sleep(0.2)
    line = next(line for line in answering.log.read_text().splitlines() if '"elsewhere"' in line)
    assert "AccessDenied" in line
    assert around.result(2) is None


def test_the_session_is_the_role_s(around: Surroundings) -> None:
    session = around.session()
    clients = boto3.Session(
        session["AWS_ACCESS_KEY_ID"],
        session["AWS_SECRET_ACCESS_KEY"],
        session["AWS_SESSION_TOKEN"],
        region_name="us-west-2",
    )
    s3 = clients.client("s3", endpoint_url=around.aws.connection.endpoint)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=around.bucket, Key="listings/x", Body=b"")


def test_it_is_confined_as_in_lambda(inside: dict[str, Any]) -> None:
    may = inside["may"]
    # An engine's own queue of messages takes files that nothing can be stored in.
    assert set(may["writable"]) - {"/dev/mqueue"} == {"/tmp"}  # noqa: S108 - Lambda's
    assert may["tmp"] == 512 * 2**20
    assert may["user"] == 10001
    assert may["groups"] in ([], [10001])
    assert may["rights"] == 0
    assert may["no_new"] == "1"
    assert may["processes"] <= 3
    assert may["folder"] == "/opt/app"
    assert may["variable"] == "value"


def test_nothing_is_left_of_the_build_and_of_this_machine(inside: dict[str, Any]) -> None:
    left = inside["left"]
    assert left["sources"] > 500
    assert {name: found for name, found in left.items() if found and name != "sources"} == {}
    assert list(inside["holds"]["models"]) == ["u2net-int8.onnx"]


def test_the_image_starts_what_is_declared(tool: Tool, image: str) -> None:
    config = tool.config(image)
    assert config.command == ("python3", "-m", "awslambdaric", container_of(WORKER).handler)
    assert config.user == "10001:10001"


def test_the_sbom_is_what_the_image_holds(tool: Tool, image: str, inside: dict[str, Any]) -> None:
    text = tool.file(image, SBOM).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = json.loads(text)["components"]
    holds = inside["holds"]

    packages = [one["purl"] for one in components if one.get("purl", "").startswith("pkg:deb/")]
    assert len(packages) > 50
    assert sorted(map(_package, packages)) == sorted(holds["packages"])

    wheels = {
        f"{canonicalize_name(one['name'])}=={one['version']}"
        for one in components
        if one.get("purl", "").startswith("pkg:pypi/")
    }
    installed = {_canonical(one) for one in holds["wheels"]}
    assert wheels == installed
    assert wheels >= _locked((REPO / "requirements" / "worker.txt").read_text(), holds["python"])

    models = {one["name"]: one for one in components if one["type"] == "machine-learning-model"}
    assert {name: one["hashes"][0]["content"] for name, one in models.items()} == holds["models"]
    (ancestor,) = models["u2net-int8.onnx"]["pedigree"]["ancestors"]
    assert U2NET.source is not None
    assert ancestor["hashes"][0]["content"] == U2NET.source.sha256


def _canonical(pinned: str) -> str:
    name, _, version = pinned.partition("==")
    return f"{canonicalize_name(name)}=={version}"


def _package(purl: str) -> str:
    from packageurl import PackageURL

    found = PackageURL.from_string(purl)
    assert isinstance(found.qualifiers, dict)
    return f"{found.name} {found.version} {found.qualifiers['arch']}"


def _locked(text: str, python: str) -> set[str]:
    """Name and version of what a lock installs on Linux with that Python."""
    where = {"python_full_version": python, "python_version": python.rsplit(".", 1)[0]}
    found = set()
    for line in text.splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            requirement = Requirement(line.rstrip("\\ "))
            if requirement.marker is None or requirement.marker.evaluate(where):
                found.add(_canonical(f"{requirement.name}{requirement.specifier}"))
    assert found
    return found


def test_bmx_image_run_cuts_out_a_photo(tool: Tool, image: str) -> None:
    command = [sys.executable, "-m", "bmx", "image", "run", "--tool", tool.name, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    envelope: dict[str, Any] = json.loads(done.stdout)
    assert envelope["status"] == "ok", envelope
    assert envelope["data"]["result"]["status"] == "succeeded"
    assert 0 < envelope["data"]["ready_seconds"] < envelope["data"]["first_result_seconds"]
