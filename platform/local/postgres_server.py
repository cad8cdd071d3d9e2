"""One PostgreSQL server process: its data folder made, the process started, found again and ended."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.files import tail
from local.ports import HOST, PortTaken, is_free, owner
from local.postgres_host import programs, server_user
from workers.contracts import Problem

if TYPE_CHECKING:
    import psutil

START_SECONDS = 60.0
STOP_SECONDS = 30.0
FREE_SECONDS = 5.0
"""How long the children of a killed server may hold its port."""

_CONFIGURATION = """
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 60
shared_buffers = '32MB'
log_line_prefix = '%m [%p] %u@%d '
"""


@dataclass(frozen=True)
class Server:
    """The server with its data in `data`, listening on 127.0.0.1:`port`; it writes to `log`."""

    data: Path
    log: Path
    port: int
    version: str

    def initialise(self, superuser: str, password: str) -> None:
        """Make the data folder, which must not be there, with one role."""
        user = server_user()
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(mode=0o700)
        user.own(self.data)
        # initdb reads the password as the server's user, who may not reach our folders: hand it over
        # in a pipe.
        password_end, our_end = os.pipe()
        os.write(our_end, password.encode() + b"\n")
        os.close(our_end)
        user.own(password_end)
        try:
            done = subprocess.run(
                [
                    str(programs(self.version) / "initdb"),
                    *("-D", str(self.data), "-U", superuser, "--encoding=UTF8", "--locale=C"),
                    *("--no-sync", "-k", "--auth=scram-sha-256", f"--pwfile=/dev/fd/{password_end}"),
                ],
                pass_fds=(password_end,),
                capture_output=True,
                text=True,
                check=False,
                **_as_server_user(),
            )
        finally:
            os.close(password_end)
        if done.returncode:
            raise Problem(f"PostgreSQL could not make its data folder: {done.stderr.strip()[-500:]}")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(_CONFIGURATION.format(host=HOST, port=self.port))

    def start(self, answers: Callable[[], bool]) -> None:
        """Start the process and wait until `answers()`; what a killed one left behind is cleared away."""
        deadline = time.monotonic() + START_SECONDS
        self.require_port()
        while True:
            if self.process() is None:
                # The lock of a killed server: with its pid somebody else's now, it would stop this one.
                (self.data / "postmaster.pid").unlink(missing_ok=True)
            with self.log.open("ab") as log:
                server = subprocess.Popen(
                    [str(programs(self.version) / "postgres"), "-D", str(self.data)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    **_as_server_user(),
                )
            if _wait(server, answers, deadline):
                return
            # Children of a killed server hold its memory a moment longer: that start is tried again.
            if time.monotonic() > deadline or "still in use" not in " ".join(tail(self.log, 5)):
                raise Problem(
                    f"The local database did not start: {' | '.join(tail(self.log, 3)) or 'no log'}",
                    fix=f"See {self.log}.",
                )
            time.sleep(0.2)

    def stop(self) -> bool:
        """End the process and its connections; whether it was running."""
        import psutil

        process = self.process()
        if process is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(2)  # SIGINT: "fast", does not wait for clients
            try:
                process.wait(STOP_SECONDS)
            except psutil.TimeoutExpired:
                process.send_signal(3)  # SIGQUIT: "immediate", recovers at the next start
                process.wait(STOP_SECONDS)
        return True

    def process(self) -> "psutil.Process | None":
        """The running server, found by its lock file and known by its command line."""
        import psutil

        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            ours = process.status() != psutil.STATUS_ZOMBIE and str(self.data) in process.cmdline()
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None
        return process if ours else None

    def require_port(self) -> None:
        """Raise `PortTaken` where another program has the port; a killed server's children may briefly."""
        deadline = time.monotonic() + FREE_SECONDS
        while not is_free(self.port) and self.process() is None:
            if time.monotonic() > deadline:
                who = owner(self.port)
                raise PortTaken(
                    f"Port {self.port} of the local database is taken{f' by {who}' if who else ''}.",
                    fix=f"Stop {who or 'that program'} and run ./bmx up again.",
                )
            time.sleep(0.05)


def _as_server_user() -> dict[str, Any]:
    """What makes a subprocess the server's user's own, without our environment."""
    user = server_user()
    return {
        "cwd": "/",
        "env": {"PATH": os.defpath, "LC_ALL": "C"},
        "user": user.uid,
        "group": user.gid,
        "extra_groups": [] if user.is_other else None,
    }


def _wait(server: subprocess.Popen[bytes], answers: Callable[[], bool], deadline: float) -> bool:
    while server.poll() is None and time.monotonic() < deadline:
        if answers():
            return True
        time.sleep(0.05)
    if server.poll() is None:
        server.kill()
        server.wait()
    return False
