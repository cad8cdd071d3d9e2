"""Faults in the middle of the work: nothing is lost, and it goes on by itself."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from bmx.books import Listing, upload
from bmx.output import ExitCode
from tests.local.waiting import wait_for
from tests.running_stack import Bmx, PhotoMaker, RunningStack
from workers.contracts import Problem

pytestmark = pytest.mark.local

PATIENCE = 240.0
"""Seconds for what the schedule does: it runs each minute and backs off between tries."""


def test_a_worker_killed_in_the_middle_loses_nothing(running: RunningStack, photos: PhotoMaker) -> None:
    book_id = running.import_photos("killed-worker", photos("killed-worker", 12))
    kills = 0
    with running.api() as api:
        while True:
            progress = api.get(f"/books/{book_id}")["progress"]
            if progress["processing"] == 0:
                break
            if kills < 3 and progress["processed"] >= kills:
                service = running.stack.processes.status("image_processing")
                if service.pid:
                    os.kill(service.pid, signal.SIGKILL)
                    kills += 1
            time.sleep(0.3)
    book = running.wait_for_book(book_id)
    assert kills == 3
    assert {image["job"]["status"] for image in book["images"]} == {"succeeded"}
    assert {image["state"] for image in book["images"]} == {"processed"}


def test_the_application_killed_again_and_again_loses_nothing(
    running: RunningStack, photos: PhotoMaker
) -> None:
    """API, result handler and schedule: each process of a function, whatever it is doing. Who called and got
    no answer calls again, as clients, queues and schedules do.
    """
    listing = Listing("killed", "killed", tuple(photos("killed", 12)))
    upload(running.status.connection.client("s3"), running.status.images_bucket, listing)
    killed: set[str] = set()
    ended, book_id, deadline = False, "", time.monotonic() + 2 * PATIENCE
    while not ended:
        assert time.monotonic() < deadline
        for name, process in _function_processes(running):
            if len(killed) < 12 and (process.pid + int(time.monotonic())) % 3:
                killed.add(f"{name} {process.pid}")
                process.kill()
        time.sleep(0.2)
        try:
            with running.api() as api:
                book_id = api.post("/books", {"listing_item_id": "killed"})["id"]
                ended = api.get(f"/books/{book_id}")["progress"]["processing"] == 0
        except Problem:
            continue
    book = running.wait_for_book(book_id, stalled_after=PATIENCE)
    assert {name.split()[0] for name in killed} >= {"api", "image-results"}
    assert [image["state"] for image in book["images"]] == ["processed"] * 12
    with running.api() as api:
        jobs = api.get("/jobs", book_id=book_id)["items"]
        assert len(api.get("/books", listing_item_id="killed")["items"]) == 1
    assert [job["status"] for job in jobs] == ["succeeded"] * 12


def _function_processes(running: RunningStack) -> Iterator[tuple[str, psutil.Process]]:
    """The emulator's processes of the application's functions, by the functions' labels."""
    pid = running.stack.processes.status("emulator").pid
    labels = {name: label for label, name in (running.status.functions or {}).items()}
    for child in psutil.Process(pid).children(recursive=True) if pid else ():
        with suppress(psutil.Error):
            named = re.search(r"ministack-lambda-(.+)-[^-]+/_worker.py", " ".join(child.cmdline()))
            if named and named[1] in labels:
                yield labels[named[1]], child


def test_jobs_that_the_queue_refuses_are_kept_and_sent_when_it_takes_them_again(
    running: RunningStack, photos: PhotoMaker
) -> None:
    paths = photos("refused", 2)
    with _queue_refusing(running):
        book_id = running.import_photos("refused", paths)
        with running.api() as api:
            images = api.get(f"/books/{book_id}")["images"]
        assert {image["job"]["status"] for image in images} == {"queue_failed"}
        assert all("AccessDenied" in image["job"]["send_error"] for image in images)
        time.sleep(30)
    book = running.wait_for_book(book_id, stalled_after=PATIENCE)
    assert {image["job"]["status"] for image in book["images"]} == {"succeeded"}


