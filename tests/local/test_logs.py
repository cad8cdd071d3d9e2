"""The log of a function: its end however long it is, and every event once."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from local.emulator import Emulator
from local.logs import Logs, only_new
from local.paths import Paths
from local.ports import Ports
from local.processes import Processes
from local.provider.connection import Aws
from local.reporting import LogReporter
from local.stack import LocalStack

pytestmark = pytest.mark.local

GROUP, STREAM = "/aws/lambda/talker", "one"
Put = Callable[[list[tuple[int, str]]], object]


@dataclass
class Talking:
    """A stack of nothing but an emulator with one function's log."""

    logs: Logs
    put: Put


@pytest.fixture
def talking(paths: Paths, processes: Processes) -> Iterator[Talking]:
    emulator = Emulator(paths, processes, Ports(paths.ports))
    aws = Aws(emulator.start(LogReporter()))
    aws.call("logs", "create_log_group", logGroupName=GROUP)
    aws.call("logs", "create_log_stream", logGroupName=GROUP, logStreamName=STREAM)

    def put(events: list[tuple[int, str]]) -> object:
        made = [{"timestamp": moment, "message": text} for moment, text in events]
        return aws.call("logs", "put_log_events", logGroupName=GROUP, logStreamName=STREAM, logEvents=made)

    status = SimpleNamespace(functions={"talker": "talker"}, connection=aws, services=())
    stack: Any = SimpleNamespace(paths=paths, emulator=emulator, status=lambda: status)
    yield Talking(Logs(cast(LocalStack, stack)), put)
    emulator.stop()


def test_the_end_of_a_long_log_is_its_end(talking: Talking) -> None:
    now = int(time.time() * 1000)
    for start in range(0, 12_000, 4_000):  # more than one answer holds, in pieces that one call takes
        talking.put([(now - 12_000 + number, f"line {number}") for number in range(start, start + 4_000)])
    assert talking.logs.last(["talker"], 2) == [("talker", "line 11998"), ("talker", "line 11999")]


def test_who_wants_new_lines_only_gets_no_others(talking: Talking) -> None:
    now = int(time.time() * 1000)
    talking.put([(now - 1, "old")])
    assert talking.logs.last(["talker"], 0) == []
    talking.put([(now, "new")])
    assert next(talking.logs.follow(["talker"])) == ("talker", "new")


def test_events_without_an_id_are_told_once() -> None:
    """The emulator has none of those that it kept over a restart."""
    first = {"logStreamName": "s", "timestamp": 1, "message": "one\ntwo"}
    second = {**first, "message": "three"}
    seen: set[str] = set()
    assert only_new([first], seen) == ["one", "two"]
    assert only_new([first, second], seen) == ["three"]


def test_a_second_event_of_the_same_millisecond_is_not_lost(talking: Talking) -> None:
    now = int(time.time() * 1000)
    talking.put([(now, "first")])
    assert talking.logs.last(["talker"], 5) == [("talker", "first")]
    talking.put([(now, "second"), (now - 10, "late")])
    assert {text for _, text in talking.logs.last(["talker"], 5)} == {"second", "late"}
    assert talking.logs.last(["talker"], 5) == []
