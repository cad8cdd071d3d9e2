"""Queues, dead letters and keys, as an operator uses them."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.security.api_key import _Fetched
from chalicelib.services import dead_letters
from tests.app.api import Api
from tests.app.world import API_KEY, PREVIOUS_KEY, QUEUES, World
from workers.contracts.api_key import KeyPair

WORKER = "image_processing"


def put_dead(world: World, *bodies: str, worker: str = WORKER) -> None:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUES[worker]["dlq"])["QueueUrl"]
    for body in bodies:
        sqs.send_message(
            QueueUrl=url,
            MessageBody=body,
            MessageAttributes={"was": {"StringValue": body, "DataType": "String"}},
        )


def lying(world: World, queue: str) -> list[str]:
    """What lies in a queue for everybody to take, without taking it."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found: list[str] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30).get(
        "Messages", []
    ):
        found += [message["Body"] for message in batch]
    make_visible()
    return sorted(found)


def make_visible() -> None:
    """As if the time had passed for which messages are held."""
    from moto.sqs.models import sqs_backends

    backend = sqs_backends["123456789012"]["us-west-2"]
    for queue in backend.queues.values():
        for message in queue._messages:
            message.change_visibility(0)


def test_peeking_leaves_every_message_where_it_was(world: World, api: Api) -> None:
    bodies = [f"m{number:02d}" for number in range(25)]
    put_dead(world, *bodies, worker="tracking_worker")
    put_dead(world, "long " * 2000)
    for _ in range(2):
        found = api.json("GET", "/dlq/tracking_worker?limit=100")["items"]
        assert sorted(it["body"] for it in found) == bodies
        assert found[0]["sent_at"] is not None
    assert len(api.json("GET", "/dlq/tracking_worker?limit=3")["items"]) == 3
    assert lying(world, QUEUES["tracking_worker"]["dlq"]) == bodies
    (long,) = api.json("GET", f"/dlq/{WORKER}")["items"]
    assert (len(long["body"]), long["bytes"]) == (4000, 10_000)


def test_a_dry_run_tells_and_moves_nothing(world: World, api: Api) -> None:
    put_dead(world, "a", "b")
    told = api.json("POST", f"/dlq/{WORKER}/redrive", {"dry_run": True})
    assert (len(told["messages"]), told["dry_run"], told["failed"]) == (2, True, None)
    assert lying(world, QUEUES[WORKER]["dlq"]) == ["a", "b"]
    assert lying(world, QUEUES[WORKER]["queue"]) == []


def test_dead_letters_go_to_their_queue_with_their_attributes(world: World, api: Api) -> None:
    put_dead(world, *[f"m{number:02d}" for number in range(23)])
    done = api.json("POST", f"/dlq/{WORKER}/redrive", {"limit": 12})
    assert (len(done["messages"]), done["remaining"], done["failed"]) == (12, 11, None)
    assert len(api.json("POST", f"/dlq/{WORKER}/redrive", {})["messages"]) == 11
    assert lying(world, QUEUES[WORKER]["dlq"]) == []
    assert lying(world, QUEUES[WORKER]["queue"]) == [f"m{number:02d}" for number in range(23)]
    (message, *_) = boto3.client("sqs").receive_message(
        QueueUrl=world.queue_url(), MessageAttributeNames=["All"]
    )["Messages"]
    assert message["MessageAttributes"]["was"]["StringValue"] == message["Body"]


