"""What refused every call, and hid a missing right: the damage, then each line of defence."""

import importlib

import pytest

from chalicelib.services.health import HealthStatus, QueueStatus, examine
from tests.incidents import incidents
from tests.incidents.ground import Ground, Program
from tests.incidents.lines import judge
from tests.incidents.replay import Harmed, application, assert_lines

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.timeout(1200)]


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
