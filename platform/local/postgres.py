"""An RDS instance of the local stack: a PostgreSQL server whose master password is the role's password.

It listens on 127.0.0.1 with a port of its own for life, has no Unix socket, and asks for a password from
everybody (scram-sha-256). As on RDS the superuser is not the master user: `rdsadmin`, with a random password
that only this module reads, stays out of the application's reach.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.files import read_json, write_atomic
from local.ports import HOST
from local.postgres_host import data_place, programs
from local.postgres_server import Server
from workers.contracts import Problem

if TYPE_CHECKING:
    from psycopg import Connection

SUPERUSER = "rdsadmin"
MASTER_GROUP = "rds_superuser"


@dataclass(frozen=True)
class Instance:
    """What is known about an instance besides its data."""

    port: int
    version: str
    master: str
    database: str
    made_at: float


@dataclass(frozen=True)
class PostgresStatus:
    """Whether the server runs, and where."""

    running: bool
    pid: int | None
    port: int
    version: str


class PostgresInstance:
    """The instance whose files lie in `home`: `instance.json`, `data`, `server.log`, `superuser`."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def exists(self) -> bool:
        """Whether it was created, to the end."""
        return read_json(self._record) is not None

    @property
    def instance(self) -> Instance:
        """Its record; a `Problem` where it was never created."""
        found = read_json(self._record)
        if found is None:
            raise Problem(f"There is no database in {self.home}.", fix="Create it with ./bmx up.")
        return Instance(**found)

    @property
    def data(self) -> Path:
        """The server's data folder, where it really lies."""
        return data_place(self.home / "data")

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.home / "server.log"

    @property
    def _record(self) -> Path:
        return self.home / "instance.json"

    @property
    def _superuser_password(self) -> Path:
        return self.home / "superuser"

    def create(self, *, master: str, password: str, database: str, port: int, version: str = "16") -> None:
        """Make the instance and start it. A half-made one from an interrupted try is replaced."""
        if self.exists:
            raise Problem(
                f"There is a database in {self.home} already.",
                fix="Delete the instance first, or give the new one another identifier.",
            )
        self.drop()
        self.home.mkdir(parents=True, exist_ok=True)
        write_atomic(self._superuser_password, secrets.token_urlsafe(32))
        instance = Instance(port=port, version=version, master=master, database=database, made_at=time.time())
        server = self._server(instance)
        server.initialise(SUPERUSER, self._superuser_password.read_text())
        if self.data != self.home / "data":
            (self.home / "data").symlink_to(self.data)
        server.start(lambda: self._answers(instance))
        try:
            self._prepare(instance, password)
        except BaseException:
            server.stop()
            raise
        write_atomic(self._record, json.dumps(asdict(instance)))

    def start(self) -> PostgresStatus:
        """Start the server unless it runs; what a killed one left behind is cleared away."""
        instance = self.instance
        server = self._server(instance)
        if server.process() is None:
            server.start(lambda: self._answers(instance))
        return self.status()

    def require_port(self) -> None:
        """Raise `PortTaken` where the server does not run and another program has its port."""
        self._server(self.instance).require_port()

    def stop(self) -> bool:
        """End the server and its connections; whether it was running. A half-made one is ended, too."""
        return Server(self.data, self.log, port=0, version="").stop()

    def status(self) -> PostgresStatus:
        """How the server is now."""
        instance = self.instance
        process = self._server(instance).process()
        return PostgresStatus(
            running=process is not None,
            pid=process.pid if process else None,
            port=instance.port,
            version=instance.version,
        )

    def set_master_password(self, password: str) -> None:
        """From now on the master user logs in with `password` only. Open connections stay."""
        from psycopg import sql

        instance = self.instance
        with self.superuser() as connection:
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(instance.master), sql.Literal(password)
                )
            )

    def dump(self, target: Path) -> None:
        """A final snapshot: the database in pg_dump's custom format."""
        instance = self.instance
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        done = subprocess.run(
            [
                str(programs(instance.version) / "pg_dump"),
                *("-h", HOST, "-p", str(instance.port), "-U", SUPERUSER, "-d", instance.database),
                *("-Fc", "-f", str(part)),
            ],
            env={"PATH": os.defpath, "PGPASSWORD": self._superuser_password.read_text()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            part.unlink(missing_ok=True)
            raise Problem(f"The final snapshot of {instance.database} failed: {done.stderr.strip()}")
        part.rename(target)

    def drop(self) -> None:
        """Stop the server and remove its data."""
        self.stop()
        self._erase()

    @contextlib.contextmanager
    def superuser(self, database: str = "postgres") -> "Iterator[Connection[tuple[object, ...]]]":
        """An autocommit connection as `rdsadmin`."""
        import psycopg

        with psycopg.connect(self._login(self.instance, database), autocommit=True) as connection:
            yield connection

    def _login(self, instance: Instance, database: str) -> str:
        from psycopg.conninfo import make_conninfo

        return make_conninfo(
            host=HOST,
            port=instance.port,
            user=SUPERUSER,
            password=self._superuser_password.read_text(),
            dbname=database,
            connect_timeout=5,
        )

    def _server(self, instance: Instance) -> Server:
        return Server(data=self.data, log=self.log, port=instance.port, version=instance.version)

    def _answers(self, instance: Instance) -> bool:
        import psycopg

        try:
            psycopg.connect(self._login(instance, "postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _prepare(self, instance: Instance, password: str) -> None:
        """The master user as RDS makes it: no superuser, but owner of the database and maker of roles."""
        import psycopg
        from psycopg import sql

        master, database = sql.Identifier(instance.master), sql.Identifier(instance.database)
        with psycopg.connect(self._login(instance, "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(MASTER_GROUP)))
            connection.execute(
                sql.SQL("GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO {} WITH ADMIN OPTION").format(
                    sql.Identifier(MASTER_GROUP)
                )
            )
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE IN ROLE {} PASSWORD {}").format(
                    master, sql.Identifier(MASTER_GROUP), sql.Literal(password)
                )
            )
            if instance.database != "postgres":
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, master))

    def _erase(self) -> None:
        if self.data.exists():
            shutil.rmtree(self.data)
        if self.home.exists():
            shutil.rmtree(self.home)


def instances(folder: Path) -> list[PostgresInstance]:
    """The created instances below a folder (`Paths.postgres`)."""
    return [instance for instance in _all(folder) if instance.exists]


def stop_all(folder: Path) -> int:
    """End every server below a folder, half-made ones too; how many ran."""
    return sum(instance.stop() for instance in _all(folder))


def drop_all(folder: Path) -> None:
    """End every server below a folder and remove its data, wherever that lies."""
    for instance in _all(folder):
        instance.drop()


def _all(folder: Path) -> list[PostgresInstance]:
    if not folder.is_dir():
        return []
    return [PostgresInstance(path) for path in sorted(folder.iterdir()) if path.is_dir()]