def test_what_the_queue_refuses_stays_a_dead_letter(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_dead(world, "a", "b", "c")
    send = world.res.clients.sqs.send_message
    taken: list[Any] = []

    def one_only(**arguments: Any) -> Any:
        if taken:
            raise ClientError({"Error": {"Code": "OverLimit", "Message": "no"}}, "SendMessage")
        taken.append(arguments)
        return send(**arguments)

    monkeypatch.setattr(world.res.clients.sqs, "send_message", one_only)
    done = api.json("POST", f"/dlq/{WORKER}/redrive", {})
    assert (len(done["messages"]), done["remaining"]) == (1, 2)
    assert "OverLimit" in done["failed"]
    assert len(lying(world, QUEUES[WORKER]["dlq"])) == 2


@pytest.mark.parametrize("step", ["send_message", "delete_message"])
def test_a_redrive_that_is_cut_off_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    put_dead(world, "a", "b", "c")
    call = getattr(world.res.clients.sqs, step)
    calls: list[Any] = []

    def die_at_the_second(**arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return call(**arguments)

    with monkeypatch.context() as crash:
        crash.setattr(world.res.clients.sqs, step, die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            dead_letters.redrive(world.res, WORKER, 10, dry_run=False)
    make_visible()
    left = {*lying(world, QUEUES[WORKER]["dlq"]), *lying(world, QUEUES[WORKER]["queue"])}
    assert left == {"a", "b", "c"}


def test_an_unknown_worker_and_a_missing_queue_are_told_apart(world: World, api: Api) -> None:
    assert api.error("GET", "/dlq/nobody", status=404)["code"] == "not_found"
    sqs = boto3.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=QUEUES[WORKER]["dlq"])["QueueUrl"])
    assert api.error("GET", f"/dlq/{WORKER}", status=503)["code"] == "misconfigured"
    queues = {it["worker"]: it for it in api.json("GET", "/queues")["items"]}
    assert queues[WORKER]["dlq"]["status"] == "missing_queue"
    assert queues["image_results"]["dlq"]["visible"] == 0


def test_a_key_is_rotated_with_overlap_and_retired(world: World, api: Api) -> None:
    assert api.error("POST", "/admin/keys/rotate", status=409)["code"] == "conflict"
    assert api.json("DELETE", "/admin/keys/previous")["previous"] is None
    before = api.json("GET", "/admin/keys")
    made = api.json("POST", "/admin/keys/rotate", status=201)
    assert made["previous"] == before["current"]
    assert made["key"] not in (API_KEY, PREVIOUS_KEY)
    for key in (API_KEY, made["key"]):
        assert api.json("GET", "/admin/keys", key=key)["current"] == made["current"]
    assert api.error("GET", "/books", status=401, key=PREVIOUS_KEY)["code"] == "unauthorized"
    api.json("DELETE", "/admin/keys/previous", key=made["key"])
    assert api.error("GET", "/books", status=401)["code"] == "unauthorized"
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=world.key_secret)["SecretString"]
    assert json.loads(secret) == {"current": made["key"], "previous": None}


def test_a_lost_answer_to_a_rotation_locks_nobody_out(world: World, api: Api) -> None:
    api.json("DELETE", "/admin/keys/previous")
    lost = api.json("POST", "/admin/keys/rotate", status=201)["key"]
    refused = api.error("DELETE", "/admin/keys/previous", status=409)
    assert (refused["code"], "--replace-lost" in refused["message"]) == ("conflict", True)
    assert "--replace-lost" in api.error("POST", "/admin/keys/rotate", status=409)["message"]
    # Another process still takes the key for the present one.
    world.res.api_keys._fetched = _Fetched(KeyPair(current=API_KEY), world.res.api_keys._clock())
    assert api.error("DELETE", "/admin/keys/previous", status=409)["code"] == "conflict"
    world.res.api_keys._fetched = _Fetched(KeyPair(current=API_KEY), world.res.api_keys._clock())
    made = api.json("POST", "/admin/keys/rotate", {"replace_lost": True}, status=201)
    assert api.error("GET", "/books", status=401, key=lost)["code"] == "unauthorized"
    api.json("GET", "/books", key=API_KEY)
    error = api.error("POST", "/admin/keys/rotate", {"replace_lost": True}, status=409, key=made["key"])
    assert error["code"] == "conflict", "it is not lost"
    assert api.json("DELETE", "/admin/keys/previous", key=made["key"])["previous"] is None


def test_a_key_that_was_ended_makes_no_new_one(world: World, api: Api) -> None:
    """Other processes take it for valid for up to a minute: enough for whoever stole it."""
    api.json("DELETE", "/admin/keys/previous")
    ended = KeyPair(current=API_KEY, previous="a-stolen-key")
    for method, path in (("POST", "/admin/keys/rotate"), ("DELETE", "/admin/keys/previous")):
        world.res.api_keys._fetched = _Fetched(ended, world.res.api_keys._clock())
        assert api.error(method, path, status=401, key="a-stolen-key")["code"] == "unauthorized"
    assert world.res.api_keys.read().current == API_KEY


def test_no_key_is_logged_or_kept(
    world: World, api: Api, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    api.json("DELETE", "/admin/keys/previous")
    with caplog.at_level("DEBUG", logger="chalicelib"):
        made = api.json("POST", "/admin/keys/rotate", status=201)
        api.error("GET", "/books", status=401, key="a-wrong-key-0123")
    kept = json.dumps(world.rows("SELECT row_to_json(audit_log)::text FROM audit_log"))
    for secret in (made["key"], API_KEY, "a-wrong-key-0123"):
        assert secret not in caplog.text + kept + "".join(capsys.readouterr())
        assert secret not in repr(world.res.api_keys.read())
    assert "rotate_key" in kept
