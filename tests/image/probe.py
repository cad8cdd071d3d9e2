"""Runs inside the image, with the image's own Python, and prints what it finds there as one line of JSON."""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

LEFT_OVER = ("/build", "/models", "/run/secrets", "/etc/pip.conf")
TOOLS = ("pip", "pip3", "gcc", "cc", "make", "ld", "git", "mmdebstrap")
MODULES = ("pip", "setuptools", "onnx", "cyclonedx", "workers.samples", "workers.inventory")


def confinement() -> dict[str, Any]:
    """What this process may do."""
    writable = []
    for folder, folders, _files in os.walk("/"):
        folders[:] = [one for one in folders if Path(folder, one) not in (Path("/proc"), Path("/sys"))]
        try:
            Path(folder, "probe").write_text("")
            writable.append(folder)
        except OSError:
            pass
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "writable": writable,
        "tmp": shutil.disk_usage("/tmp").total,  # noqa: S108 - Lambda's
        "user": os.getuid(),
        "groups": os.getgroups(),
        "rights": int(status["CapEff"], 16),
        "no_new": status["NoNewPrivs"].strip(),
        "processes": sum(one.isdigit() for one in os.listdir("/proc")),  # noqa: PTH208
        "folder": str(Path.cwd()),
        "variable": os.environ.get("GIVEN"),
    }


def left_over() -> dict[str, Any]:
    """What a build or the machine that it ran on may have left."""
    sources = list(Path("/opt").rglob("*.py"))
    return {
        "folders": [one for one in LEFT_OVER if Path(one).exists()],
        "tools": [one for one in TOOLS if shutil.which(one)],
        "modules": [one for one in MODULES if importlib.util.find_spec(one)],
        "addresses": [
            str(path)
            for path in Path("/etc/apt").rglob("*")
            if path.is_file() and b"://" in path.read_bytes()
        ],
        "dockerfiles": [str(path) for path in Path("/opt").rglob("Dockerfile*")],
        "sources": len(sources),
        "uncompiled": [
            str(path)
            for path in sources
            if not Path(importlib.util.cache_from_source(str(path))).exists() and "tests" not in path.parts
        ],
    }


def contents() -> dict[str, Any]:
    """What is installed, as the system's own tools list it."""
    query = ["dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\n"]
    return {
        "packages": subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines(),
        "wheels": sorted(
            {f"{one.metadata['Name']}=={one.version}" for one in importlib.metadata.distributions()}
        ),
        "models": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in Path("/opt/models").glob("*.onnx")
        },
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"may": confinement(), "left": left_over(), "holds": contents()}) + "\n")
