"""The tests' PostgreSQL: one instance of the local stack's kind for a test run."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.postgres import PostgresInstance

MASTER = "bluemoxon"
MASTER_PASSWORD = "ma'st; p@ss:word/%"


@contextmanager
def running_instance() -> Iterator[PostgresInstance]:
    """Start one; its data is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bmx-test-pg-") as folder:
        instance = PostgresInstance(Path(folder) / "database")
        instance.create(master=MASTER, password=MASTER_PASSWORD, database="bluemoxon", port=_free_port())
        try:
            with instance.superuser() as connection:
                # Its data is thrown away: a database per test is made without waiting for the disk.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield instance
        finally:
            instance.drop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
