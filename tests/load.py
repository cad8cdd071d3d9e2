"""The application's own way to its database, under load: what users would notice of a change of the login."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

from sqlalchemy import text

from chalicelib.aws import Clients
from chalicelib.db.session import Database
from operations.credentials.login import DatabaseAccess
from workers.contracts import DatabaseTarget

PAUSE = 0.05
"""Seconds between two requests of a worker."""


def application(access: DatabaseAccess) -> Database:
    """The application's database, as the stack's outputs tell it where that is."""
    target = DatabaseTarget(
        secret_arn=access.secret_arn,
        host=access.host,
        port=access.port,
        name=access.name,
        sslmode="disable",
    )
    clients = SimpleNamespace(secrets=access.target.client("secretsmanager"))
    return Database(target, cast(Clients, clients))


def ask(database: Database) -> None:
    """One request on a new connection, as a cold function makes it, and one on a kept connection."""
    with database.connect() as connection:
        connection.execute("select 1")
    with database.session() as session:
        session.execute(text("select 1"))


@dataclass
class Load:
    """What became of the requests; counted when the load has ended."""

    asked: list[int] = field(default_factory=list)
    """By worker."""
    failures: list[Exception] = field(default_factory=list)


@contextmanager
def under_load(
    access: DatabaseAccess,
    *,
    workers: int = 4,
    request: Callable[[Database], None] = ask,
    patience: float = 60,
) -> Iterator[Load]:
    """Workers that ask all the time: each has asked when the body begins, and asks once more after its end.

    Raises `AssertionError` where a worker had no request answered, or does not answer for `patience` seconds.
    """
    load, stop = Load(), threading.Event()
    begun = [threading.Event() for _ in range(workers)]

    def work(first: threading.Event) -> None:
        database, count, last = application(access), 0, False
        while not last:
            last = stop.is_set()
            try:
                request(database)
                count += 1
            except Exception as error:  # noqa: BLE001 - every failure counts
                load.failures.append(error)
            first.set()
            stop.wait(PAUSE)
        load.asked.append(count)
        database.dispose()

    threads = [threading.Thread(target=work, args=(first,), daemon=True) for first in begun]
    for thread in threads:
        thread.start()
    try:
        asking = [first.wait(patience) for first in begun]
        assert all(asking), f"{asking.count(False)} of {workers} workers hang in their first request"
        yield load
    finally:
        stop.set()
        ended = time.monotonic() + patience
        for thread in threads:
            thread.join(max(0.0, ended - time.monotonic()))
    hanging = sum(thread.is_alive() for thread in threads)
    assert not hanging, f"{hanging} of {workers} workers hang in a request"
    assert len(load.asked) == workers, "a worker ended before its time"
    assert all(load.asked), f"a worker had no request answered: {load.asked}, {load.failures}"
