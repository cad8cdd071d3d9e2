"""From a registry into a stack's settings."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from bmx.scaffold.stacks import AWAITING, with_digest
from infra.config import parse
from local.emulator import Emulator
from local.engine.project import Project
from local.paths import REPO, Paths
from local.ports import HOST, Ports
from local.probe import answers
from local.processes import Processes
from local.provider.connection import Aws
from local.reporting import LogReporter
from operations.image.release import open_repository, push
from operations.image.tools import Login, Tool
from tests.platform.project_copy import copy_project, run_python
from workers.contracts import Problem

DIGEST = "sha256:" + "ab" * 32
MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Debian's docker-registry on 127.0.0.1."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("needs: docker-registry (Debian: apt-get install docker-registry)")
    address = f"{HOST}:{Ports(tmp_path / 'ports.json').get('registry')}"
    settings = tmp_path / "registry.yaml"
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}
    settings.write_text(json.dumps({"version": 0.1, "storage": storage, "http": {"addr": address}}))
    log = (tmp_path / "registry.log").open("wb")
    process = subprocess.Popen([program, "serve", str(settings)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not answers(f"http://{address}/v2/"):
            assert process.poll() is None, (tmp_path / "registry.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)
        log.close()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project, whose settings a command may change."""
    return copy_project(tmp_path / "checkout")


def bmx(checkout: Path, *arguments: str) -> dict[str, Any]:
    """The answer of a command in the copy, whose data folder is its own."""
    done = run_python(checkout, "-m", "bmx", *arguments, "--json")
    assert done.stdout, done.stderr
    envelope: dict[str, Any] = json.loads(done.stdout)
    return envelope


def test_a_pushed_image_is_what_the_stack_runs(registry: str, checkout: Path, tool: Tool, image: str) -> None:
    repository = f"{registry}/bluemoxon/image-processing"
    pushed = bmx(checkout, "image", "push", "--to", repository, "--tag", "t1", "--tool", tool.name)
    assert pushed["status"] == "ok", pushed["error"]
    assert pushed["data"]["image"] == f"{repository}:t1"
    url = f"http://{registry}/v2/bluemoxon/image-processing/manifests"
    manifest = httpx.get(f"{url}/t1", headers={"Accept": MANIFESTS})
    digest = "sha256:" + hashlib.sha256(manifest.content).hexdigest()
    assert pushed["data"]["digest"] == digest
    sys.stdout.write(f"image: {sum(one['size'] for one in manifest.json()['layers']) / 1e6:.0f} MB pushed\n")
    assert manifest.json()["config"]["digest"] == f"sha256:{tool.config(image).id}"

    written = bmx(checkout, "image", "digest", "--stack", "staging")
    assert written["data"] == {"digest": digest, "stack": "staging", "changed": True}
    before, after = ((root / "Pulumi.staging.yaml").read_text() for root in (REPO, checkout))
    assert after == before.replace(AWAITING, f"digest: {digest}")
    assert after != before
    config = Project(checkout, checkout, "staging").config()
    assert parse("staging", config)[0].images["image_processing"].digest == digest
    assert bmx(checkout, "image", "digest", "--stack", "staging")["data"]["changed"] is False


def test_without_a_push_there_is_no_digest(checkout: Path) -> None:
    envelope = bmx(checkout, "image", "digest", "--stack", "staging")
    assert envelope["status"] == "failed"
    assert "bmx image push" in envelope["error"]["fix"]


def test_the_local_stack_runs_no_image(checkout: Path) -> None:
    assert bmx(checkout, "image", "digest", DIGEST, "--stack", "local")["status"] == "usage"


def test_where_to_push_has_to_be_said(checkout: Path) -> None:
    assert bmx(checkout, "image", "push")["status"] == "usage"