def test_jobs_are_kept_while_the_queue_service_cannot_be_reached(
    running: RunningStack, photos: PhotoMaker
) -> None:
    paths = photos("unreachable", 2)
    with _queue_service_gone(running, ("api", "sweep")):
        book_id = running.import_photos("unreachable", paths)
        with running.api() as api:
            images = api.get(f"/books/{book_id}")["images"]
            assert {image["job"]["status"] for image in images} == {"queue_failed"}
            assert all("EndpointConnectionError" in image["job"]["send_error"] for image in images)
        time.sleep(30)
    book = running.wait_for_book(book_id, stalled_after=PATIENCE)
    assert {image["job"]["status"] for image in book["images"]} == {"succeeded"}


def test_a_killed_emulator_is_back_and_work_goes_on(running: RunningStack, photos: PhotoMaker) -> None:
    book_id = running.import_photos("killed-emulator", photos("killed-emulator", 2))
    running.wait_for_book(book_id)
    time.sleep(6)  # the emulator's checkpoint, every five seconds
    before = running.stack.processes.status("emulator").pid
    assert before
    os.kill(before, signal.SIGKILL)
    wait_for(
        lambda: (
            running.stack.processes.status("emulator").pid not in (None, before)
            and running.stack.emulator.healthy()
        ),
        "another emulator",
        60,
    )
    with running.api() as api:
        wait_for(lambda: api.get(f"/books/{book_id}")["progress"]["processed"] == 2, "the book", 60)
    again = running.import_photos("after-the-kill", photos("after-the-kill", 1))
    assert running.wait_for_book(again, stalled_after=PATIENCE)["progress"]["processed"] == 1


@pytest.mark.parametrize("step", ["Starting the AWS emulator", "Applying", "Packaging", "Migrating"])
def test_ctrl_c_leaves_nothing_that_down_does_not_stop(bmx: Bmx, step: str) -> None:
    """Pressed on a terminal, in the middle of each part of the demo's way."""
    other = Bmx(bmx.home.parent / f"interrupted-{step.split()[0].lower()}")
    watched, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bmx", "demo"],
        env={**other.environment, "TERM": "dumb"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        # A test run in the background ignores SIGINT, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(terminal)
    try:
        said = _read_until(watched, step)
        os.killpg(process.pid, signal.SIGINT)
        said += _read_until(watched, None)
        assert process.wait(timeout=60) == ExitCode.FAILED, said
        assert "Interrupted." in said
        assert "Traceback" not in said
    finally:
        os.close(watched)
        done = other.run("down", "--volumes", "--yes")
    assert done.returncode == 0, done.stderr
    assert _processes_of(str(other.home)) == []


def _read_until(terminal: int, words: str | None, seconds: float = 120) -> str:
    """What a terminal shows until it shows the words, or until its program has ended."""
    said, deadline = "", time.monotonic() + seconds
    while words is None or words not in said:
        assert time.monotonic() < deadline, f"waited for {words!r}, saw:\n{said}"
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that nobody has the other end open any more
            part = b""
        if not part:
            assert words is None, f"it ended before {words!r}, having said:\n{said}"
            break
        said += part.decode(errors="replace")
    return said


def _processes_of(home: str) -> list[str]:
    """Command lines of processes that name the folder or carry it in their environment."""
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            if process.environ().get("BMX_HOME") == home or any(home in part for part in process.cmdline()):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@contextmanager
def _queue_refusing(running: RunningStack) -> Iterator[None]:
    """The image queue refuses the API's messages, as it would with a lost permission."""
    iam = running.status.connection.client("iam")
    deny = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"}],
    }
    role = "bluemoxon-local-api"
    iam.put_role_policy(RoleName=role, PolicyName="chaos", PolicyDocument=json.dumps(deny))
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="chaos")


@contextmanager
def _queue_service_gone(running: RunningStack, functions: tuple[str, ...]) -> Iterator[None]:
    """For the application's functions SQS is at an address where nobody answers."""
    client = running.status.connection.client("lambda")
    names = [(running.status.functions or {})[label] for label in functions]
    before = {
        name: client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        for name in names
    }
    try:
        for name, variables in before.items():
            gone = {**variables, "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9"}
            client.update_function_configuration(FunctionName=name, Environment={"Variables": gone})
        yield
    finally:
        for name, variables in before.items():
            client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
