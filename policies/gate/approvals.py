"""Findings that people have agreed to, in a file under review.

An approval is for one URN, one operation and one plan, and for a while.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gate.findings import Finding
from gate.model import NotJudgeable

APPROVALS = Path(__file__).resolve().parents[1] / "approvals.yaml"
LONGEST = datetime.timedelta(days=30)
"""An approval is for one plan; one that is good for longer was not meant for it."""


class Approval(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    urn: str = Field(min_length=1)
    operation: str = Field(min_length=1)
    plan: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    reason: str = Field(min_length=12)
    approved_by: str = Field(min_length=1)
    expires: datetime.date

    def covers(self, finding: Finding, digest: str) -> bool:
        return (self.urn, self.operation, self.plan) == (finding.urn, finding.operation, digest)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    approvals: tuple[Approval, ...] = ()


@dataclass(frozen=True)
class Sorted:
    """Findings by what approvals say; `notes` tell which approvals came close and do not count."""

    open: tuple[Finding, ...]
    approved: tuple[tuple[Finding, Approval], ...]
    notes: tuple[str, ...]


def load(path: Path) -> tuple[Approval, ...]:
    """The approvals in a file; none where there is no file. Raises `NotJudgeable` when it cannot be read."""
    if not path.exists():
        return ()
    try:
        return _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {}).approvals
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        where = ""
        if isinstance(error, ValidationError):
            faults = (".".join(map(str, fault["loc"])) + ": " + fault["msg"] for fault in error.errors())
            where = f" ({'; '.join(faults)})"
        raise NotJudgeable(
            f"{path.name} is no file of approvals{where}.",
            why="Nobody knows what was agreed to, so nothing counts as agreed.",
            fix="Correct it; docs/policies.md shows one.",
        ) from None


def sort(
    findings: Iterable[Finding], approvals: Iterable[Approval], digest: str, today: datetime.date
) -> Sorted:
    """Which findings are still open. Those of the policy pack have exceptions of their own and stay open."""
    still_open, approved, notes = [], [], []
    approvals = tuple(approvals)
    for finding in findings:
        agreed = [
            one for one in approvals if one.covers(finding, digest) and not finding.id.startswith("policy:")
        ]
        valid = [one for one in agreed if today < one.expires <= today + LONGEST]
        if valid:
            approved.append((finding, valid[0]))
            continue
        still_open.append(finding)
        for one in agreed:
            state = "has expired" if one.expires <= today else f"is for more than {LONGEST.days} days"
            notes.append(f"The approval for {finding.resource} {state}.")
    return Sorted(tuple(still_open), tuple(approved), tuple(dict.fromkeys(notes)))
