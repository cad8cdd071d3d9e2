"""A stack's resources as text: what there is, under which name, and what guards it. Readable in a diff."""

from tests.platform.program import Declared, Run


def inventory(run: Run) -> str:
    """The resources as a tree by component, sorted, each with its physical name and its guards."""
    children: dict[str, list[Declared]] = {}
    for one in run.resources:
        children.setdefault(one.parent_key, []).append(one)

    def lines(parent: str, depth: int) -> list[str]:
        out: list[str] = []
        for one in sorted(children.get(parent, []), key=lambda child: (child.type, child.name)):
            out.append("  " * depth + _line(one))
            out += lines(one.key, depth + 1)
        return out

    return "\n".join(lines("", 0)) + "\n"


def _line(one: Declared) -> str:
    parts = [f"{one.type} {one.name}"]
    physical = next(
        (one.inputs[key] for key in ("name", "bucket", "identifier", "dashboardName") if key in one.inputs),
        None,
    )
    if one.type.startswith("bluemoxon:"):
        physical = None
    if physical is not None and physical != one.name:
        parts.append(f"= {physical}")
    if one.protect:
        parts.append("[protect]")
    if one.ignore_changes:
        parts.append(f"[ignore {', '.join(one.ignore_changes)}]")
    if one.hooks:
        parts.append(f"[{', '.join(one.hooks)}]")
    return " ".join(parts)
