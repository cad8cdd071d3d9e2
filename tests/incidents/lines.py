"""The lines of defence, and what each of them says of a plan."""

import datetime
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gate import events
from gate.check import check
from gate.model import Diagnostic, NotJudgeable, parse
from gate.preview import Preview


class Line(StrEnum):
    """What stops an unsafe change (design: four times, each by itself)."""

    PROGRAM = "program"
    POLICIES = "policies"
    GATE = "gate"
    AFTER = "after"


@dataclass(frozen=True)
class Verdict:
    """What the lines before an update say of one plan; empty where a line has nothing against it."""

    refusal: str
    """Of the program, of its hooks, or of the engine because of `protect`: the message for a person."""
    policies: frozenset[str]
    """The mandatory rules that are broken."""
    advice: frozenset[str]
    gate: frozenset[str]
    """The findings of the gate alone, without what it repeats of the others."""
    remedies: str
    """What policies and gate tell to do instead."""
    changes: int
    """How many resources are not the same afterwards."""

    @property
    def lines(self) -> frozenset[Line]:
        """The lines that stop the plan."""
        said = {Line.PROGRAM: self.refusal, Line.POLICIES: self.policies, Line.GATE: self.gate}
        return frozenset(line for line, found in said.items() if found)

    @property
    def clean(self) -> bool:
        """Whether nobody has anything to say, not even advice."""
        return not self.lines and not self.advice

    def without(self, other: "Verdict") -> "Verdict":
        """What is found here and not there."""
        return Verdict(
            self.refusal,
            self.policies - other.policies,
            self.advice - other.advice,
            self.gate - other.gate,
            self.remedies,
            self.changes,
        )


REPEATED = "refused-by-engine"
"""The gate's finding for what program or engine refuse."""


def judge(made: Preview) -> Verdict:
    """Hear policies and gate on a plan, each for itself, and read what the program said."""
    try:
        said = events.findings(made.events)
    except NotJudgeable:
        said = []  # the program had refused before there was a resource to look at
    today = datetime.datetime.now(datetime.UTC).date()
    refusal, found, operations = "", [], {}
    try:
        plan = parse(made.digest)
    except NotJudgeable:
        refusal = _refused_at_once(made)
    else:
        refusal = _refusal(plan.diagnostics)
        report = check(made.digest, (), today)
        found = [one for one in report.open if one.id != REPEATED]
        operations = report.operations
    blocking = [one for one in said if one.blocks]
    return Verdict(
        refusal=refusal,
        policies=frozenset(_rule(one.id) for one in blocking),
        advice=frozenset(_rule(one.id) for one in said if not one.blocks),
        gate=frozenset(one.id for one in found),
        remedies=" ".join(one.remedy for one in (*blocking, *found)),
        changes=sum(count for operation, count in operations.items() if operation != "same"),
    )


_AFTERWORDS = ("error: preview failed", "error: an unhandled error occurred")
"""What the engine says after an error, and of broken policies: it names nothing."""


def _refusal(diagnostics: Iterable[Diagnostic]) -> str:
    said = [_plain(one.message) for one in diagnostics if one.severity == "error"]
    return " | ".join(one for one in said if not one.startswith(_AFTERWORDS))


def _refused_at_once(made: Preview) -> str:
    """The error of a preview without steps; the gate cannot judge it and does not let it through."""
    return _refusal(map(Diagnostic.model_validate, json.loads(made.digest).get("diagnostics") or []))


def _plain(message: str) -> str:
    return " ".join(re.sub(r"<\{%[^%]*%\}>", "", message).split())


def _rule(finding: str) -> str:
    return finding.removeprefix("policy:")
