"""What a preview would change, by resource and property. Values that are or may be secret are never part
of it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from operations.target import Target
from workers.contracts.problem import Problem

if TYPE_CHECKING:
    from rich.console import RenderableType

SECRET = "[secret]"  # noqa: S105 - what stands for one
UNKNOWN = "(known after deploy)"
_UNKNOWN_MARKS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
"""How the engine writes a value that is not known yet: a string, a bool, a number, a list, a map."""

_SENSITIVE = re.compile(r"password|secret_?(string|binary)|private_?key|access_?key|bcrypt|token$", re.I)
_QUIET = frozenset({"same", "read", "refresh"})
_SHOWN = 160
"""Characters of a value on a terminal; JSON has all of it."""

_MARKS = {
    "create": ("+", "green"),
    "import": ("=", "green"),
    "update": ("~", "yellow"),
    "delete": ("-", "red"),
    "replace": ("±", "magenta"),
    "create-replacement": ("+", "magenta"),
    "delete-replaced": ("-", "magenta"),
}


@dataclass(frozen=True)
class PropertyChange:
    """One property; `before` and `after` are JSON values, None where there is none."""

    path: str
    before: Any
    after: Any
    replaces: bool = False


@dataclass(frozen=True)
class Change:
    """One operation on one resource."""

    operation: str
    type: str
    name: str
    urn: str
    properties: tuple[PropertyChange, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "operation": self.operation,
            "type": self.type,
            "name": self.name,
            "urn": self.urn,
            "properties": [
                {
                    "path": one.path,
                    "before": one.before,
                    "after": one.after,
                    **({"replaces": True} if one.replaces else {}),
                }
                for one in self.properties
            ],
        }


@dataclass(frozen=True)
class Changes:
    """A whole plan."""

    stack: str
    operations: Mapping[str, int]
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    """What the program warns of."""

    def __bool__(self) -> bool:
        return bool(self.changes)

    def to_json(self) -> dict[str, Any]:
        return {
            "stack": self.stack,
            "operations": dict(self.operations),
            "changes": [change.to_json() for change in self.changes],
            "notes": list(self.notes),
        }


def plan(target: Target, *arguments: str) -> Changes:
    """What applying the program would change; `Problem` with the engine's and the program's own words."""
    return parse(target.stack, preview(target, *arguments))


def preview(target: Target, *arguments: str) -> dict[str, Any]:
    """The same as the engine's JSON."""
    done = target.run("preview", "--json", *arguments)
    try:
        digest = json.loads(done.stdout)
    except ValueError:
        digest = {}
    said = [_words(one) for one in digest.get("diagnostics") or [] if one.get("severity") == "error"]
    if done.returncode or "steps" not in digest:
        raise Problem(
            f"There is no plan for stack {target.stack}: " + (" ".join(said) or done.stderr.strip()),
            fix="Correct it and plan again; nothing has been changed.",
        )
    return dict(digest)


def parse(stack: str, digest: Mapping[str, Any]) -> Changes:
    """The changes in the JSON of a preview."""
    notes = [
        text
        for one in digest.get("diagnostics") or []
        if one.get("severity") == "warning" and " from $PATH at " not in (text := _words(one))
    ]
    changes = tuple(_change(step) for step in digest.get("steps") or [] if step.get("op") not in _QUIET)
    return Changes(stack, digest.get("changeSummary") or {}, changes, tuple(dict.fromkeys(notes)))


def _change(step: Mapping[str, Any]) -> Change:
    urn = str(step["urn"])
    qualified, name = urn.split("::", 3)[2:]
    return Change(
        str(step["op"]), qualified.rsplit("$", 1)[-1], name, urn, tuple(sorted(_properties(step), key=_path))
    )


def _path(change: PropertyChange) -> str:
    return change.path


