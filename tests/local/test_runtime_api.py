"""Lambda's Runtime API as the runtime client of an image meets it."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from local.runtime_api import MAX_ANSWER, FunctionError, RuntimeApi

ARN = "arn:aws:lambda:us-west-2:000000000000:function:f"


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with RuntimeApi("f", ARN) as api:
        yield api


@pytest.fixture
def client(api: RuntimeApi) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{api.address}/2018-06-01/runtime", timeout=20) as client:
        yield client


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def send(
    pool: ThreadPoolExecutor, api: RuntimeApi, event: Any, request_id: str = "r1", seconds: float = 60
) -> "Future[Any]":
    return pool.submit(api.invoke, event, request_id, time.time() + seconds)


def test_an_event_comes_with_its_id_deadline_and_function(
    api: RuntimeApi, client: httpx.Client, pool: ThreadPoolExecutor
) -> None:
    answer = send(pool, api, {"a": 1})
    got = client.get("/invocation/next")
    assert got.json() == {"a": 1}
    assert got.headers["Lambda-Runtime-Aws-Request-Id"] == "r1"
    assert got.headers["Lambda-Runtime-Invoked-Function-Arn"] == ARN
    assert 30 < int(got.headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - time.time() <= 60
    assert client.post("/invocation/r1/response", json={"b": 2}).status_code == 202
    assert answer.result(10) == {"b": 2}
    assert api.first_asked is not None
    assert api.first_answered is not None
    assert api.first_asked <= api.first_answered


def test_an_event_waits_for_the_runtime_and_the_runtime_for_an_event(
    api: RuntimeApi, client: httpx.Client, pool: ThreadPoolExecutor
) -> None:
    asked = pool.submit(client.get, "/invocation/next")
    assert not api.wait_for_event(0.3)
    answer = send(pool, api, "late")
    assert asked.result(10).json() == "late"
    client.post("/invocation/r1/response", json=None)
    assert answer.result(10) is None


def test_what_a_handler_raised_reaches_the_caller(
    api: RuntimeApi, client: httpx.Client, pool: ThreadPoolExecutor
) -> None:
    answer = send(pool, api, {})
    client.get("/invocation/next")
    fault = {"errorType": "ValueError", "errorMessage": "no such photo", "stackTrace": []}
    assert client.post("/invocation/r1/error", json=fault).status_code == 202
    with pytest.raises(FunctionError, match="no such photo") as raised:
        answer.result(10)
    assert raised.value.type == "ValueError"


def test_an_answer_that_lambda_would_not_carry_is_refused(
    api: RuntimeApi, client: httpx.Client, pool: ThreadPoolExecutor
) -> None:
    answer = send(pool, api, {})
    client.get("/invocation/next")
    assert client.post("/invocation/r1/response", content=b"1" * (MAX_ANSWER + 1)).status_code == 413
    with pytest.raises(FunctionError) as raised:
        answer.result(10)
    assert raised.value.type == "Function.ResponseSizeTooLarge"


def test_an_unknown_event_cannot_be_answered(client: httpx.Client) -> None:
    assert client.post("/invocation/nobody/response", json={}).status_code == 400
    assert client.get("/invocation").status_code == 404


def test_a_runtime_that_does_not_come_up_fails_what_waits_and_what_comes(
    api: RuntimeApi, client: httpx.Client, pool: ThreadPoolExecutor
) -> None:
    waiting = send(pool, api, {})
    assert api.wait_for_event(10)
    fault = {"errorType": "Runtime.ImportModuleError", "errorMessage": "no module"}
    assert client.post("/init/error", json=fault).status_code == 202
    for answer in (waiting, send(pool, api, {}, "r2")):
        with pytest.raises(FunctionError, match="no module"):
            answer.result(10)


def test_a_caller_waits_until_the_deadline_and_a_late_event_is_not_handed_out(
    api: RuntimeApi, client: httpx.Client, pool: ThreadPoolExecutor
) -> None:
    with pytest.raises(TimeoutError):
        api.invoke({}, "late", time.time() + 0.1)
    answer = send(pool, api, "next", "r2")
    assert client.get("/invocation/next").json() == "next"
    assert client.post("/invocation/r2/response").status_code == 202
    assert answer.result(10) is None
