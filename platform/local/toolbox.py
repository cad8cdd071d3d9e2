"""Environments of their own, made with uv from locked requirements into the cache."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local.files import checksum
from local.paths import Paths
from local.reporting import Reporter
from workers.contracts.problem import Problem


def find_uv(paths: Paths) -> Path:
    """uv as the launcher installed it, as `BMX_UV` names it, or from PATH."""
    for candidate in (os.environ.get("BMX_UV"), str(paths.uv), "uv"):
        found = shutil.which(candidate) if candidate else None
        if found:
            return Path(found)
    raise Problem(
        "uv was not found.",
        why="It makes the emulator's environment and the application's package.",
        fix="Use the launcher ./bmx, which installs it, or name one in BMX_UV.",
    )


def run_uv(paths: Paths, arguments: list[str], *, purpose: str) -> None:
    """Run uv quietly; a `Problem` with the end of what it said where it fails."""
    done = subprocess.run(
        [str(find_uv(paths)), *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[-600:]
        raise Problem(
            f"{purpose} failed: {said or f'uv ended with code {done.returncode}'}",
            fix="Check that the package registry can be reached and the disk has room, then run this again.",
        )


def locked_environment(paths: Paths, requirements: Path, root: Path, report: Reporter, *, what: str) -> Path:
    """The Python of an environment with exactly `requirements` (hashes checked), made under `root` if need
    be.

    The folder is named after the requirements' and this Python's version, appears in one step when it is
    whole, and is never changed afterwards; so it may be shared and made twice at the same time.
    """
    from filelock import FileLock

    version = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    home = root / f"{checksum(requirements.read_bytes())}-py{version}"
    python = home / "bin" / "python"
    if python.exists():
        return python
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".lock"):
        if python.exists():
            return python
        report.say(f"Making the environment of {what} (once)")
        building = Path(tempfile.mkdtemp(dir=root, prefix=".building-"))
        try:
            run_uv(
                paths,
                [
                    "venv",
                    "--relocatable",
                    "--no-python-downloads",
                    "--python",
                    sys.executable,
                    str(building / "env"),
                ],
                purpose=f"Making the environment of {what}",
            )
            run_uv(
                paths,
                [
                    "pip",
                    "sync",
                    "--require-hashes",
                    "--python",
                    str(building / "env/bin/python"),
                    str(requirements),
                ],
                purpose=f"Installing {what}",
            )
            (building / "env").rename(home)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return python
