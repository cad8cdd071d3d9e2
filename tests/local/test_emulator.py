"""The emulator keeps what it holds, enforces IAM, and answers on this machine only."""

import io
import json
import os
import signal
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.emulator import NAME, Emulator
from local.emulator_environments import MOST, PATIENCE_SECONDS
from local.paths import Paths
from local.ports import HOST, Ports
from local.processes import Processes
from local.provider.connection import Aws, AwsError, Connection
from local.reporting import LogReporter
from tests.local.waiting import wait_for

pytestmark = pytest.mark.local

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


@pytest.fixture
def emulator(paths: Paths, processes: Processes) -> Emulator:
    emulator = Emulator(paths, processes, Ports(paths.ports))
    emulator.start(LogReporter())
    return emulator


@pytest.fixture
def aws(emulator: Emulator) -> Aws:
    return Aws(emulator.connection)


def hold_something(aws: Aws) -> str:
    """A message in a queue, an object in a bucket, a secret; the queue's URL."""
    url = str(aws.call("sqs", "create_queue", QueueName="jobs")["QueueUrl"])
    aws.call("sqs", "send_message", QueueUrl=url, MessageBody="kept")
    location = {"LocationConstraint": aws.connection.region}
    aws.call("s3", "create_bucket", Bucket="images", CreateBucketConfiguration=location)
    aws.call("s3", "put_object", Bucket="images", Key="a", Body=b"bytes")
    aws.call("secretsmanager", "create_secret", Name="key", SecretString="value")
    return url


def assert_held(aws: Aws, url: str) -> None:
    assert aws.call("s3", "get_object", Bucket="images", Key="a")["Body"].read() == b"bytes"
    assert aws.call("secretsmanager", "get_secret_value", SecretId="key")["SecretString"] == "value"
    assert aws.call("sqs", "receive_message", QueueUrl=url)["Messages"][0]["Body"] == "kept"


def test_it_keeps_everything_over_a_stop(emulator: Emulator, aws: Aws) -> None:
    url = hold_something(aws)
    emulator.stop()
    assert not emulator.was_killed()
    emulator.start(LogReporter())
    assert_held(aws, url)


def test_it_keeps_everything_over_a_kill(emulator: Emulator, aws: Aws, processes: Processes) -> None:
    url = hold_something(aws)
    saved = emulator.paths.emulator_state / "state"
    wait_for(lambda: all((saved / f"{name}.json").exists() for name in ("sqs", "s3")), "a checkpoint")
    wait_for(lambda: "kept" in (saved / "sqs.json").read_text(), "the message in it")
    pid = processes.status(NAME).pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not processes.running(NAME), "its end")
    assert emulator.was_killed()
    emulator.start(LogReporter())
    assert_held(aws, url)


def test_messages_in_flight_are_given_back_at_the_next_start(emulator: Emulator, aws: Aws) -> None:
    url = hold_something(aws)
    received = aws.call("sqs", "receive_message", QueueUrl=url, VisibilityTimeout=600)
    assert received["Messages"]
    emulator.stop()
    emulator.start(LogReporter())
    assert_held(aws, url)


