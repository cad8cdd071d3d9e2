"""The verdict for people (a table), for a pull request (Markdown) and for programs (JSON-able data)."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gate.approvals import Approval
from gate.findings import Finding
from gate.model import NotJudgeable

if TYPE_CHECKING:
    from rich.console import RenderableType

MARKDOWN_LIMIT = 65_536
"""GitHub's limit for a comment, in characters."""

_ROOM_FOR_THE_END = 600
_LONGEST_TEXT = 500
_PATHS = 8
"""Diff paths that are named of each finding."""

_MARK = {"critical": "🛑", "high": "🔴", "medium": "🟠", "low": "🟡"}


class Verdict(StrEnum):
    SAFE = "safe"
    UNSAFE = "unsafe"
    UNDECIDED = "could not judge"


@dataclass(frozen=True)
class Report:
    """Everything that is said about one plan; no property's value is part of it."""

    stack: str
    digest: str
    resources: int
    """How many were looked at, those without a change included."""
    operations: dict[str, int]
    open: tuple[Finding, ...]
    approved: tuple[tuple[Finding, Approval], ...] = ()
    notes: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Unsafe as soon as something unsafe is seen, even where the rest could not be judged."""
        if any(finding.blocks for finding in self.open):
            return Verdict.UNSAFE
        return Verdict.UNDECIDED if self.undecided else Verdict.SAFE

    @property
    def headline(self) -> str:
        blocking = sum(finding.blocks for finding in self.open)
        advice = len(self.open) - blocking
        parts = [f"{blocking} unsafe"] if blocking else []
        parts += [f"{advice} advised against"] if advice else []
        parts += [f"{len(self.approved)} approved"] if self.approved else []
        return f"{self.stack}: {self.verdict}" + (f" ({', '.join(parts)})" if parts else "")

    @property
    def looked_at(self) -> str:
        """What was judged, also where there is nothing to do."""
        if not self.digest:
            return "no plan could be read"
        changes = ", ".join(f"{count} {operation}" for operation, count in sorted(self.operations.items()))
        return f"{self.resources} resources judged: {changes or 'none of them changes'}"


def undecided(stack: str, problem: NotJudgeable) -> Report:
    """The report on a plan that could not even be read."""
    return Report(stack, digest="", resources=0, operations={}, open=(), undecided=(str(problem),))


def as_data(report: Report) -> dict[str, Any]:
    """For the envelope."""
    return {
        "verdict": report.verdict,
        "stack": report.stack,
        "plan": report.digest,
        "resources": report.resources,
        "operations": report.operations,
        "findings": [asdict(finding) for finding in report.open],
        "approved": [
            {**asdict(finding), "approved_by": approval.approved_by, "expires": approval.expires.isoformat()}
            for finding, approval in report.approved
        ],
        "notes": list(report.notes),
        "undecided": list(report.undecided),
    }


def as_table(report: Report) -> "RenderableType":
    """For a terminal."""
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    colour = {Verdict.SAFE: "green", Verdict.UNSAFE: "bold red", Verdict.UNDECIDED: "bold yellow"}[
        report.verdict
    ]
    table = Table(box=None, pad_edge=False)
    for column in ("risk", "operation", "resource", "what, and what to do instead"):
        table.add_column(column, overflow="fold")
    for finding in report.open:
        where = f" ({', '.join(finding.paths)})" if finding.paths else ""
        table.add_row(
            finding.severity if finding.blocks else "advice",
            finding.operation,
            escape(finding.resource),
            f"{escape(finding.what + where)}\n[green]→[/] {escape(finding.remedy)}"
            f" [dim]{escape(finding.id)}[/]",
        )
    lines: list[RenderableType] = [Text(report.headline, style=colour)]
    if report.open:
        lines.append(table)
    lines += [Text(f"Could not judge: {reason}", style="yellow") for reason in report.undecided]
    lines += [Text(note, style="yellow") for note in report.notes]
    lines += [
        Text(
            f"Approved by {approval.approved_by} until {approval.expires}: {finding.operation}"
            f" {finding.resource}"
        )
        for finding, approval in report.approved
    ]
    lines.append(Text(report.looked_at + (f" · plan {report.digest}" if report.digest else ""), style="dim"))
    return Group(*lines)


def as_markdown(report: Report) -> str:
    """For a pull request: under `MARKDOWN_LIMIT` characters, biggest risk first; the rest is counted."""
    mark = {Verdict.SAFE: "✅", Verdict.UNSAFE: "🛑", Verdict.UNDECIDED: "⚠️"}[report.verdict]
    head = [
        f"<!-- bmx-plan-check:{_code(report.stack)} -->",
        f"### {mark} {_text(report.headline)}",
        "",
        f"{_text(report.looked_at)} · plan `{report.digest or 'unknown'}`",
        "",
        *(_short(f"> **Could not judge:** {_text(reason)}") for reason in report.undecided),
        *(_short(f"> {_text(note)}") for note in report.notes),
    ]
    rows = [
        f"| {_MARK[finding.severity]} {finding.severity if finding.blocks else 'advice'} |"
        f" {_code(finding.operation)} | `{_short(_code(finding.resource))}` |"
        f" {_short(_text(finding.what))}{_where(finding)}<br>→ {_short(_text(finding.remedy))} |"
        f" `{_short(_code(finding.urn))}` |"
        for finding in report.open
    ]
    approved = [
        f"- approved by {_text(approval.approved_by)} until {approval.expires}: {_code(finding.operation)} "
        f"`{_short(_code(finding.urn))}` ({_short(_text(approval.reason))})"
        for finding, approval in report.approved
    ]
    if rows:
        head += [
            "",
            "| risk | operation | resource | what, and what to do instead | URN |",
            "|---|---|---|---|---|",
        ]
    return fit([*head, *rows, "", *approved])


def fit(lines: Sequence[str], limit: int = MARKDOWN_LIMIT) -> str:
    """As many lines as a comment takes, then how many did not fit."""
    shown: list[str] = []
    left = limit - _ROOM_FOR_THE_END
    for number, line in enumerate(lines):
        left -= width(line) + 1
        if left < 0:
            missing = len(lines) - number
            shown += ["", f"**{missing} more lines do not fit here: run `bmx plan check`.**"]
            break
        shown.append(line)
    return "\n".join(shown) + "\n"


def width(text: str) -> int:
    """Characters as GitHub may count them: an emoji is two."""
    return len(text.encode("utf-16-le")) // 2


def _short(text: str) -> str:
    """No part of a row may be so long that the row does not fit."""
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _where(finding: Finding) -> str:
    if not finding.paths:
        return ""
    shown = [f"`{_short(_code(path))}`" for path in finding.paths[:_PATHS]]
    more = len(finding.paths) - len(shown)
    return f" ({', '.join(shown)}{f' and {more} more' if more else ''})"


def _code(text: str) -> str:
    """Text between backticks, in a table."""
    return re.sub(r"[`|\r\n]", " ", text)


def _text(text: str) -> str:
    """Text in a table that keeps its backticks and can neither break out of the cell nor be HTML."""
    return re.sub(r"\s+", " ", text).replace("|", r"\|").replace("<", "&lt;")


def count(operations: list[str]) -> dict[str, int]:
    """How often each operation but `same` is planned."""
    return dict(Counter(operation for operation in operations if operation != "same"))