def _properties(step: Mapping[str, Any]) -> Iterator[PropertyChange]:
    old, new = step.get("oldState") or {}, step.get("newState") or {}
    before, after = old.get("inputs") or {}, new.get("inputs") or {}
    if step["op"] in {"create", "import", "create-replacement"}:
        for path, value in after.items():
            yield PropertyChange(path, None, shown(path, value))
        return
    if step["op"] in {"delete", "delete-replaced", "discard"}:
        return
    detailed = step.get("detailedDiff") or {}
    replacing = set(step.get("replaceReasons") or ())
    for path, diff in detailed.items():
        was = look_up(before, path)
        if was is None and not diff.get("inputDiff"):
            was = look_up(old.get("outputs") or {}, path)
        replaces = str(diff.get("kind", "")).endswith("-replace") or path in replacing
        yield PropertyChange(path, shown(path, was), shown(path, look_up(after, path)), replaces)
    roots = {keys(path)[0] for path in detailed}
    for path in sorted({*(step.get("diffReasons") or ()), *replacing} - roots - set(detailed)):
        was, now = shown(path, look_up(before, path)), shown(path, look_up(after, path))
        yield PropertyChange(path, was, now, path in replacing)


def shown(path: str, value: Any) -> Any:
    """A value that may be shown: without secrets, and with what is not known yet said so."""
    if value is not None and any(isinstance(key, str) and _SENSITIVE.search(key) for key in keys(path)):
        return value if isinstance(value, bool | int) else SECRET
    if isinstance(value, str):
        return UNKNOWN if value in _UNKNOWN_MARKS else value
    if isinstance(value, list):
        return [shown(path, item) for item in value]
    if isinstance(value, dict):
        return {
            key: shown(f'["{key}"]', item) if _SENSITIVE.search(key) else shown(path, item)
            for key, item in value.items()
            if not key.startswith("__")
        }
    return value


_KEYS = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\[\]]+)')


def keys(path: str) -> list[str | int]:
    """The keys of an engine's property path: `tags["a.b"].c[0]` is tags, a.b, c, 0."""
    found: list[str | int] = []
    for quoted, index, name in _KEYS.findall(path):
        found.append(int(index) if index else (quoted.replace('\\"', '"') or name))
    return found or [path]


def look_up(value: Any, path: str) -> Any:
    """What lies at a path, or None."""
    for key in keys(path):
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, Sequence) and not isinstance(value, str) and isinstance(key, int):
            value = value[key] if key < len(value) else None
        else:
            return None
    return value


def as_tree(changes: Changes) -> "RenderableType":
    """For a terminal: a line a resource, a line below it a property."""
    from rich.console import Group
    from rich.text import Text

    lines = []
    for change in changes.changes:
        mark, colour = _MARKS.get(change.operation, ("?", "cyan"))
        line = Text(f"{mark} {change.type} ", style=colour).append(change.name, style=f"bold {colour}")
        lines.append(line.append("" if change.operation == "create" else f"  {change.operation}", "dim"))
        lines += [_line(one) for one in change.properties]
    counts = ", ".join(f"{count} {name}" for name, count in sorted(changes.operations.items()))
    lines += [Text(f"note: {note}", style="yellow") for note in changes.notes]
    summary = f"{changes.stack}: {counts}" if changes else f"{changes.stack}: no changes ({counts})"
    return Group(*lines, Text(summary, style="bold"))


def _line(change: PropertyChange) -> Any:
    from rich.text import Text

    text = Text(f"    {change.path}: ")
    if change.before is not None:
        text.append(_short(change.before), "red").append(" → ")
    text.append("(removed)" if change.after is None else _short(change.after), "green")
    return text.append("  forces replacement", "magenta") if change.replaces else text


def unknown(value: Any) -> bool:
    """Whether a value, or a part of it, is not known before the deployment."""
    if isinstance(value, dict):
        return any(unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(unknown(item) for item in value)
    return isinstance(value, str) and value in _UNKNOWN_MARKS


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _words(diagnostic: Mapping[str, Any]) -> str:
    """A diagnostic's message without the engine's colours and prefix; of a traceback its end."""
    text = re.sub(r"<\{%[^%]*%\}>", "", str(diagnostic.get("message", ""))).strip()
    if "Traceback (most recent call last)" in text:
        text = text.splitlines()[-1]
    return text.removeprefix("warning: ").removeprefix("error: ")
