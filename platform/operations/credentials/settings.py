"""The database's part of a stack's settings file, rewritten for another mode; all else stays as it is."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from infra.settings import ExistingDatabase, ExternalDatabase, GeneratedDatabase, RdsManagedDatabase
from local.engine.project import Project
from operations.target import Target
from workers.contracts.problem import Problem

MODES: Mapping[str, type[GeneratedDatabase | ExistingDatabase | RdsManagedDatabase | ExternalDatabase]] = {
    str(get_args(settings.model_fields["mode"].annotation)[0]): settings
    for settings in (GeneratedDatabase, ExistingDatabase, RdsManagedDatabase, ExternalDatabase)
}

_BLOCK = re.compile(
    r"^ {2}bluemoxon:database:[^\n]*\n(?:\n* {4,}[^\n]*\n)*?\n* {4}mode:[^\n]*\n(?:\n* {4,}[^\n]*\n)*", re.M
)
_LINE = re.compile(r" {4}(\w+):")


def settings_file(target: Target) -> Path:
    """Of the stack, in the checkout."""
    return target.paths.repo / f"Pulumi.{target.stack}.yaml"


def mode_of(target: Target) -> str:
    """The mode that the settings say."""
    config = Project(target.paths.repo, target.folder, target.stack).config()
    return str(json.loads(config.get("bluemoxon:database", "{}")).get("mode", ""))


def with_mode(text: str, mode: str, values: Mapping[str, str | int | bool] | None = None) -> str:
    """Settings with another `mode` of the database and `values` in it.

    Keys that the mode does not know go; all else, comments included, stays.
    """
    found = _BLOCK.findall(text)
    if len(found) != 1:
        raise Problem(
            "The settings have no `mode` of the database in the usual place.",
            fix="Write `bluemoxon:database:` and below it `mode: …`, a line each.",
        )
    wanted = {"mode": mode, **(values or {})}
    lines = []
    for line in found[0].splitlines():
        key = _LINE.match(line)
        if key is None or (key[1] in MODES[mode].model_fields and key[1] not in wanted):
            lines.append(line)
        elif key[1] in wanted:
            comment = re.search(r"\s#.*$", line)
            lines.append(f"    {key[1]}: {_scalar(wanted.pop(key[1]))}{comment[0] if comment else ''}")
    lines += [f"    {key}: {_scalar(value)}" for key, value in wanted.items()]
    return text.replace(found[0], "\n".join(lines) + "\n")


def _scalar(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    # PostgreSQL's major version is text that looks like a number.
    return f'"{value}"' if isinstance(value, str) and value.isdigit() else str(value)


def settings_changed(target: Target) -> None:
    """The engine of an emulated stack reads a copy."""
    if target.emulator is not None:
        Project(target.paths.repo, target.folder, target.stack).write()
