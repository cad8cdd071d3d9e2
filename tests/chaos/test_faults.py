"""Faults in the middle of the work: nothing is lost, and it goes on by itself."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from bmx.output import ExitCode
from tests.local.waiting import wait_for
from tests.running_stack import Bmx, PhotoMaker, RunningStack

pytestmark = pytest.mark.local

PATIENCE = 240.0
"""Seconds for what the schedule does: it runs each minute and backs off between tries."""


def test_a_worker_killed_in_the_middle_loses_nothing(running: RunningStack, photos: PhotoMaker) -> None:
    book_id = running.import_photos("killed-worker", photos("killed-worker", 6))
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


@pytest.mark.parametrize("after", [0.5, 3.0, 8.0])
def test_ctrl_c_leaves_nothing_that_down_does_not_stop(bmx: Bmx, after: float) -> None:
    home = bmx.home.parent / f"interrupted-{after}"
    other = Bmx(home)
    process = subprocess.Popen(
        [sys.executable, "-m", "bmx", "up", "--json"],
        env=other.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
        # A test run in the background ignores SIGINT, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode == ExitCode.FAILED
    if out:
        assert json.loads(out)["status"] == "interrupted"
    done = other.run("down", "--volumes", "--yes")
    assert done.returncode == 0, done.stderr
    assert _processes_of(str(home)) == []


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
