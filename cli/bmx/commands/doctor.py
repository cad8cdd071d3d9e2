"""`bmx doctor`: what this machine has, what it lacks, and what the lack costs."""

import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bmx.output import JsonOption, Outcome, Ui, execute

if TYPE_CHECKING:
    from local.paths import Paths

FREE_BYTES_WANTED = 3 * 1024**3
"""Environment, emulator, models and PostgreSQL take about 2 GB; a Go build of the engine about 4 GB more."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `required`: without it nothing runs; otherwise `cost` says what is lost."""

    name: str
    found: bool
    detail: str
    cost: str = ""
    fix: str = ""
    required: bool = False


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command(epilog="Example: bmx doctor --json")(doctor)


def doctor(json_output: JsonOption = False) -> None:
    """Say what is missing on this machine and what that costs."""

    def action(_ui: Ui) -> Outcome:
        from rich.table import Table
        from rich.text import Text

        findings = examine()
        table = Table(box=None, pad_edge=False)
        for column in ("", "what", "here", "without it"):
            table.add_column(column, overflow="fold")
        for finding in findings:
            missing = ("✗", "red") if finding.required else ("–", "yellow")
            mark = Text(*(("✓", "green") if finding.found else missing))
            advice = "" if finding.found else f"{finding.cost} → {finding.fix}"
            table.add_row(mark, finding.name, finding.detail, advice)
        ok = all(finding.found for finding in findings if finding.required)
        return Outcome(data={"findings": [asdict(finding) for finding in findings]}, view=table, ok=ok)

    execute("doctor", json_output, action)


def examine() -> list[Finding]:
    """Look at the machine; nothing is changed and nothing outside it is contacted."""
    from local.engine import find_engine
    from local.paths import Paths

    paths = Paths.default()
    engine = find_engine(paths)
    return [
        Finding(
            "Python",
            (3, 11) <= sys.version_info[:2] <= (3, 13),
            platform.python_version(),
            "Nothing runs.",
            "Install Python 3.11, 3.12 or 3.13.",
            required=True,
        ),
        Finding(
            "platform",
            sys.platform.startswith("linux") or sys.platform == "darwin",
            f"{platform.system()} {platform.machine()}",
            "The local stack has been run on Linux only.",
            "Use Linux, or a Linux virtual machine.",
        ),
        _folder("data folder", paths.home),
        _folder("cache folder", paths.cache),
        Finding(
            "pulumi",
            engine is not None,
            str(engine.executable) if engine else "none on PATH or in the cache",
            "The in-process fallback applies the program: no plan, no protect, no policies.",
            "`bmx engine install` fetches it, `bmx engine build` builds it with Go.",
        ),
        _tool(
            "go", "`bmx engine build` cannot run.", "Install Go 1.25 or newer, or use `bmx engine install`."
        ),
        _tool("git", "No version in the deployed package.", "Install git."),
        _image_builder(paths),
        _any_tool(
            ("chromium", "google-chrome", "chromium-browser"),
            "The browser tests cannot run.",
            "Install Chromium (Debian: apt-get install chromium).",
        ),
    ]


def _tool(name: str, cost: str, fix: str) -> Finding:
    path = shutil.which(name)
    return Finding(name, path is not None, path or "not on PATH", cost, fix)


def _any_tool(names: tuple[str, ...], cost: str, fix: str) -> Finding:
    found = next((path for name in names if (path := shutil.which(name))), None)
    return Finding(" or ".join(names), found is not None, found or "not on PATH", cost, fix)


def _image_builder(paths: "Paths") -> Finding:
    """What builds and runs an image: a docker or podman whose engine answers, or buildah."""
    from operations.image.tools import find_tool
    from workers.contracts.problem import Problem

    try:
        found = find_tool(paths).program
    except Problem:
        found = ""
    return Finding(
        "docker, podman or buildah",
        bool(found),
        found or "none that answers",
        "The worker's image cannot be built here; the local stack runs its code as a process.",
        "Install one of them (Debian: apt-get install buildah bubblewrap mmdebstrap).",
    )


def _folder(name: str, folder: Path) -> Finding:
    """Whether the folder, or the nearest one above it that exists, can be written and has room."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    usable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    if not usable:
        detail = f"{folder} ({existing} is {'not writable' if existing.is_dir() else 'a file'})"
        fix = "Set BMX_HOME and BMX_CACHE to folders that are yours."
        return Finding(name, False, detail, "Nothing can be set up.", fix, required=True)
    free = shutil.disk_usage(existing).free
    return Finding(
        name,
        free >= FREE_BYTES_WANTED,
        f"{folder} ({free / 1024**3:.0f} GB free)",
        "Nothing can be set up.",
        "Free 3 GB, or set BMX_HOME and BMX_CACHE to folders with room.",
        required=True,
    )
