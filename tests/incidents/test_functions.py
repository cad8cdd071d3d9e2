"""What refused every call, hid a missing right or did nothing: the damage, then each line of defence."""

import importlib
import time

import pytest

from chalicelib.services.health import HealthStatus, QueueStatus, examine
from tests.incidents import incidents
from tests.incidents.ground import Ground, Program
from tests.incidents.lines import judge
from tests.incidents.replay import Harmed, application, assert_lines, held

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.timeout(1200)]

GONE_SECONDS = 120
"""In which a live queue's message is taken; some poll it."""


def test_an_empty_api_key(stage: Ground, staging: Program, harmed: Harmed) -> None:
    incident = incidents.EMPTY_KEY
    with application(harmed.outputs, stage.aws) as res:
        from chalice.test import Client

        app = importlib.import_module("app").app  # mypy would take `app` for the folder of that name
        reply = Client(app).http.get("/books", headers={"X-API-Key": harmed.key_before})
        assert reply.status_code == 503
        assert reply.json_body["code"] == "misconfigured"
        check = next(one for one in examine(res).checks if one.name == "secrets")
        assert check.status is HealthStatus.UNHEALTHY
    whole = judge(stage.program("staging", *incident.edits, like=staging).preview_judged())
    assert_lines(incident, harmed.empty_key, whole, check.message)


def test_a_sender_that_may_not_look(stage: Ground, staging: Program, harmed: Harmed) -> None:
    incident = incidents.NO_INSPECTION
    with application(harmed.outputs, stage.aws) as res:
        queue = harmed.outputs["queues"]["eval_runbook"]
        res.clients.sqs.send_message(QueueUrl=queue["url"], MessageBody="{}")
        health = examine(res)
    check = next(one for one in health.checks if one.name == "sqs")
    assert check.status is HealthStatus.UNHEALTHY
    assert {one.status for one in health.queues} == {QueueStatus.ACCESS_DENIED}
    whole = judge(stage.program("staging", *incident.edits, like=staging).preview_judged())
    assert_lines(incident, whole, whole, check.message)


def test_placeholder_code_behind_a_live_queue(stage: Ground, staging: Program, harmed: Harmed) -> None:
    incident, sqs = incidents.PLACEHOLDER, stage.aws.client("sqs")
    for outputs in (staging.outputs(), harmed.outputs):
        sqs.send_message(QueueUrl=outputs["queues"]["image_processing"]["url"], MessageBody="{}")
    until = time.monotonic() + GONE_SECONDS
    while harmed.held("image_processing"):
        assert time.monotonic() < until, "the placeholder does not take the message"
        time.sleep(0.5)
    assert not harmed.held("image_processing", dlq=True), "nobody hears of it"
    assert not harmed.held("image_results"), "and there is no result"
    assert held(stage.aws, staging.outputs(), "image_processing"), "where no placeholder is, it waits"
    whole = judge(stage.program("staging", *incident.edits, like=staging).preview_judged())
    assert_lines(incident, whole, whole, harmed.health("image_processing"))
