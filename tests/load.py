"""The application's own way to its database, under load: what users would notice of a change of the login."""

import threading
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
    access: DatabaseAccess, *, workers: int = 4, request: Callable[[Database], None] = ask
) -> Iterator[Load]:
    """Workers that ask all the time."""
    load, stop = Load(), threading.Event()

    def work() -> None:
        database, count = application(access), 0
        while not stop.wait(PAUSE):
            try:
                request(database)
                count += 1
            except Exception as error:  # noqa: BLE001 - every failure counts
                load.failures.append(error)
        load.asked.append(count)
        database.dispose()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
