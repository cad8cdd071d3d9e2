"""A stack's outputs as Chalice wants them: one stage of `.chalice/config.json`."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.files import write_atomic
from workers.contracts.problem import Problem

Json = dict[str, Any]

_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/.+")


@dataclass(frozen=True)
class StageUpdate:
    """A Chalice configuration as it is and as it has to be; secrets are only named in it, by ARN."""

    file: Path
    before: str
    after: str

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after

    @property
    def diff(self) -> str:
        """The change, as `diff -u` shows it; empty where there is none."""
        lines = difflib.unified_diff(
            self.before.splitlines(),
            self.after.splitlines(),
            self.file.name,
            self.file.name,
            n=2,
            lineterm="",
        )
        return "\n".join(lines)

    def write(self) -> None:
        """Write the file where it has to change."""
        if self.changed:
            write_atomic(self.file, self.after, mode=0o644)


def stage_settings(outputs: Mapping[str, Any]) -> Json:
    """What a stage holds for a stack with these outputs.

    Raises `Problem` where the program exports less, or an empty value: an application without an address or
    a key starts, and refuses its first user.
    """
    from infra.workers import WORKERS

    api = outputs.get("api")
    if not isinstance(api, Mapping) or not isinstance(api.get("environment"), Mapping):
        raise Problem(
            "The stack exports no `api` with an environment.",
            why="The application runs under the role and with the addresses that the stack makes for it.",
            fix="Apply the stack first: `./bmx up` here, `pulumi up` for another one.",
        )
    missing = list(_missing(api))
    if missing:
        raise Problem(
            f"The stack exports no value for {', '.join(missing)}.",
            why="The application would be deployed without it, and fail at its first use.",
            fix="Apply the stack whole (`pulumi up` without --target), then run this again.",
        )
    settings: Json = {
        "iam_role_arn": api["role_arn"],
        "environment_variables": {name: str(value) for name, value in sorted(api["environment"].items())},
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


def _missing(api: Mapping[str, Any]) -> Iterator[str]:
    """What has no usable value, by its name in the outputs."""
    if not _ROLE.fullmatch(str(api.get("role_arn") or "")):
        yield "api.role_arn"
    for name, value in sorted(api["environment"].items()):
        if value is None or not str(value).strip():
            yield f"api.environment.{name}"
    subnets, groups = (list(api.get(name) or ()) for name in ("subnet_ids", "security_group_ids"))
    if not all(subnets) or bool(groups) > bool(subnets):
        yield "api.subnet_ids"
    if not all(groups) or bool(subnets) > bool(groups):
        yield "api.security_group_ids"


def update(config_file: Path, stage: str, outputs: Mapping[str, Any]) -> StageUpdate:
    """A Chalice configuration with a stack's stage brought up to date and the rest as it was; not written."""
    before = config_file.read_text(encoding="utf-8")
    config: Json = json.loads(before)
    stages = config.setdefault("stages", {})
    # VPC settings of a stack that has left its network would otherwise stay.
    kept = {name: value for name, value in stages.get(stage, {}).items() if name not in _WRITTEN}
    stages[stage] = {**kept, **stage_settings(outputs)}
    return StageUpdate(config_file, before, json.dumps(config, indent=2, ensure_ascii=False) + "\n")


_WRITTEN = ("iam_role_arn", "environment_variables", "subnet_ids", "security_group_ids", "lambda_functions")
"""What `stage_settings` answers for."""
