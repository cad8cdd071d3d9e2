"""A stack's outputs as Chalice wants them: one stage of `.chalice/config.json`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.files import write_atomic
from workers.contracts.problem import Problem

Json = dict[str, Any]


def stage_settings(outputs: Mapping[str, Any]) -> Json:
    """What a stage holds for a stack with these outputs; raises `Problem` where the program exports less."""
    from infra.workers import WORKERS

    api = outputs.get("api")
    if not isinstance(api, Mapping) or not api.get("role_arn"):
        raise Problem(
            "The stack exports no `api` with a role.",
            why="The application runs under the role that the stack makes for it.",
            fix="Apply the stack first: `./bmx up` here, `pulumi up` for another one.",
        )
    settings: Json = {
        "iam_role_arn": api["role_arn"],
        "environment_variables": {name: str(value) for name, value in api.get("environment", {}).items()},
    }
    for name in ("subnet_ids", "security_group_ids"):
        if api.get(name):
            settings[name] = list(api[name])
    # A queue's visibility timeout follows from its consumer's timeout: both come from the declaration.
    settings["lambda_functions"] = {
        worker.name: {"lambda_timeout": worker.consumer.timeout}
        for worker in WORKERS
        if worker.consumer.kind == "chalice"
    }
    return settings


def sync(config_file: Path, stage: str, outputs: Mapping[str, Any]) -> bool:
    """Write a stack's stage into a Chalice configuration, leaving the rest; whether the file changed."""
    before = config_file.read_text(encoding="utf-8")
    config: Json = json.loads(before)
    stages = config.setdefault("stages", {})
    stages[stage] = {**stages.get(stage, {}), **stage_settings(outputs)}
    after = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    if after == before:
        return False
    write_atomic(config_file, after, mode=0o644)
    return True
