"""An operator's commands against the running stack."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bmx import connection
from bmx.main import app
from tests.local.waiting import wait_for
from tests.running_stack import RunningStack
from workers.contracts import Problem

pytestmark = pytest.mark.local

WORKER = "tracking_worker"
"""Nobody takes this one's messages, so that they stay where they are put."""


def test_any_call_can_be_made(running: RunningStack) -> None:
    made = running.bmx.json("api", "post", "/books", "-d", '{"title": "By hand"}')
    assert made["data"]["title"] == "By hand"
    path = f"/books/{made['data']['id']}"
    assert running.bmx.json("api", "GET", "/books?q=hand")["data"]["items"][0]["id"] == made["data"]["id"]
    assert running.bmx.json("api", "DELETE", path)["status"] == "ok"
    refused = running.bmx.json("api", "GET", path)
    assert refused["status"] == "failed"
    assert "HTTP 404, not_found" in refused["error"]["why"]
    assert running.bmx.json("api", "POST", "/books", "-d", "{")["error"]["message"] == "The body is no JSON."


def test_queues_and_dead_letters(running: RunningStack) -> None:
    assert running.bmx.json("queue", "list")["status"] == "ok"
    sqs = running.status.connection.client("sqs")
    url = sqs.get_queue_url(QueueName=f"bluemoxon-local-{WORKER.replace('_', '-')}-dlq")["QueueUrl"]
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"number": number}))
    looked = [len(running.bmx.json("dlq", "peek", WORKER)["data"]["items"]) for _ in range(2)]
    assert looked == [3, 3]
    told = running.bmx.json("dlq", "redrive", WORKER, "--dry-run")["data"]
    assert (len(told["messages"]), told["remaining"]) == (3, 3)
    assert running.bmx.json("dlq", "redrive", WORKER)["status"] == "confirmation_needed"
    done = running.bmx.json("dlq", "redrive", WORKER, "--yes")["data"]
    assert (len(done["messages"]), done["remaining"], done["failed"]) == (3, 0, None)
    queues = running.bmx.json("queue", "list")["data"]["items"]
    assert next(it for it in queues if it["worker"] == WORKER)["visible"] == 3
    sqs.purge_queue(QueueUrl=url.removesuffix("-dlq"))


def test_failed_jobs_are_sent_again(running: RunningStack, tmp_path: Path) -> None:
    photo = tmp_path / "image_01.jpg"
    photo.write_bytes(b"\xff\xd8\xff\xe0" + b"no picture, however often" * 50)
    book_id = running.import_photos("retried", [photo])
    running.wait_for_book(book_id)
    done = running.bmx.json("jobs", "retry", "--failed")
    assert done["data"]["sent"] >= 1
    assert running.wait_for_book(book_id)["progress"]["failed"] == 1
    assert running.bmx.run("jobs", "retry").returncode == 2


def test_a_new_key_is_kept_and_the_one_before_still_opens(running: RunningStack) -> None:
    rotated = running.bmx.json("keys", "rotate", "--yes")
    assert "key" not in rotated["data"]
    file = Path(rotated["data"]["file"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() != running.status.api_key
    assert running.bmx.json("keys", "show")["data"]["current"] == rotated["data"]["current"]
    with running.api() as api:
        assert api.get("/admin/keys")["previous"] == rotated["data"]["previous"]
    assert "still valid" in running.bmx.json("keys", "rotate", "--yes")["error"]["message"]


def test_a_rotation_whose_answer_was_lost_is_made_good(running: RunningStack) -> None:
    """The file still has the key before."""
    file = Path(running.bmx.home, "run", "api-key")
    file.write_text(running.status.api_key)
    refused = running.bmx.json("keys", "retire", "--yes")
    assert "--replace-lost" in refused["error"]["message"] + refused["error"]["fix"]
    assert running.bmx.json("keys", "rotate", "--replace-lost", "--yes")["status"] == "ok"
    assert file.read_text() != running.status.api_key
    assert running.bmx.json("keys", "show")["status"] == "ok"


def test_a_secret_without_a_key_is_given_one(running: RunningStack) -> None:
    aws, arn = (
        running.status.connection.client("secretsmanager"),
        (running.status.outputs or {})["api_key_secret_arn"],
    )
    before = aws.get_secret_value(SecretId=arn)["SecretString"]
    file = Path(running.bmx.home, "run", "api-key")
    key = file.read_text()
    has_one = running.bmx.json("keys", "restore", "--yes")
    assert has_one["error"]["message"] == "Stack local has an API key."
    try:
        aws.put_secret_value(SecretId=arn, SecretString='{"current": "", "previous": null}')
        unhealthy = running.bmx.json("api", "GET", "/health/deep")
        assert unhealthy["status"] == "failed"
        checks = {it["name"]: it["status"] for it in unhealthy["data"]["checks"]}
        assert checks["secrets"] == "unhealthy"
        assert running.bmx.json("keys", "restore")["status"] == "confirmation_needed"
        assert running.bmx.json("keys", "restore", "--yes")["status"] == "ok"
        assert file.read_text() != key
        shown: list[dict[str, Any]] = []

        def counts() -> bool:
            shown.append(running.bmx.json("keys", "show"))
            return bool(shown[-1]["status"] == "ok")

        # A process of the function that read the secret just before asks again after three seconds.
        wait_for(counts, "the new key to count")
        assert shown[-1]["data"]["previous"] is None
    finally:
        aws.put_secret_value(SecretId=arn, SecretString=before)
        file.write_text(key)
    # A key that does not match makes a process read the secret again, every three seconds.
    wait_for(lambda: running.bmx.json("keys", "show")["status"] == "ok", "the key before")


def test_the_local_key_is_sent_to_the_local_stack_alone(running: RunningStack) -> None:
    refused = running.bmx.json("jobs", "list", "--url", "http://127.0.0.1:9")
    assert refused["error"]["message"] == "The local stack is not at http://127.0.0.1:9."
    assert running.bmx.json("jobs", "list", "--url", running.status.api_url + "/")["status"] == "ok"


def test_another_stack_is_opened_by_the_key_in_the_users_folder(
    running: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(Problem, match="no key for stack far"):
        connection.open_api("far", running.status.api_url)
    path = connection.save("far", running.status.api_key, running.status.api_url)
    assert (path, stat.S_IMODE(path.stat().st_mode)) == (tmp_path / ".bmx" / "far.key", 0o600)
    with connection.open_api("far", None) as api:
        assert "items" in api.get("/jobs", limit=1)
    shown: list[str] = []

    def browser(address: str) -> bool:
        shown.append(address)
        return True

    monkeypatch.setattr("webbrowser.open", browser)
    opened = CliRunner().invoke(app, ["open", "admin", "--stack", "far"])
    assert opened.output.strip() == f"{running.status.api_url}/admin"
    door = tmp_path / ".bmx" / "open-far-admin.html"
    assert shown == [door.as_uri()], "no process's arguments show the key"
    assert f"{running.status.api_url}/admin#key={running.status.api_key}" in door.read_text()
    assert stat.S_IMODE(door.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(Problem, match="Others may read"):
        connection.open_api("far", None)
    with pytest.raises(Problem, match="names no stack"):
        connection.open_api("../far", None)


def test_a_photo_tries_the_whole_stack_and_leaves_nothing(running: RunningStack) -> None:
    said = running.bmx.json("smoke")
    assert said["status"] == "ok", said
    assert said["data"]["agreement"] > 0.9
    with running.api() as api:
        assert api.get("/books", q="smoke")["items"] == []
