"""Applies a stack: planned under the policy pack, judged by the gate, then applied with the pack."""

import datetime
import json
from dataclasses import dataclass
from typing import Any

from gate import approvals, check, events
from gate.preview import PACK, preview
from gate.report import Report, Verdict
from local.engine.cli import Summary
from local.reporting import Reporter
from operations import changes
from operations.changes import Changes
from operations.target import Target
from workers.contracts.problem import Problem


class NotSafe(Problem):
    """The plan is not let through."""


@dataclass(frozen=True)
class Plan:
    """What would change, and the gate's verdict on it."""

    changes: Changes
    report: Report


def plan(target: Target) -> Plan:
    """The plan of a stack; raises `NotJudgeable` where there is none, `NotSafe` where it is refused."""
    made = preview(target.command, target.environment, target.folder)
    report = check.check(
        made.digest,
        approvals.load(approvals.APPROVALS),
        datetime.datetime.now(datetime.UTC).date(),
        policy_findings=tuple(events.findings(made.events)),
        stack=target.stack,
    )
    if report.verdict is not Verdict.SAFE:
        findings = [f"{one.resource}: {one.what} {one.remedy}" for one in report.open if one.blocks]
        raise NotSafe(
            f"The plan of stack {target.stack} is not let through: {report.headline}.",
            why=" | ".join([*findings, *report.undecided]),
            fix=f"See `bmx plan check {target.options}`; nothing has been changed.",
        )
    return Plan(changes.parse(target.stack, json.loads(made.digest)), report)


def require_same(target: Target, agreed: Plan) -> None:
    """Raise `NotSafe` where the stack's plan is no longer the one that was agreed to: what is applied is
    planned anew, by the program and the state of that moment.
    """
    now = plan(target)
    if now.report.digest != agreed.report.digest:
        raise NotSafe(
            f"The plan of stack {target.stack} has changed since it was shown.",
            why="Somebody released to it, or changed the checkout, while you were asked.",
            fix="Look at the new plan and agree to that one. Nothing has been changed.",
        )


def apply(target: Target, report: Reporter) -> tuple[Summary, dict[str, Any]]:
    """Apply the program under the policy pack; what was done and what the stack exports."""
    summary = target.stream(report, "up", "--yes", "--skip-preview", "--policy-pack", str(PACK))
    return summary, target.outputs()
