"""What the gate takes from the engine's event log."""

import json

import pytest

from gate.check import check
from gate.events import findings
from gate.model import NotJudgeable
from gate.report import Verdict
from tests.policies.plans import QUEUE, TODAY, preview

SUMMARY = {"summaryEvent": {"PolicyPacks": {"bluemoxon|local|/somewhere/policies": "0.1.0"}}}
VIOLATION = {
    "policyEvent": {
        "resourceUrn": QUEUE,
        "message": "A queue has a DLQ\n`redrivePolicy` is not set.\nInstead: Do that.\nRule: queue-has-dlq\n",
        "policyName": "queue-has-dlq",
        "enforcementLevel": "mandatory",
        "severity": "critical",
    }
}
FAILED = [{"severity": "error", "message": "error: preview failed"}]


def log(*events: object) -> str:
    return "\n".join(json.dumps(event) for event in events) + "\n"


def test_a_violation_is_a_finding_and_explains_the_failed_preview() -> None:
    found = findings(log(VIOLATION, SUMMARY))
    report = check(preview(diagnostics=FAILED), (), TODAY, policy_findings=found)
    (one,) = report.open
    assert (one.id, one.urn, one.remedy) == ("policy:queue-has-dlq", QUEUE, "Do that.")
    assert report.verdict is Verdict.UNSAFE
    assert report.undecided == ()


def test_advice_is_shown_and_does_not_block() -> None:
    advice = {"policyEvent": {**VIOLATION["policyEvent"], "enforcementLevel": "advisory"}}
    report = check(preview(), (), TODAY, policy_findings=findings(log(advice, SUMMARY)))
    assert report.verdict is Verdict.SAFE
    assert len(report.open) == 1


def test_a_failed_preview_without_a_violation_is_undecided() -> None:
    report = check(preview(diagnostics=FAILED), (), TODAY, policy_findings=findings(log(SUMMARY)))
    assert report.verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("text", ["", log(VIOLATION), '{"summaryEvent": {"Pol'])
def test_a_log_that_does_not_show_the_pack_is_not_judged(text: str) -> None:
    with pytest.raises(NotJudgeable):
        findings(text)
