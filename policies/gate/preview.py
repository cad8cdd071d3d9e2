"""Makes a preview with the policy pack, and hands back what the engine planned and what the pack said."""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.model import NotJudgeable

PACK = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Preview:
    """Both may hold what a stack keeps in the open; neither is kept on disk, and neither is printed."""

    digest: str
    events: str


def preview(command: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None) -> Preview:
    """Run `pulumi preview` by a command that names engine, project and stack.

    The engine's own messages are not shown: they can repeat a program's values. A preview that fails still
    gives its JSON, which says so; one that gives none raises `NotJudgeable`.
    """
    with tempfile.TemporaryDirectory(prefix="bmx-plan-") as folder:
        log = Path(folder) / "events"
        arguments = ["preview", "--json", "--show-sames", "--policy-pack", str(PACK), "--event-log", str(log)]
        done = subprocess.run(
            [*command, *arguments, "--non-interactive"],
            env={
                **os.environ,
                **environment,
                "PULUMI_DEBUG_COMMANDS": "true",  # the engine knows --event-log only with it
                "PULUMI_SKIP_UPDATE_CHECK": "1",
                "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "",
            },
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        events = log.read_text(encoding="utf-8") if log.exists() else ""
    if not done.stdout.strip():
        raise NotJudgeable(
            f"`pulumi preview` ended with code {done.returncode} and made no plan.",
            why="Its message can hold anything and is not repeated here.",
            fix="Run `pulumi preview` on this stack to see it.",
        )
    return Preview(done.stdout, events)
