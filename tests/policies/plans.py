"""Previews as the engine writes them, built step by step."""

import datetime
import json
from typing import Any

from gate.check import check
from gate.report import Report
from rules import types

PROJECT = "urn:pulumi:x::bluemoxon::"
ROOT = PROJECT + "pulumi:pulumi:Stack::bluemoxon-x"
TODAY = datetime.date(2026, 3, 1)
VALUE = "kV7Canary4Zq"
"""Stands in every input; no report may show it."""

DATABASE = f"{PROJECT}bluemoxon:database:Database${types.DATABASE}::database"
PASSWORD = f"{PROJECT}{types.RANDOM_PASSWORD}::database"
SECRET = f"{PROJECT}{types.SECRET}::database"
VERSION = f"{PROJECT}{types.SECRET_VERSION}::database"
QUEUE = f"{PROJECT}{types.QUEUE}::work"
CLUSTER = f"{PROJECT}{types.DATABASE_CLUSTER}::aurora"

Json = dict[str, Any]

_SOURCES = {
    DATABASE: {"password": [PASSWORD]},
    VERSION: {"secretId": [SECRET], "secretString": [PASSWORD, DATABASE]},
}
_IGNORED = {DATABASE: ["password"], VERSION: ["secretString"]}


def state(urn: str, **more: Any) -> Json:
    """A guarded resource's state; `more` overrides."""
    return {
        "urn": urn,
        "type": urn.split("::")[2].rsplit("$", 1)[-1],
        "custom": True,
        "protect": urn in (DATABASE, PASSWORD, SECRET, VERSION),
        "inputs": {"secret": VALUE},
        "outputs": {"secret": VALUE},
        "propertyDependencies": _SOURCES.get(urn, {}),
        "ignoreChanges": _IGNORED.get(urn, []),
        **more,
    }


def step(
    op: str, urn: str, *paths: str, old: Json | None = None, new: Json | None = None, replace: str = ""
) -> Json:
    """One step; `paths` differ, `replace` is the one that replaces; `old` and `new` override the states."""
    made: Json = {
        "op": op,
        "urn": urn,
        "detailedDiff": {path: {"kind": "update", "inputDiff": True} for path in paths} or None,
    }
    if replace:
        made["replaceReasons"] = [replace]
        made["detailedDiff"] = {replace: {"kind": "update-replace", "inputDiff": True}}
    if op not in ("create", "import", "read") or old is not None:
        made["oldState"] = state(urn, **(old or {}))
    if op != "delete":
        made["newState"] = state(urn, **(new or {}))
    return made


def document(*steps: Json, **more: Any) -> Json:
    """A preview with these steps; the stack's own resources that they leave out are unchanged."""
    given = {one["urn"] for one in steps}
    rest = [
        step("same", urn) for urn in (ROOT, DATABASE, PASSWORD, SECRET, VERSION, QUEUE) if urn not in given
    ]
    every = [*rest, *steps]
    counts: dict[str, int] = {}
    for one in every:
        if one["op"] in ("same", "create", "update", "delete", "replace", "import"):
            counts[one["op"]] = counts.get(one["op"], 0) + 1
    return {"steps": every, "diagnostics": [], "duration": 1, "changeSummary": counts, **more}


def preview(*steps: Json, **more: Any) -> str:
    return json.dumps(document(*steps, **more))


def judged(*steps: Json, **more: Any) -> Report:
    return check(preview(*steps, **more), (), TODAY)
