"""The table of all rules in docs/policies.md: `python -m rules.document` writes it."""

from pathlib import Path

from rules.catalogue import AREAS
from rules.model import Level, ResourceRule, Rule

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "policies.md"
BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"


def table() -> str:
    """Every rule by area, as Markdown."""
    lines = []
    for area in AREAS:
        lines += [
            f"### {area.name.capitalize()}",
            "",
            "| rule | what it asks for | why | instead | severity | unknown value |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| `{rule.id}` | {rule.summary}{_scope(rule)} | {_cell(rule.why)} | {_cell(rule.remedy)} | "
            f"{rule.severity} | {rule.on_unknown} |"
            for rule in area.rules
        ]
        lines.append("")
    return "\n".join(lines)


def render(document: str) -> str:
    """The document with its table made anew."""
    before, rest = document.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


def _scope(rule: Rule) -> str:
    notes = [] if isinstance(rule, ResourceRule) else ["whole stack"]
    notes += {Level.ADVISORY: ["advice"], Level.OFF: ["off unless a stack's `levels` say so"]}.get(
        rule.level, []
    )
    return f" ({', '.join(notes)})" if notes else ""


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def main() -> None:
    DOCUMENT.write_text(render(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
