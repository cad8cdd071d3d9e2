"""What the stack's parts have said: files of the services, log groups of the application's functions."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.files import tail
from workers.contracts.problem import Problem

if TYPE_CHECKING:
    from local.provider.connection import Aws
    from local.stack import LocalStack

POLL_SECONDS = 0.5
PAGE = 10_000
"""The most events that one answer holds; the emulator then gives no token for the rest."""
OVERLAP = 60.0
"""Seconds that are asked for again: events can arrive late, and several share a millisecond."""
Line = tuple[str, str]
"""Where it was said, and what."""


@dataclass
class Logs:
    """The logs of one stack, by name: `emulator`, `image_processing`, …, and `api`, `image-results`, …"""

    stack: "LocalStack"
    _seen: dict[str, set[str]] = field(default_factory=dict)
    """The events of each function that were given already, as far back as it is asked again."""

    def files(self) -> dict[str, Path]:
        """Service name to log file."""
        found = {path.stem: path for path in sorted(self.stack.paths.logs.glob("*.log"))}
        databases = {service.name: service.log for service in self.stack.status().services if service.log}
        return found | databases

    def choose(self, names: list[str]) -> list[str]:
        """The names that were asked for, all if none; raises `Problem` for one that there is not."""
        known = [*self.files(), *self._functions()]
        for name in names:
            if name not in known:
                there = f"There is {', '.join(known)}." if known else "The stack has never run."
                raise Problem(f"There is no log `{name}`.", why=there, fix="See `bmx logs --help`.")
        return names or known

    def last(self, names: list[str], lines: int) -> list[Line]:
        """The end of each log."""
        files, functions = self.files(), self._functions()
        found: list[Line] = []
        for name in names:
            if name in files:
                said = tail(files[name], lines)
            else:
                # Also where no line is wanted: what is here already is none of those to come.
                there = self._function_lines(functions[name])
                said = there[-lines:] if lines else []
            found += [(name, text) for text in said]
        return found

    def follow(self, names: list[str]) -> Iterator[Line]:
        """New lines as they come, for ever."""
        files, functions = self.files(), self._functions()
        positions = {name: _size(files[name]) for name in names if name in files}
        while True:
            for name in positions:
                text, positions[name] = _read_from(files[name], positions[name])
                yield from ((name, line) for line in text.splitlines())
            for name in names:
                if name in functions:
                    yield from ((name, line) for line in self._function_lines(functions[name]))
            time.sleep(POLL_SECONDS)

    def _functions(self) -> dict[str, str]:
        status = self.stack.status()
        return status.functions or {} if self.stack.emulator.healthy() else {}

    def _function_lines(self, function: str) -> list[str]:
        """What a function said since it was last asked for; the first time, all that there is."""
        since = int((time.time() - OVERLAP) * 1000) if function in self._seen else 0
        events = new_events(self.stack.status().connection, f"/aws/lambda/{function}", since)
        return only_new(events, self._seen.setdefault(function, set()))


def only_new(events: Iterable[dict[str, Any]], seen: set[str]) -> list[str]:
    """The lines of the events that are not in `seen`, which holds these events afterwards."""
    events = list(events)
    new = [event for event in events if _identity(event) not in seen]
    seen.clear()
    seen.update(_identity(event) for event in events)
    return [line for event in new for line in str(event["message"]).splitlines() if line.strip()]


def new_events(aws: "Aws", group: str, since: int) -> list[dict[str, Any]]:
    """Every event of a log group from a moment on (milliseconds since the epoch), oldest first."""
    found: dict[str, dict[str, Any]] = {}
    token: dict[str, str] = {}
    while reply := aws.find("logs", "filter_log_events", logGroupName=group, startTime=since, **token):
        events, known = reply["events"], len(found)
        found |= {_identity(event): event for event in events}
        token = {"nextToken": reply["nextToken"]} if reply.get("nextToken") else {}
        if not token and (len(events) < PAGE or len(found) == known):
            break
        since = since if token else events[-1]["timestamp"]
    return list(found.values())


def _identity(event: dict[str, Any]) -> str:
    """What tells an event from others: the emulator forgets the ids of those that it kept over a restart."""
    return str(event.get("eventId") or f"{event['logStreamName']} {event['timestamp']} {event['message']}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _read_from(path: Path, position: int) -> tuple[str, int]:
    size = _size(path)
    if size < position:  # put aside and begun anew
        position = 0
    if size == position:
        return "", position
    with path.open("rb") as file:
        file.seek(position)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    return whole.decode("utf-8", "replace"), position + len(whole)
