"""What the functions of a stack said, on AWS or on an emulator of its own."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from local.logs import OVERLAP, POLL_SECONDS, Line, only_new
from operations.asking import asking
from operations.release.application import Application
from operations.release.kept import kept_for
from operations.target import Target
from workers.contracts.problem import Problem

RECENT_SECONDS = 3600
"""How far back the last lines are looked for."""


@dataclass
class FunctionLogs:
    """The logs of a stack's functions, by the names of workers and of the application's handlers."""

    target: Target
    _seen: dict[str, set[str]] = field(default_factory=dict)

    def choose(self, names: list[str]) -> dict[str, str]:
        """The functions that were asked for, all if none, with their names at Lambda; raises `Problem`."""
        known = self._functions()
        for name in names:
            if name not in known:
                raise Problem(f"There is no log `{name}`.", why=f"There is {', '.join(known)}.")
        return {name: known[name] for name in names} if names else dict(known)

    def last(self, chosen: Mapping[str, str], lines: int) -> list[Line]:
        """The last lines of each, from the last hour."""
        since = int((time.time() - RECENT_SECONDS) * 1000)
        found: list[Line] = []
        for name, function in chosen.items():
            # Also where no line is wanted: what is there already is none of those to come.
            there = self._lines(name, function, since)
            found += there[-lines:] if lines else []
        return found

    def follow(self, chosen: Mapping[str, str]) -> Iterator[Line]:
        """New lines as they come, for ever."""
        while True:
            since = int((time.time() - OVERLAP) * 1000)
            for name, function in chosen.items():
                yield from self._lines(name, function, since)
            time.sleep(POLL_SECONDS)

    @cached_property
    def _client(self) -> Any:
        return self.target.client("logs")

    def _functions(self) -> dict[str, str]:
        workers = dict(self.target.outputs().get("functions") or {})
        application = dict(Application(self.target, kept_for(self.target)).deployed().functions)
        api = application.pop("api_handler", None)
        return {**({"api": api} if api else {}), **application, **workers}

    def _lines(self, name: str, function: str, since: int) -> list[Line]:
        group = f"/aws/lambda/{function}"
        events: list[dict[str, Any]] = []
        with asking(f"The log {group} cannot be read."):
            try:
                pages = self._client.get_paginator("filter_log_events").paginate(
                    logGroupName=group, startTime=since
                )
                events = [event for page in pages for event in page["events"]]
            except self._client.exceptions.ResourceNotFoundException:
                events = []  # nothing was said yet
        return [(name, text) for text in only_new(events, self._seen.setdefault(name, set()))]
