"""Which Pulumi engine this machine has."""

import importlib.metadata
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from local.paths import Paths

OLDEST = (3, 220)
"""The program uses resource hooks and the provider answers Handshake: older engines do not speak all of
it."""


ENGINE_BIN = "engine-bin"
"""The name of the folder with the launchers of `bmx engine env`, which are no engine themselves."""


class Origin(StrEnum):
    """Where an engine came from."""

    PATH = "path"
    INSTALLED = "installed"
    BUILT = "built"


@dataclass(frozen=True)
class Engine:
    """A `pulumi` that can be run."""

    executable: Path
    version: str
    origin: Origin

    @property
    def has_language_host(self) -> bool:
        """Whether it brought its own host for Python programs, as the official CLI does."""
        return (self.executable.resolve().parent / "pulumi-language-python").exists()


def pinned_version() -> str:
    """The engine's version that goes with the locked SDK: the same."""
    return importlib.metadata.version("pulumi")


def folder(paths: Paths, origin: Origin) -> Path:
    """Where an engine of the pinned version lies in the cache."""
    return paths.engines / f"{origin.value}-{pinned_version()}"


def find_engine(paths: Paths) -> Engine | None:
    """The engine named by `BMX_PULUMI`, else one in the cache, else one on PATH that is new enough, else
    None."""
    named = os.environ.get("BMX_PULUMI")
    if named:
        executable = Path(shutil.which(named, path=_path()) or named).absolute()  # it is run in other folders
        return Engine(executable, version_of(executable) or pinned_version(), Origin.PATH)
    for origin in (Origin.INSTALLED, Origin.BUILT):
        executable = folder(paths, origin) / "bin" / "pulumi"
        if executable.exists():
            return Engine(executable, pinned_version(), origin)
    found = shutil.which("pulumi", path=_path())
    version = version_of(Path(found)) if found else None
    if found and version and _numbers(version) >= OLDEST:
        return Engine(Path(found).absolute(), version, Origin.PATH)
    return None


def _path() -> str:
    """PATH without the launchers that `bmx engine env` puts there."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if Path(folder).name != ENGINE_BIN)


def version_of(executable: Path) -> str | None:
    """What `pulumi version` says, without the `v`; None where it cannot be run."""
    try:
        done = subprocess.run(
            [str(executable), "version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = done.stdout.strip().removeprefix("v")
    return said if done.returncode == 0 and said else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
