"""What lost messages and did them twice: the damage, then each line of defence."""

import time

import pytest

from tests.incidents import incidents
from tests.incidents.ground import Ground, Program
from tests.incidents.lines import judge
from tests.incidents.replay import RETENTION, Harmed, assert_lines

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.timeout(1200)]

WORK_SECONDS = 2.5
"""Longer than the visibility that somebody typed in."""


def test_a_visibility_shorter_than_six_timeouts(stage: Ground, staging: Program, harmed: Harmed) -> None:
    incident, sqs = incidents.SHORT_VISIBILITY, stage.aws.client("sqs")
    url = harmed.outputs["queues"]["tracking_worker"]["url"]
    sent = sqs.send_message(QueueUrl=url, MessageBody="{}")["MessageId"]
    first = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    time.sleep(WORK_SECONDS)
    second = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert [one["MessageId"] for one in (*first, *second)] == [sent, sent], "two workers are at it"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=second[0]["ReceiptHandle"])
    whole = judge(stage.program("staging", *incident.edits, like=staging).preview_judged())
    assert_lines(incident, whole, whole, harmed.health("tracking_worker"))


def test_a_queue_without_a_dead_letter_queue(stage: Ground, staging: Program, harmed: Harmed) -> None:
    """The message was sent when the stack was harmed, and has been received as often as it may be."""
    incident = incidents.NO_DLQ
    whole = judge(stage.program("staging", *incident.edits, like=staging).preview_judged())
    assert not harmed.held("analysis", dlq=True)
    time.sleep(max(0.0, harmed.poisoned_at + RETENTION + 1 - time.time()))
    assert not harmed.held("analysis"), "it expires"
    assert not harmed.held("analysis", dlq=True), "and nobody hears of it"
    assert_lines(incident, whole, whole, harmed.health("analysis"))
