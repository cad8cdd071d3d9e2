"""A deployed stack's resources as text, from the engine's state: what there is, under which name, and what
guards it.

The reviewed ones are in inventory/. `REWRITE` writes them all anew; review the diff.
"""

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from operations.state import Resource

GOLDEN = Path(__file__).parent / "inventory"
REWRITE = "BMX_UPDATE_GOLDEN=1 ./bmx test tests/platform -k inventory"
_NAMES = ("name", "bucket", "identifier", "dashboardName")
_DRAWN = re.compile(r"-[0-9a-f]{7}")
"""What ends a name that the provider made up."""
_ENGINES_OWN = ("pulumi:pulumi:", "pulumi:providers:")


def declared(state: Iterable[Resource]) -> list[Resource]:
    """What the program declared: without the stack itself and the providers."""
    return [one for one in state if not one["type"].startswith(_ENGINES_OWN)]


def inventory(state: Iterable[Resource]) -> str:
    """The resources as a tree by component, sorted, each with its physical name and its guards."""
    resources = declared(state)
    known = {one["urn"] for one in resources}
    children: dict[str, list[Resource]] = {}
    for one in resources:
        parent = str(one.get("parent", ""))
        children.setdefault(parent if parent in known else "", []).append(one)

    def lines(parent: str, depth: int) -> list[str]:
        out: list[str] = []
        for one in sorted(children.get(parent, []), key=lambda child: (child["type"], _name(child))):
            out.append("  " * depth + _line(one))
            out += lines(one["urn"], depth + 1)
        return out

    return "\n".join(lines("", 0)) + "\n"


def review(name: str, state: Iterable[Resource]) -> None:
    """Raise `AssertionError` with the difference to the reviewed inventory; or, asked to, write that anew."""
    found, golden = inventory(state), GOLDEN / f"{name}.txt"
    if os.environ.get("BMX_UPDATE_GOLDEN"):
        golden.write_text(found)
    reviewed = golden.read_text() if golden.exists() else ""
    diff = difflib.unified_diff(
        reviewed.splitlines(), found.splitlines(), "reviewed", "deployed", lineterm="", n=1
    )
    assert found == reviewed, (
        f"{golden.name}: as wanted? `{REWRITE}` writes it anew, `git diff` shows it.\n" + "\n".join(diff)
    )


def _name(one: Resource) -> str:
    return str(one["urn"]).rsplit("::", 1)[-1]


def _line(one: Resource) -> str:
    name, inputs = _name(one), one.get("inputs") or {}
    parts = [f"{one['type']} {name}"]
    physical = next((str(inputs[key]) for key in _NAMES if key in inputs), name)
    if one.get("custom") and physical != name and not _DRAWN.fullmatch(physical.removeprefix(name)):
        parts.append(f"= {physical}")
    if one.get("protect"):
        parts.append("[protect]")
    if one.get("retainOnDelete"):
        parts.append("[retain]")
    if one.get("ignoreChanges"):
        parts.append(f"[ignore {', '.join(one['ignoreChanges'])}]")
    if hooks := one.get("resourceHooks"):
        said = [f"{_snake(event)}: {hook}" for event, names in sorted(hooks.items()) for hook in names]
        parts.append(f"[{', '.join(said)}]")
    return " ".join(parts)


def _snake(event: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", event).lower()
