"""The workflows' own steps, and their lines run as GitHub runs them."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.paths import REPO

FOLDER = REPO / ".github" / "workflows"
SHELLS = {"bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"], None: ["bash", "-e"]}
"""How GitHub calls the shell: with pipefail only where `shell: bash` is said."""


@dataclass(frozen=True)
class Step:
    """A step that runs lines of a shell, or an action (`uses`)."""

    workflow: str
    job: str
    name: str
    run: str
    uses: str
    shell: str | None
    environment: Mapping[str, str]

    def execute(self, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run its lines. What GitHub would put in place of `${{ … }}` comes from `variables`."""
        script = cwd / ".step.sh"
        script.write_text(self.run)
        try:
            return subprocess.run(
                [*SHELLS[self.shell], str(script)],
                cwd=cwd,
                env={**os.environ, **variables},
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        finally:
            script.unlink()


def workflow(name: str) -> dict[str, Any]:
    """A workflow's document. YAML reads its key `on` as true."""
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return loaded


def steps() -> Iterator[Step]:
    """Every step of every workflow."""
    for file in sorted(FOLDER.glob("*.yml")):
        document = workflow(file.name)
        shell = document.get("defaults", {}).get("run", {}).get("shell")
        for job, content in document["jobs"].items():
            for step in content["steps"]:
                yield Step(
                    file.name,
                    job,
                    step.get("name", ""),
                    step.get("run", ""),
                    step.get("uses", ""),
                    step.get("shell", shell),
                    {**content.get("env", {}), **step.get("env", {})},
                )


def step(workflow_name: str, name: str) -> Step:
    """The step of this name."""
    (found,) = [one for one in steps() if one.workflow == workflow_name and one.name == name]
    return found
