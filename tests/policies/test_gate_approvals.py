"""Approvals: what one covers, and the digest of the plan that it names."""

import datetime
from typing import Any

import pytest

from gate.approvals import Approval
from gate.check import check
from gate.model import parse
from gate.report import Verdict, as_markdown
from tests.policies.plans import DATABASE, QUEUE, SECRET, TODAY, preview, step


def _approval(plan: str, **more: Any) -> Approval:
    return Approval.model_validate(
        {
            "urn": QUEUE,
            "operation": "delete",
            "plan": plan,
            "reason": "The worker is retired, see the runbook.",
            "approved_by": "someone",
            "expires": TODAY + datetime.timedelta(days=7),
            **more,
        }
    )


DELETION = preview(step("delete", QUEUE))
DIGEST = parse(DELETION).digest


def test_an_approval_covers_its_urn_operation_and_plan() -> None:
    report = check(DELETION, [_approval(DIGEST)], TODAY)
    assert report.verdict is Verdict.SAFE
    assert [finding.urn for finding, _ in report.approved] == [QUEUE]
    assert "someone" in as_markdown(report)


@pytest.mark.parametrize(
    "more",
    [
        {"urn": DATABASE},
        {"operation": "replace"},
        {"plan": "sha256:" + "0" * 64},
        {"expires": TODAY},
        {"expires": TODAY + datetime.timedelta(days=365)},
    ],
)
def test_an_approval_covers_nothing_else(more: dict[str, Any]) -> None:
    assert check(DELETION, [_approval(**{"plan": DIGEST, **more})], TODAY).verdict is Verdict.UNSAFE


def test_an_expired_approval_is_mentioned() -> None:
    report = check(DELETION, [_approval(DIGEST, expires=TODAY)], TODAY)
    assert report.notes == ("The approval for Queue work has expired.",)


def test_the_digest_names_the_plan() -> None:
    same = parse(preview(step("delete", QUEUE), duration=99)).digest
    assert same == DIGEST
    others = [
        preview(step("delete", QUEUE), step("delete", SECRET)),
        preview(step("replace", QUEUE, replace="name")),
        preview(step("update", QUEUE, "name")),
        preview(step("update", QUEUE, "name", new={"inputs": {"name": "other"}})),
        preview(step("same", QUEUE, new={"protect": True})),
    ]
    digests = {parse(text).digest for text in others}
    assert len(digests) == len(others)
    assert DIGEST not in digests
