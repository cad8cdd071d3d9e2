"""Ports on 127.0.0.1: chosen once, kept for the life of the stack.

Queue URLs and the API's address contain the emulator's port, so it cannot move under an existing stack.
"""

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.files import checksum, read_json, write_atomic
from workers.contracts.problem import Problem

HOST = "127.0.0.1"
RANGE = range(10000, 32000)
"""Below the ports that systems hand out to outgoing connections, which would take ours while the stack is
down."""


BLOCK = 10
"""Where a stack begins to look is a multiple of this, so that two stacks rarely want the same."""


RELEASE_SECONDS = 5.0
"""How long a port without a known owner is waited for."""


class PortTaken(Problem):
    """Another program listens where the stack has its address."""


@dataclass(frozen=True)
class Ports:
    """The stack's ports by name, in one small file."""

    file: Path

    def get(self, name: str) -> int:
        """The port kept under a name; chosen now if there is none yet."""
        kept = read_json(self.file) or {}
        if name not in kept:
            kept[name] = _choose(set(kept.values()), str(self.file.absolute()))
            write_atomic(self.file, json.dumps(kept))
        return int(kept[name])

    def require_free(self, name: str, what: str) -> int:
        """The port kept under a name; raises `PortTaken` where somebody else listens on it."""
        port = self.get(name)
        if not _becomes_free(port):
            who = owner(port)
            by = f" by {who}" if who else ""
            raise PortTaken(
                f"Port {port} on {HOST}, where {what} of this stack lives, is taken{by}.",
                why="The stack's queue URLs and the API's address contain it.",
                fix=f"Stop {who or 'that program'} and run `./bmx up` again; or forget this stack with "
                "`./bmx down --volumes`, the next one gets another port.",
            )
        return port

    def require_free_unless(self, runs: Callable[[], bool], name: str, what: str) -> None:
        """As `require_free`, where the stack's own service does not run already.

        Asked twice: the supervisor may have started it in between.
        """
        try:
            if not runs():
                self.require_free(name, what)
        except PortTaken:
            if not runs():
                raise


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _becomes_free(port: int) -> bool:
    """Whether it is free, or is about to be: a killed process ends a moment before its sockets do."""
    deadline = time.monotonic() + RELEASE_SECONDS
    while not is_free(port):
        if owner(port) or time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def owner(port: int) -> str:
    """Who listens on a port, as `name (process 123)`, or nothing where the system does not tell."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            address: tuple[object, ...] = connection.laddr
            listens = connection.status == psutil.CONN_LISTEN and address[1:2] == (port,)
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return ""


def _choose(taken: set[int], owner_name: str) -> int:
    """A free port, looked for from a place that depends on the stack: a stopped one's are not taken by
    others."""
    start = int(checksum(owner_name), 16) * BLOCK % len(RANGE)
    ports: list[int] = [*RANGE[start:], *RANGE[:start]]
    for port in ports:
        if port not in taken and is_free(port):
            return port
    raise Problem(
        f"No port between {RANGE.start} and {RANGE.stop - 1} is free on {HOST}.",
        fix="Stop some of the programs that listen there.",
    )
