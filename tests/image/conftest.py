"""The image worker's image, built once by `bmx image build`."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from local.paths import Paths
from operations.image.build import reference_of
from operations.image.sandbox import sandbox
from operations.image.tools import Tool, find_tool
from operations.image.trial import WORKER
from tests.local.conftest import paths, processes
from workers.contracts import Problem

__all__ = ["paths", "processes"]  # of the local stack's tests


@pytest.fixture(scope="session")
def tool() -> Tool:
    """What builds and runs images here."""
    try:
        return find_tool(Paths.default())
    except Problem as problem:
        pytest.skip(f"needs: {problem}")


@pytest.fixture(scope="session")
def built(tool: Tool) -> dict[str, Any]:
    """What `bmx image build` says. The first time it takes minutes; layers and base are kept."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "bmx", "image", "build", "--tool", tool.name, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1500)
    envelope = json.loads(done.stdout)
    assert envelope["status"] == "ok", envelope["error"]
    data: dict[str, Any] = envelope["data"]
    sys.stdout.write(
        f"image: {data['bytes'] / 1e6:.0f} MB, here after {time.monotonic() - begun:.0f} s with {tool.name}\n"
    )
    return data


@pytest.fixture(scope="session")
def image(built: dict[str, Any]) -> str:
    """Its name on this machine."""
    assert built["image"] == reference_of(WORKER)
    return str(built["image"])


@pytest.fixture(scope="session")
def inside(tool: Tool, image: str) -> dict[str, Any]:
    """What `probe.py` finds in the image when it is run as Lambda would run the function."""
    code = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
    with sandbox(tool, image, {"GIVEN": "value"}, ("python3", "-c", code)) as box:
        done = subprocess.run(
            box.argv, env=box.environment, capture_output=True, text=True, check=False, timeout=180
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
