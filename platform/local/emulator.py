"""The AWS emulator (ministack) of the local stack: IAM enforced, on 127.0.0.1 only, everything kept on disk.

Its root credential is no secret and protects nothing: the emulator lets the key `test` and any account's
number act as that account's root without checking the signature. What keeps strangers out is the loopback
address. Functions and workers get sessions of their roles, which are checked.
"""

import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.files import checksum
from local.paths import Paths
from local.ports import HOST, Ports
from local.probe import answers
from local.processes import Processes, Service
from local.provider.connection import LOCAL_ACCOUNT, LOCAL_REGION, Connection
from local.reporting import Reporter
from local.toolbox import locked_environment
from workers.contracts.problem import Problem

NAME = "emulator"
READY_SECONDS = 60.0


@dataclass(frozen=True)
class Emulator:
    """The emulator of one stack. `functions` are the image functions: name to the address of their
    process."""

    paths: Paths
    processes: Processes
    ports: Ports
    account: str = LOCAL_ACCOUNT
    """Whose root the connection is."""
    as_tls: bool = False
    """Whether requests count as made over TLS, for a stack that refuses plain text."""
    journal: Path | None = None
    """Where to write down what IAM is asked about roles."""

    @property
    def endpoint(self) -> str:
        """Its address, the same for the life of the stack."""
        return f"http://{HOST}:{self.ports.get(NAME)}"

    @property
    def connection(self) -> Connection:
        """Address and root credential."""
        return Connection(endpoint=self.endpoint, account=self.account).root

    def install(self, report: Reporter) -> Path:
        """Its environment, made from the lock if need be; the Python in it."""
        return locked_environment(
            self.paths,
            self.paths.requirements / "emulator.txt",
            self.paths.emulators,
            report,
            what="the AWS emulator",
        )

    def start(self, report: Reporter, functions: Mapping[str, str] | None = None) -> Connection:
        """Start it unless it runs, and wait until it answers. Raises a `Problem` with the end of its log."""
        service = self._service(self.install(report), functions or {})
        if not self.processes.running(NAME):
            self.require_port()
            self._clear_tmp()
            report.say("Starting the AWS emulator")
        self.processes.start(service)
        self._wait_until_ready()
        return self.connection

    def require_port(self) -> None:
        """Raise `PortTaken` where another program has its address."""
        self.ports.require_free_unless(lambda: self.processes.running(NAME), NAME, "the emulator")

    def stop(self) -> bool:
        """Let it write what it holds and end; whether it was running."""
        return self.processes.stop(NAME)

    def healthy(self) -> bool:
        """Whether it answers."""
        return answers(f"{self.endpoint}/_ministack/ready")

    def was_killed(self) -> bool:
        """Whether the last run ended without writing its state: up to a few seconds of changes may be
        missing."""
        return (
            not self.processes.running(NAME) and (self.paths.emulator_state / "state" / ".running").exists()
        )

    def _service(self, python: Path, functions: Mapping[str, str]) -> Service:
        state = self.paths.emulator_state
        code = Path(__file__).with_name("emulator_main.py")
        additions = sorted(code.parent.glob("emulator_*.py"))
        return Service(
            name=NAME,
            argv=(str(python), "-P", str(code), checksum(*additions)),
            env={
                "AUTH": "true",
                "BIND_HOST": HOST,
                "GATEWAY_PORT": str(self.ports.get(NAME)),
                "MINISTACK_REGION": LOCAL_REGION,
                "PERSIST_STATE": "1",
                "STATE_DIR": str(state / "state"),
                "S3_PERSIST": "1",
                "S3_DATA_DIR": str(state / "s3"),
                "TMPDIR": str(self.paths.tmp),
                # Invocations that wait hold a thread each, and what they wait for needs some too.
                "MINISTACK_WORKER_THREADS": "256",
                # Listeners for services that the stack does not use.
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
                "DOCKER_HOST": "unix:///nonexistent",
                **({"BMX_EMULATOR_TLS": "1"} if self.as_tls else {}),
                **({"BMX_EMULATOR_JOURNAL": str(self.journal)} if self.journal else {}),
                **{f"MINISTACK_LAMBDA_PROXY_{name}": url for name, url in sorted(functions.items())},
            },
            cwd=self.paths.home,
            log=self.paths.logs / f"{NAME}.log",
            address=self.endpoint,
            grace=20,
        )

    def _clear_tmp(self) -> None:
        """Throw away what functions of an earlier run left: thousands of files, so in the background."""
        if self.paths.tmp.exists():
            trash = Path(tempfile.mkdtemp(prefix=".trash-", dir=self.paths.home))
            self.paths.tmp.rename(trash / "tmp")
        self.paths.tmp.mkdir(mode=0o700, parents=True)
        for folder in self.paths.home.glob(".trash-*"):
            subprocess.Popen(["rm", "-rf", str(folder)], stdin=subprocess.DEVNULL, start_new_session=True)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self.healthy():
            status = self.processes.status(NAME)
            if status.pid is None or time.monotonic() > deadline:
                end = " | ".join(status.last_lines) or "its log is empty"
                raise Problem(
                    f"The AWS emulator did not start: {end}.",
                    fix=f"See {self.paths.logs / f'{NAME}.log'}; `./bmx down` stops what is left.",
                )
            time.sleep(0.05)
