"""docs/reference.md and docs/settings.md, made of the declarations that count: `python -m bmx.reference`."""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from itertools import groupby
from typing import Any

from infra.settings import Settings
from local.paths import REPO
from workers.contracts import ErrorCode, JobStatus

API = REPO / "docs" / "reference.md"
SETTINGS = REPO / "docs" / "settings.md"
_NOTE = "<!-- Made by `python -m bmx.reference`; a test compares it with the declarations. -->"


def api() -> str:
    """Routes, error codes, statuses of a job and why one fails, as Markdown."""
    from chalicelib.api.errors import STATUS
    from chalicelib.faults import FaultCode

    codes = sorted(meanings(FaultCode).items(), key=lambda it: (STATUS[FaultCode(it[0])], it[0]))
    return _document(
        "# API reference",
        _NOTE,
        "Bodies, parameters and examples are in `/openapi.json` of every stack, drawn at `/docs`. What holds "
        "for all routes is in [The API](api.md).",
        "## Routes",
        *_routes(),
        "## Error codes",
        "An error answer is `{code, message, details, request_id}`; `request_id` is in the logs.",
        _table(
            "code | status | when, and what to do",
            ((f"`{c}`", str(STATUS[FaultCode(c)]), t) for c, t in codes),
        ),
        "## Statuses of a job",
        _table("status | meaning", ((f"`{code}`", text) for code, text in meanings(JobStatus).items())),
        "## Why a job fails",
        "`error.code` of a job that is `failed`.",
        _table("code | meaning", ((f"`{code}`", text) for code, text in meanings(ErrorCode).items())),
    )


def _routes() -> Iterator[str]:
    from chalicelib import api
    from chalicelib.api.routing import OPERATIONS

    for module in pkgutil.iter_modules(api.__path__):
        importlib.import_module(f"{api.__name__}.{module.name}")

    shown = sorted((it for it in OPERATIONS if it.reply is not None), key=lambda it: it.tag)
    for tag, some in groupby(shown, key=lambda it: it.tag):
        rows = ((f"`{it.method} {it.path}`", it.role or "anybody", f"{it.summary}.") for it in some)
        yield f"### {tag}"
        yield _table("route | least role | what it does", rows)


def settings() -> str:
    """Every key of a stack's file, as Markdown."""
    schema = Settings.model_json_schema()
    return _document(
        "# Settings of a stack",
        _NOTE,
        "`Pulumi.{stack}.yaml` has one key an area, `bluemoxon:{area}`. Unknown keys and values that AWS "
        "would refuse fail at the preview. There is no key for a password. `bmx stack new` writes a file to "
        "begin with.",
        *(part for name, area in schema["properties"].items() for part in _area(name, area, schema)),
    )


def _area(name: str, area: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    needed = " (needed)" if name in schema["required"] else ""
    yield f"## `bluemoxon:{name}`{needed}"
    each = area.get("additionalProperties")
    kinds = area.get("anyOf") or area.get("oneOf") or [each or area]
    models = [it for it in (_resolved(kind, schema) for kind in kinds) if it.get("type") != "null"]
    if description := area.get("description"):
        yield _flat(description) + (" Each of them:" if each else "")
    modes = {it["properties"]["mode"]["const"]: it for it in models if "mode" in it.get("properties", {})}
    if modes:
        yield _table(
            "mode | meaning", ((f"`{mode}`", _flat(it["description"])) for mode, it in modes.items())
        )
    elif "properties" in models[0] and not each:
        yield _flat(models[0]["description"])
    rows: dict[tuple[str, ...], list[str]] = {}
    for model in models:
        for key, field in model.get("properties", {}).items():
            if key != "mode":
                mode = model["properties"].get("mode", {}).get("const", "")
                rows.setdefault(_setting(key, field, model, schema), []).append(f"`{mode}`")
    if modes and rows:
        with_modes = ((key, ", ".join(which), *rest) for (key, *rest), which in rows.items())
        yield _table("key | in mode | value | default | meaning", with_modes)
    elif rows:
        yield _table("key | value | default | meaning", iter(rows))


def _setting(
    key: str, field: dict[str, Any], model: dict[str, Any], schema: dict[str, Any]
) -> tuple[str, ...]:
    default = "needed" if key in model.get("required", ()) else _value(field.get("default"))
    return f"`{key}`", _kind(field, schema), default, _flat(field.get("description", ""))


def _kind(field: dict[str, Any], schema: dict[str, Any]) -> str:
    field = _resolved(field, schema)
    if "anyOf" in field:
        return next(_kind(it, schema) for it in field["anyOf"] if it.get("type") != "null")
    if "enum" in field:
        return ", ".join(_value(it) for it in field["enum"])
    match field.get("type"):
        case "integer":
            low, high = field.get("minimum"), field.get("maximum")
            return f"{low:,} to {high:,}" if None not in (low, high) else "whole number"
        case "boolean":
            return "`true` or `false`"
        case "array":
            return "list"
        case _:
            return "text"


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if value == []:
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _resolved(field: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = field.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else field


def meanings(codes: type[StrEnum]) -> dict[str, str]:
    """What each member's docstring says, by its value; a docstring follows its member."""
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(codes))).body
    assert isinstance(declared, ast.ClassDef)  # noqa: S101 - what an enum's source is
    found: dict[str, str] = {}
    for member, text in zip(declared.body, declared.body[1:], strict=False):
        match member, text:
            case ast.Assign(value=ast.Constant(value=str(value))), ast.Expr(
                value=ast.Constant(value=str(said))
            ):
                found[value] = _flat(said)
    missing = [code for code in codes if code not in found]
    if missing:
        raise LookupError(f"{codes.__name__} does not say what {', '.join(missing)} means")
    return found


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _table(heads: str, rows: Iterator[tuple[str, ...]]) -> str:
    columns = heads.split(" | ")
    lines = [f"| {heads} |", f"|{'---|' * len(columns)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def _document(*parts: str) -> str:
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write both pages."""
    for file, text in ((API, api()), (SETTINGS, settings())):
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