def test_it_listens_on_the_loopback_interface_only(processes: Processes, emulator: Emulator) -> None:
    pid = processes.status(NAME).pid
    listening = [c for c in psutil.Process(pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert {connection.laddr[0] for connection in listening} == {HOST}
    assert {connection.laddr[1] for connection in listening} == {emulator.ports.get(NAME)}


def test_a_role_may_do_what_its_policy_says_and_no_more(emulator: Emulator, aws: Aws) -> None:
    hold_something(aws)
    role = aws.call("iam", "create_role", RoleName="reader", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::images/*"}],
    }
    document = json.dumps(policy)
    aws.call("iam", "put_role_policy", RoleName="reader", PolicyName="p", PolicyDocument=document)
    session = aws.call("sts", "assume_role", RoleArn=role, RoleSessionName="test")["Credentials"]
    reader = _client(emulator.connection, session)
    assert reader.get_object(Bucket="images", Key="a")["Body"].read() == b"bytes"
    with pytest.raises(reader.exceptions.ClientError, match="AccessDenied"):
        reader.put_object(Bucket="images", Key="b", Body=b"")


def test_who_may_send_may_send_in_batches(emulator: Emulator, aws: Aws) -> None:
    url = hold_something(aws)
    role = aws.call("iam", "create_role", RoleName="sender", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    queue = "arn:aws:sqs:us-west-2:000000000000:jobs"
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.call("iam", "put_role_policy", RoleName="sender", PolicyName="p", PolicyDocument=document)
    session = aws.call("sts", "assume_role", RoleArn=role, RoleSessionName="test")["Credentials"]
    sender = _client(emulator.connection, session, "sqs")
    sent = sender.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x"}])
    assert len(sent["Successful"]) == 1
    with pytest.raises(sender.exceptions.ClientError, match="AccessDenied"):
        sender.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": "x"}])


def make_function(aws: Aws, code: str) -> None:
    """A function `f` of that code, whose handler is `handler`."""
    role = aws.call("iam", "create_role", RoleName="f", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    aws.call(
        "lambda",
        "create_function",
        FunctionName="f",
        Runtime="python3.11",
        Role=role,
        Handler="main.handler",
        Timeout=60,
        Code={"ZipFile": archive(code)},
    )


def archive(code: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("main.py", code)
    return content.getvalue()


def test_a_function_gets_its_role_s_session_and_the_emulator_s_address(emulator: Emulator, aws: Aws) -> None:
    names = '("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_REGION", "TMPDIR")'
    told = f"{{name: os.environ[name] for name in {names}}}"
    make_function(aws, f"import os\ndef handler(event, context):\n    return {told}")
    seen = json.loads(aws.call("lambda", "invoke", FunctionName="f")["Payload"].read())
    assert seen["AWS_ENDPOINT_URL"] == emulator.endpoint
    assert seen["AWS_REGION"] == "us-west-2"
    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert seen["TMPDIR"] == str(emulator.paths.tmp)


SLOW = """
import os, time
def handler(event, context):
    time.sleep(0.2)
    return os.getpid()
"""


UNTIL_TOLD = """
import os, time
from pathlib import Path
def handler(event, context):
    Path("{folder}", str(os.getpid())).touch()
    while not Path("{folder}", "go").exists():
        time.sleep(0.05)
    return os.getpid()
"""
QUICK = "def handler(event, context):\n    return 'replaced'"
LATE_SECONDS = 8.0
STARTS_LATE = f"import time\ntime.sleep({LATE_SECONDS})\n{SLOW}"


def invoked(aws: Aws) -> Any:
    return json.loads(aws.call("lambda", "invoke", FunctionName="f")["Payload"].read())


@pytest.mark.usefixtures("emulator")
def test_many_callers_at_once_share_a_few_processes(aws: Aws) -> None:
    make_function(aws, SLOW)
    with ThreadPoolExecutor(30) as callers:
        processes = list(callers.map(lambda _: invoked(aws), range(60)))
    assert all(isinstance(process, int) for process in processes), processes
    assert 1 < len(set(processes)) <= MOST


@pytest.mark.usefixtures("emulator")
def test_what_a_running_process_soon_answers_starts_no_other(aws: Aws) -> None:
    make_function(aws, SLOW.replace("0.2", "0.01"))
    first = invoked(aws)
    with ThreadPoolExecutor(4) as callers:
        assert set(callers.map(lambda _: invoked(aws), range(8))) == {first}


@pytest.mark.usefixtures("emulator")
def test_who_waits_for_a_start_takes_what_is_free_before(aws: Aws) -> None:
    make_function(aws, STARTS_LATE)
    invoked(aws)
    began = time.monotonic()
    with ThreadPoolExecutor(4) as callers:
        list(callers.map(lambda _: invoked(aws), range(8)))
    assert time.monotonic() - began < LATE_SECONDS


@pytest.mark.usefixtures("emulator")
def test_a_function_that_cannot_start_says_so(aws: Aws) -> None:
    make_function(aws, "raise RuntimeError('no such thing')")
    assert "no such thing" in json.dumps(invoked(aws))


@pytest.mark.usefixtures("emulator")
def test_a_caller_does_not_wait_for_ever_for_a_process(aws: Aws) -> None:
    """As many as are started without waiting are held for longer than an invocation waits."""
    make_function(aws, SLOW.replace("0.2", str(PATIENCE_SECONDS * 3)))
    with ThreadPoolExecutor(MOST + 1) as callers:
        processes = list(callers.map(lambda _: invoked(aws), range(MOST + 1)))
    assert len(set(processes)) == MOST + 1


@pytest.mark.usefixtures("emulator")
def test_what_runs_when_its_function_is_replaced_comes_to_its_end(aws: Aws, tmp_path: Path) -> None:
    (folder := tmp_path / "seen").mkdir()
    make_function(aws, UNTIL_TOLD.format(folder=folder))
    with ThreadPoolExecutor(2) as callers:
        running = [callers.submit(invoked, aws) for _ in range(2)]
        wait_for(lambda: len(list(folder.iterdir())) == 2, "two that run")
        aws.call("lambda", "update_function_code", FunctionName="f", ZipFile=archive(QUICK))
        aws.call("lambda", "update_function_configuration", FunctionName="f", Timeout=59)
        assert invoked(aws) == "replaced"
        assert not any(it.done() for it in running), "they run beside it"
        (folder / "go").touch()
        processes = {it.result() for it in running}
    assert all(isinstance(it, int) for it in processes), processes
    assert invoked(aws) == "replaced"
    wait_for(lambda: not any(psutil.pid_exists(it) for it in processes), "the end of what was replaced")


@pytest.mark.usefixtures("emulator")
def test_who_waits_while_a_function_is_replaced_gets_the_new_one(aws: Aws, tmp_path: Path) -> None:
    (folder := tmp_path / "seen").mkdir()
    make_function(aws, UNTIL_TOLD.format(folder=folder))
    with ThreadPoolExecutor(2) as callers:
        running = callers.submit(invoked, aws)
        wait_for(lambda: len(list(folder.iterdir())) == 1, "one that runs")
        waiting = callers.submit(invoked, aws)
        time.sleep(0.2)
        aws.call("lambda", "update_function_code", FunctionName="f", ZipFile=archive(QUICK))
        # On a busy machine it has one of its own by then, which runs the code that it was started with.
        wait_for(lambda: waiting.done() or len(list(folder.iterdir())) == 2, "an answer, or another process")
        (folder / "go").touch()
        assert isinstance(running.result(), int)
        assert waiting.result() == "replaced" or len(list(folder.iterdir())) == 3
    assert {invoked(aws) for _ in range(4)} == {"replaced"}


@pytest.mark.usefixtures("emulator")
def test_what_a_function_logs_is_kept_although_its_answer_hardly_waits_for_it(aws: Aws) -> None:
    make_function(
        aws,
        "import sys\ndef handler(event, context):\n"
        "    print(f'line {event}', file=sys.stderr, flush=True)\n    return event",
    )
    for number in range(20):
        aws.call("lambda", "invoke", FunctionName="f", Payload=json.dumps(number))
    seen = " ".join(
        it["message"] for it in aws.call("logs", "filter_log_events", logGroupName="/aws/lambda/f")["events"]
    )
    # A line that comes late is told with the next invocation, which the last one does not have.
    assert [number for number in range(19) if f"line {number}" not in seen] == []


def test_an_unknown_access_key_is_refused(emulator: Emulator) -> None:
    stranger = Aws(Connection(emulator.endpoint, access_key="AKIAIOSFODNN7EXAMPLE", secret_key="x"))
    with pytest.raises(AwsError):
        stranger.call("s3", "list_buckets")


def _client(connection: Connection, session: dict[str, str], service: str = "s3") -> Any:
    import boto3

    client: Any = boto3.client
    return client(
        service,
        endpoint_url=connection.endpoint,
        region_name=connection.region,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