def test_a_new_worker_has_an_image_too(checkout: Path, tool: Tool, image: str) -> None:
    assert image, "whose layers it shares"
    made = bmx(
        checkout, "worker", "new", "price_check", "--kind", "container", "--summary", "Asks for prices."
    )
    assert made["status"] == "ok", made["error"]
    sbom = checkout / "sbom.json"
    built = bmx(
        checkout, "image", "build", "--worker", "price_check", "--tool", tool.name, "--sbom", str(sbom)
    )
    assert built["status"] == "ok", built["error"]
    config = tool.config(built["data"]["image"])
    assert config.command[-1] == "workers.price_check.handler.handler"
    components = json.loads(sbom.read_text())["components"]
    assert "awslambdaric" in {one["name"] for one in components}
    assert not [one for one in components if one["type"] == "machine-learning-model"]


SETTINGS = """\
config:
  bluemoxon:workers: [image_processing, other]
  bluemoxon:images: # by digest
    # awaiting_first_image: true
    other:
      digest: sha256:{other}
    image_processing:
      # since the last release
      digest: sha256:{first} # of May
  bluemoxon:database:
    mode: existing
"""


def test_only_the_worker_s_own_digest_is_rewritten() -> None:
    first, other = "1" * 64, "2" * 64
    text = SETTINGS.format(first=first, other=other)
    assert with_digest("s", text, "image_processing", DIGEST) == text.replace(f"sha256:{first}", DIGEST)
    assert with_digest("s", text, "other", DIGEST) == text.replace(f"sha256:{other}", DIGEST)


@pytest.mark.parametrize("worker", ["analysis", "image"])
def test_a_worker_without_an_entry_is_refused(worker: str) -> None:
    with pytest.raises(Problem, match="is not found in"):
        with_digest("s", SETTINGS.format(first="1" * 64, other="2" * 64), worker, DIGEST)


@pytest.mark.parametrize("digest", ["latest", "sha256:12", DIGEST + "0", DIGEST.upper()])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(Problem, match="no digest"):
        with_digest("s", SETTINGS.format(first="1" * 64, other="2" * 64), "other", digest)


def test_a_login_does_not_show_its_token() -> None:
    login = Login("example.invalid", "c2VjcmV0")
    assert "c2VjcmV0" not in repr(login)
    assert json.loads(login.as_json())["auths"]["example.invalid"]["auth"] == "c2VjcmV0"


def test_a_stack_s_repository_says_where_to_and_what_it_has(paths: Paths, processes: Processes) -> None:
    emulator = Emulator(paths, processes, Ports(paths.ports))
    client = Aws(emulator.start(LogReporter())).client("ecr")
    with pytest.raises(Problem, match="bluemoxon-staging-image-processing cannot be used"):
        open_repository("image_processing", "staging", client)
    made = client.create_repository(repositoryName="bluemoxon-staging-image-processing")["repository"]
    found = open_repository("image_processing", "staging", client)
    assert found.uri == made["repositoryUri"]
    assert found.login.registry == found.uri.partition("/")[0]
    assert base64.b64decode(found.login.token).startswith(b"AWS:")
    assert found.digest_of("v1") is None
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFESTS.split(",")[0], "layers": []})
    client.put_image(
        repositoryName="bluemoxon-staging-image-processing", imageManifest=manifest, imageTag="v1"
    )
    digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
    assert found.digest_of("v1") == digest

    tool: Any = SimpleNamespace(
        paths=paths, config=lambda _: SimpleNamespace(id="1" * 64), push=lambda *_: "sha256:pushed"
    )
    with pytest.raises(Problem, match="has an image with the tag v1 already"):
        push(tool, "image_processing", found, "v1")
    own = f"commit-{'1' * 12}"
    assert push(tool, "image_processing", found, own).digest == "sha256:pushed"
    client.put_image(
        repositoryName="bluemoxon-staging-image-processing", imageManifest=manifest, imageTag=own
    )
    assert push(tool, "image_processing", found, own).digest == digest, "it is there"
