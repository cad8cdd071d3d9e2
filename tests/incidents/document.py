"""docs/incidents.md, made from the tests' own tables: `python -m tests.incidents.document` writes it."""

from collections import Counter
from pathlib import Path

from tests.incidents.incidents import INCIDENTS, Incident
from tests.incidents.lines import Line
from tests.incidents.mutants import AREAS, Mutant, all_mutants
from tests.incidents.safe import SAFE

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "incidents.md"

_HEAD = """# Incidents

What broke logins, lost data or went unseen in the system before this one, or could have. Each is a test in
`tests/incidents/` with three acts, on the real engine, an emulator with IAM enforced and a real PostgreSQL:

1. In a copy of the program without guards, the damage happens.
2. Each line of defence by itself stops it, or is shown to be blind to it.
3. The real program with all its lines stops it, and says what to do instead.

The lines are the **program** (`protect`, `ignore_changes`, hooks, settings without a password), the
**policies** (every rule, on the resources as they are to be), the **gate** (`bmx plan check`, on operations
and diff paths), and what is seen **after** an update (`bmx credentials verify`, the health check). `bmx
deploy` asks the first three.

`python -m tests.incidents.document` writes this page from the tests' tables; a test compares.
"""


def render() -> str:
    """The whole page."""
    mutants = tuple(all_mutants())
    return "\n".join(
        [
            _HEAD,
            "## The incidents",
            "",
            "| incident | program | policies | gate | after |",
            "|---|---|---|---|---|",
            *(_row(incident) for incident in INCIDENTS),
            "",
            "✓: stops it, alone. –: cannot see it.",
            "",
            *(line for incident in INCIDENTS for line in _section(incident)),
            "## Unsafe edits",
            "",
            f"{len(mutants)} edits of the real program and its settings, one each, planned against a deployed"
            f" stack; every one is stopped. {_counts(mutants)}",
            "",
            *(line for area, some in AREAS.items() for line in _table(area, some)),
            "## Safe changes",
            "",
            f"{len(SAFE)} changes of any day, planned likewise, pass without a single finding:",
            "",
            *(f"- {change.what}" for change in SAFE),
            "",
        ]
    )


def _row(incident: Incident) -> str:
    marks = ("✓" if line in incident.stops else "–" for line in Line)
    return f"| {incident.title} | {' | '.join(marks)} |"


def _section(incident: Incident) -> list[str]:
    stops = [f"- {line}: `{said}`" for line, said in incident.stops.items()]
    blind = [f"- {line}: blind. {why}" for line, why in incident.blind.items()]
    return [
        f"### {incident.title[0].upper()}{incident.title[1:]}",
        "",
        f"{incident.happened}",
        "",
        f"**Damage.** {incident.damage}",
        "",
        f"**Instead.** {incident.instead}",
        "",
        *stops,
        *blind,
        "",
    ]


def _counts(mutants: tuple[Mutant, ...]) -> str:
    counts = Counter(line for mutant in mutants for line in mutant.lines)
    several = sum(len(mutant.lines) > 1 for mutant in mutants)
    said = ", ".join(f"the {line} {counts[line]}" for line in Line if counts[line])
    return f"Stopped by {said}; {several} by more than one line."


def _table(area: str, mutants: tuple[Mutant, ...]) -> list[str]:
    rows = [
        f"| {mutant.what} | `{Path(mutant.edit.file).name}` | {_cell(mutant.program)} |"
        f" {_cell(mutant.policies)} | {_cell(mutant.gate)} |"
        for mutant in mutants
    ]
    return [
        f"### {area}",
        "",
        "| edit | in | program | policies | gate |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]


def _cell(text: str) -> str:
    return f"`{text}`" if text else ""


def main() -> None:
    DOCUMENT.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
