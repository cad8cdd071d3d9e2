"""What the policy pack said, from the engine's event log: the preview's JSON has nothing of it."""

import json
from collections.abc import Iterator

from gate.findings import Finding
from gate.model import NotJudgeable
from rules.model import Severity

PACK = "bluemoxon"


def findings(log: str) -> list[Finding]:
    """The pack's violations; raises `NotJudgeable` when the log does not show that the pack ran."""
    found, ran = [], False
    for event in _events(log):
        summary = event.get("summaryEvent")
        if isinstance(summary, dict):
            packs = summary.get("PolicyPacks") or summary.get("policyPacks") or {}
            ran = ran or any(str(name).split("|", 1)[0] == PACK for name in packs)
        violation = event.get("policyEvent")
        if isinstance(violation, dict):
            found.append(_finding(violation))
    if not ran:
        raise NotJudgeable(
            "The policy pack did not look at this plan.",
            why="The engine's event log does not name it.",
            fix="Run `pulumi preview --policy-pack policies` to see why.",
        )
    return found


def _finding(violation: dict[str, object]) -> Finding:
    lines = str(violation.get("message", "")).strip().splitlines()
    remedy = next((line.removeprefix("Instead: ") for line in lines if line.startswith("Instead: ")), "")
    what = " ".join(line for line in lines[1:] if not line.startswith(("Instead: ", "Rule: ")))
    severity = str(violation.get("severity") or "high")
    return Finding(
        id=f"policy:{violation.get('policyName', 'unknown')}",
        severity=Severity(severity) if severity in set(Severity) else Severity.HIGH,
        urn=str(violation.get("resourceUrn") or ""),
        operation="policy",
        what=what or (lines[0] if lines else ""),
        remedy=remedy,
        blocks=violation.get("enforcementLevel") != "advisory",
    )


def _events(log: str) -> Iterator[dict[str, object]]:
    for line in log.splitlines():
        if line.strip():
            try:
                event = json.loads(line)
            except ValueError:
                raise NotJudgeable(
                    "The engine's event log is truncated.", fix="Run the command again."
                ) from None
            if isinstance(event, dict):
                yield event
