"""A copy of the project's files, to be changed by a test, and its own Python to run in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.platform.program import ROOT

IMPORT_ROOTS = ("cli", "platform", "app", "policies", "")


def copy_project(target: Path) -> Path:
    """The files that git knows or would take, in `target`."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def run_python(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy; every import of the project is the copy's."""
    path = os.pathsep.join(str(root / part) for part in IMPORT_ROOTS)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
