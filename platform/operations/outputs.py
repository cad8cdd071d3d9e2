"""What a stack exports: asked from its engine, or read from a file that holds its answer."""

import json
from pathlib import Path
from typing import Any

from local.engine.project import require_settings
from local.paths import Paths
from local.reporting import Reporter
from operations.target import open_target
from workers.contracts.problem import Problem


def outputs_of(
    stack: str, file: Path | None, report: Reporter, paths: Paths, *, emulator: bool = False
) -> dict[str, Any]:
    """The outputs of a stack on AWS or on its emulator, from `file` if given (`pulumi stack output --json`).

    Raises `Problem` for a stack that has no settings or was not deployed, and for a file of something else.
    """
    require_settings(paths.repo, stack)
    if file is not None:
        return _read(file)
    with open_target(stack, report, emulator=emulator, plain=True, looking=True, paths=paths) as target:
        return target.outputs()


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Problem(f"{file} does not exist.", fix="Write it with `pulumi stack output --json`.") from None
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise Problem(f"{file} holds no JSON object of outputs.", fix="Use `pulumi stack output --json`.")
    return data
