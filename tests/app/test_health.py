"""The deep health check names what is wrong."""

import time
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from chalicelib.db import migrate
from chalicelib.resources import Resources
from chalicelib.services import health
from chalicelib.services.health import Check, Health, HealthStatus, QueueStatus
from tests.app.world import QUEUES, World


def check(found: Health, name: str) -> Check:
    return next(it for it in found.checks if it.name == name)


def refuse(code: str, operation: str) -> Any:
    def call(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    return call


def test_all_well(world: World) -> None:
    boto3.client("sqs").send_message(QueueUrl=world.queue_url(), MessageBody="x")
    found = health.examine(world.res)
    assert {it.name: str(it.status) for it in found.checks} == {
        "database": "healthy",
        "s3": "healthy",
        "sqs": "healthy",
        "secrets": "healthy",
        "cognito": "not_configured",
    }
    assert found.status is HealthStatus.HEALTHY
    queue = next(it for it in found.queues if it.worker == "image_processing")
    assert (queue.visible, queue.in_flight, queue.delayed, queue.dlq.visible) == (1, 0, 0, 0)
    assert [it.worker for it in found.queues] == sorted(QUEUES)


def test_a_missing_queue_is_missing(world: World) -> None:
    boto3.client("sqs").delete_queue(QueueUrl=world.queue_url("tracking_worker"))
    found = health.examine(world.res)
    queue = next(it for it in found.queues if it.worker == "tracking_worker")
    assert queue.status is QueueStatus.MISSING_QUEUE
    assert check(found, "sqs").status is HealthStatus.UNHEALTHY
    assert "tracking-worker" in check(found, "sqs").message


@pytest.mark.parametrize("url_answer", ["AccessDenied", "AWS.SimpleQueueService.NonExistentQueue", None])
def test_a_missing_permission_is_not_a_missing_queue(
    world: World, monkeypatch: pytest.MonkeyPatch, url_answer: str | None
) -> None:
    """SQS says NonExistentQueue to who may not ask for a queue's URL."""
    sqs = world.res.clients.sqs
    if url_answer:
        monkeypatch.setattr(sqs, "get_queue_url", refuse(url_answer, "GetQueueUrl"))
    if url_answer != "AWS.SimpleQueueService.NonExistentQueue":
        monkeypatch.setattr(sqs, "get_queue_attributes", refuse("AccessDenied", "GetQueueAttributes"))
    found = health.examine(world.res)
    assert {it.status for it in found.queues} == {QueueStatus.ACCESS_DENIED}
    assert "lacks sqs:Get" in check(found, "sqs").message


@pytest.mark.parametrize("revision", [None, "previous"])
def test_a_schema_that_this_release_cannot_use_is_unhealthy(empty_world: World, revision: str | None) -> None:
    if revision is not None:
        migrate.migrate(empty_world.res.database, migrate.previous_revision())
    found = check(health.examine(empty_world.res), "database")
    assert found.status is HealthStatus.UNHEALTHY
    assert "--from migrations" in found.message
    migrate.migrate(empty_world.res.database)
    assert check(health.examine(empty_world.res), "database").status is HealthStatus.HEALTHY


def test_a_schema_of_a_later_release_is_healthy(world: World) -> None:
    world.run("UPDATE alembic_version SET version_num = '9999'")
    assert check(health.examine(world.res), "database").status is HealthStatus.HEALTHY


def test_an_empty_api_key_is_unhealthy(world: World) -> None:
    world.write_secret(world.key_secret, {"current": "", "previous": None})
    found = health.examine(world.res)
    assert check(found, "secrets").status is HealthStatus.UNHEALTHY
    assert "empty" in check(found, "secrets").message


def test_the_database_check_logs_in_even_while_pooled_connections_live(world: World) -> None:
    with world.res.database.session():
        pass
    world.change_password("another")
    found = health.examine(world.res)
    assert check(found, "database").status is HealthStatus.UNHEALTHY
    assert "password authentication failed" in check(found, "database").message


def test_no_database_is_not_configured(world: World) -> None:
    found = health.examine(Resources(replace(world.res.settings, database=None)))
    assert check(found, "database").status is HealthStatus.NOT_CONFIGURED
    assert found.status is HealthStatus.HEALTHY


def test_a_check_that_hangs_does_not_hang_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    released = threading.Event()
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.5)
    monkeypatch.setattr(world.res.database, "connect", lambda: released.wait(30))
    try:
        found = health.examine(world.res)
    finally:
        released.set()
    assert "No answer" in check(found, "database").message
    assert check(found, "s3").status is HealthStatus.HEALTHY


