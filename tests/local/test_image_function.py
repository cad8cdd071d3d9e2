"""The process of an image function: Lambda's contract, the role's rights, nothing lost when it dies."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from local import image_function
from local.emulator import Emulator
from local.image_function import Context, Function, RoleCredentials
from local.paths import Paths
from local.ports import HOST, Ports
from local.processes import Processes, Service
from local.provider.connection import Aws, Connection
from local.reporting import LogReporter
from tests.local.test_emulator import TRUST
from tests.local.waiting import wait_for

pytestmark = pytest.mark.local

CONFIGURATION = {"FunctionName": "f", "FunctionArn": "arn:f", "MemorySize": 512, "Role": "arn:role"}


def echo(event: dict[str, Any], context: Context) -> dict[str, Any]:
    if event.get("fail"):
        raise ValueError("no such photo")
    return {"event": event, "left": context.get_remaining_time_in_millis(), "id": context.aws_request_id}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    for name in ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"):
        monkeypatch.setenv(name, "")
    credentials = RoleCredentials(Aws(Connection("http://127.0.0.1:1")), "arn:role")
    server = image_function.make_server(0, Function("f", CONFIGURATION, echo), credentials)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def call(server: ThreadingHTTPServer, event: dict[str, Any], **headers: str) -> tuple[int, Any]:
    url = f"http://{HOST}:{server.server_port}/"
    reply = httpx.post(url, content=json.dumps(event), headers=headers, timeout=10)
    return reply.status_code, reply.json()


def invocation(seconds: float = 30) -> dict[str, str]:
    deadline = str(int((time.time() + seconds) * 1000))
    return {
        "X-Amzn-Lambda-Function-Name": "f",
        "X-Amzn-Lambda-Request-Id": "r1",
        "X-Amzn-Lambda-Deadline-Ms": deadline,
    }


def test_the_handler_sees_event_and_deadline(server: ThreadingHTTPServer) -> None:
    status, body = call(server, {"a": 1}, **invocation(30))
    assert status == 200
    assert body["event"] == {"a": 1}
    assert body["id"] == "r1"
    assert 25_000 < body["left"] <= 30_000


def test_what_a_handler_raises_is_a_function_error(server: ThreadingHTTPServer) -> None:
    status, body = call(server, {"fail": True}, **invocation())
    assert status == 500
    assert body == {"errorMessage": "no such photo", "errorType": "ValueError"}


def test_an_invocation_whose_time_is_over_is_not_begun(server: ThreadingHTTPServer) -> None:
    status, body = call(server, {}, **invocation(-1))
    assert status == 500
    assert body["errorType"] == "TimeoutError"


def test_a_stranger_s_request_is_refused(server: ThreadingHTTPServer) -> None:
    assert call(server, {})[0] == 403


def test_credentials_need_the_token(server: ThreadingHTTPServer) -> None:
    assert httpx.get(f"http://{HOST}:{server.server_port}/credentials").status_code == 404


WORKER = """
import functools, os, sys
from pathlib import Path
from local import image_function

home, function, port = sys.argv[1:]

@functools.cache
def client():
    import boto3
    return boto3.session.Session().client("sts")

def handler(event, context):
    killed = Path(home) / "killed"
    if event.get("die") and not killed.exists():
        killed.touch()
        os.kill(os.getpid(), 9)
    return {"arn": client().get_caller_identity()["Arn"], "pid": os.getpid()}

image_function.load_handler = lambda worker: handler
sys.argv = ["image_function", "test", function, port]
image_function.main()
"""


@pytest.fixture
def function(paths: Paths, processes: Processes) -> tuple[Aws, Emulator]:
    """A function `f` whose process is supervised by the test, on an emulator that knows its address."""
    ports = Ports(paths.ports)
    emulator = Emulator(paths, processes, ports)
    aws = Aws(emulator.start(LogReporter(), {"f": f"http://{HOST}:{ports.get('test')}"}))
    role = aws.call("iam", "create_role", RoleName="worker", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    aws.call(
        "lambda",
        "create_function",
        FunctionName="f",
        PackageType="Image",
        Role=role,
        Code={"ImageUri": "000000000000.dkr.ecr.us-west-2.amazonaws.com/f@sha256:" + "0" * 64},
        Timeout=30,
    )
    command = (sys.executable, "-c", WORKER, str(paths.home), "f", str(ports.get("test")))
    env = {**aws.connection.to_environment(), "BMX_HOME": str(paths.home)}
    processes.start(Service("test", command, env, paths.home, paths.logs / "test.log"))
    return aws, emulator


def invoke(aws: Aws, event: dict[str, Any]) -> dict[str, Any]:
    reply = aws.call("lambda", "invoke", FunctionName="f", Payload=json.dumps(event).encode())
    body: dict[str, Any] = json.loads(reply["Payload"].read())
    assert "FunctionError" not in reply, body
    return body


def test_the_handler_runs_as_the_function_s_role(function: tuple[Aws, Emulator]) -> None:
    aws, _emulator = function
    assert ":assumed-role/worker/" in invoke(aws, {})["arn"]


def test_credentials_are_renewed_when_the_emulator_has_forgotten_them(
    function: tuple[Aws, Emulator],
) -> None:
    aws, emulator = function
    before = invoke(aws, {})
    emulator.stop()
    emulator.start(LogReporter(), {"f": f"http://{HOST}:{emulator.ports.get('test')}"})
    after = invoke(aws, {})
    assert after == before


def test_an_invocation_outlives_its_process(function: tuple[Aws, Emulator], processes: Processes) -> None:
    aws, _emulator = function
    first = invoke(aws, {})["pid"]
    answers: list[dict[str, Any]] = []
    caller = threading.Thread(target=lambda: answers.append(invoke(aws, {"die": True})))
    caller.start()
    wait_for(lambda: processes.revive("test") is not None, "the process's death")
    caller.join(30)
    assert answers
    assert answers[0]["pid"] != first


def test_a_process_that_is_not_there_yet_is_waited_for(
    function: tuple[Aws, Emulator], processes: Processes
) -> None:
    aws, _emulator = function
    pid = invoke(aws, {})["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not processes.running("test"), "its end")
    answers: list[dict[str, Any]] = []
    caller = threading.Thread(target=lambda: answers.append(invoke(aws, {})))
    caller.start()
    time.sleep(0.5)
    processes.revive("test")
    caller.join(30)
    assert answers
