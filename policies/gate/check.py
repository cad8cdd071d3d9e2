"""The whole check of one plan."""

import datetime
from collections.abc import Sequence

from gate import approvals, judge, report
from gate.approvals import Approval
from gate.findings import Finding
from gate.model import NotJudgeable, Plan, parse

ERROR = (
    "The preview ended with an error, so the plan may lack steps. Its message can hold anything and is not"
    " repeated here: run `pulumi preview`."
)


def check(
    preview: str | bytes,
    approved: Sequence[Approval],
    today: datetime.date,
    *,
    policy_findings: Sequence[Finding] = (),
    stack: str | None = None,
) -> report.Report:
    """Judge a preview. Raises `NotJudgeable` when it cannot be read, or is of another stack than `stack`."""
    plan = parse(preview)
    if stack is not None and plan.stack != stack:
        raise NotJudgeable(
            f"The preview is of stack `{plan.stack}`, not of `{stack}`.", fix=f"Preview the stack `{stack}`."
        )
    findings = sorted([*judge.judge(plan), *policy_findings], key=lambda finding: finding.rank)
    sorted_findings = approvals.sort(findings, approved, plan.digest, today)
    return report.Report(
        stack=plan.stack,
        digest=plan.digest,
        resources=len({step.urn for step in plan.steps}),
        operations=report.count([str(step.op) for step in plan.steps]),
        open=sorted_findings.open,
        approved=sorted_findings.approved,
        notes=sorted_findings.notes,
        undecided=tuple(_undecided(plan, policy_findings)),
    )


def _undecided(plan: Plan, policy_findings: Sequence[Finding]) -> list[str]:
    reasons = []
    # A violated policy fails the preview with an error that names no resource; the plan is whole then.
    explained = any(finding.blocks for finding in policy_findings)
    errors = [diagnostic for diagnostic in plan.diagnostics if diagnostic.severity == "error"]
    if any(diagnostic.urn for diagnostic in errors) or (errors and not explained):
        reasons.append(ERROR)
    if plan.maybe_corrupt:
        reasons.append("The engine says that the stack's state may be corrupt: run `pulumi refresh`.")
    return reasons