def test_a_missing_bucket_permission_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.res.clients.s3, "list_objects_v2", refuse("AccessDenied", "ListObjectsV2"))
    assert "lacks the permission for ListObjectsV2" in check(health.examine(world.res), "s3").message


def test_a_queue_tells_how_long_its_oldest_job_waits(world: World) -> None:
    from chalicelib.services import importing

    def oldest(queues: list[health.QueueHealth]) -> dict[str, float | None]:
        return {it.worker: it.oldest_seconds for it in queues}

    assert oldest(health.examine(world.res).queues)["image_processing"] is None
    world.put_listing("atlas", "image_01.jpg", "image_02.jpg")
    importing.import_listing(world.res, "atlas")
    world.run("UPDATE image_jobs SET queued_at = now() - interval '90 s' WHERE priority = 0")
    for queues in (health.examine(world.res).queues, health.look_at_queues(world.res)):
        found = oldest(queues)
        assert 89 < (found["image_processing"] or 0) < 600
        assert found["tracking_worker"] is None


def test_an_unmigrated_database_tells_no_wait(empty_world: World) -> None:
    for queues in (health.examine(empty_world.res).queues, health.look_at_queues(empty_world.res)):
        assert [(it.status, it.oldest_seconds) for it in queues] == [(QueueStatus.OK, None)] * len(QUEUES)


def test_queues_that_do_not_answer_are_told_one_by_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes most of the time that a check has, as where the network lets nothing through."""
    monkeypatch.setattr(health, "CHECK_SECONDS", 5.0)

    def silent(**_: Any) -> None:
        time.sleep(3.0)
        raise ConnectTimeoutError(endpoint_url="https://sqs.example.invalid")

    monkeypatch.setattr(world.res.clients.sqs, "get_queue_url", silent)
    found = health.examine(world.res)
    assert [(it.worker, it.status, it.dlq.status) for it in found.queues] == [
        (name, QueueStatus.ERROR, QueueStatus.ERROR) for name in sorted(QUEUES)
    ]
    assert "sqs.example.invalid" in check(found, "sqs").message


def test_queues_are_told_while_the_database_does_not_answer(world: World) -> None:
    world.res.database.dispose()
    world.change_password("another")
    assert {it.status for it in health.look_at_queues(world.res)} == {QueueStatus.OK}


def test_an_unforeseen_fault_of_one_check_hides_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode() -> None:
        raise RuntimeError("with a secret in it")

    monkeypatch.setattr(world.res.api_keys, "read", explode)
    found = health.examine(world.res)
    assert check(found, "secrets").message == "Unforeseen: RuntimeError; it has been logged."
    assert check(found, "database").status is HealthStatus.HEALTHY


class UserPools:
    """Cognito as far as the check asks it."""

    def describe_user_pool(self, **_: Any) -> dict[str, Any]:
        return {"UserPool": {"Name": "people"}}


def test_a_user_pool_is_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    res = Resources(replace(world.res.settings, user_pool_id="us-west-2_people"))
    monkeypatch.setitem(res.clients.__dict__, "cognito", UserPools())
    assert check(health.examine(res), "cognito").message == "people"
    denied = refuse("AccessDeniedException", "DescribeUserPool")
    monkeypatch.setattr(UserPools, "describe_user_pool", staticmethod(denied))
    assert "lacks the permission for DescribeUserPool" in check(health.examine(res), "cognito").message
