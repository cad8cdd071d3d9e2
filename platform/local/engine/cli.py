"""The engine's commands, on one stack with the local backend and the local provider."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.naming import LOCAL
from local.engine.find import ENGINE_BIN, Engine
from local.engine.launchers import write_launchers
from local.engine.project import Project, ensure_passphrase
from local.paths import Paths
from local.processes import OWNER_VARIABLE
from local.provider.connection import Connection
from local.reporting import Reporter
from workers.contracts.problem import Problem

CANCEL_SECONDS = 20.0

Outputs = dict[str, Any]
"""What the stack exports, by name: JSON values."""


class EngineFailed(Problem):
    """The engine ended with an error."""


@dataclass(frozen=True)
class Summary:
    """What an operation did: how many resources by operation (`create`, `update`, `same`, …)."""

    changes: dict[str, int] = field(default_factory=dict)
    seconds: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was different."""
        return any(count for operation, count in self.changes.items() if operation != "same")

    def __str__(self) -> str:
        parts = [f"{count} {operation}" for operation, count in sorted(self.changes.items())]
        return ", ".join(parts) or "nothing"


@dataclass(frozen=True)
class Pulumi:
    """A found engine, ready to work on the project's stack `stack` against an emulator."""

    engine: Engine
    paths: Paths
    connection: Connection
    stack: str = LOCAL
    source: Path | None = None
    """The folder with `Pulumi.yaml`; the checkout if not given."""
    log_file: Path | None = None
    """Where errors are kept in full; `pulumi.log` among the logs if not given."""
    providers: Mapping[str, int] = field(default_factory=dict)
    """Ports of providers that run already, by package; the engine starts the others."""

    @property
    def project(self) -> Project:
        """The project as the engine sees it."""
        return Project(self.source or self.paths.repo, self.paths.state / "project", self.stack)

    @property
    def log(self) -> Path:
        """Errors of the engine and of the program, in full."""
        return self.log_file or self.paths.logs / "pulumi.log"

    def env(self) -> dict[str, str]:
        """The variables with which plain `pulumi` works on this backend with this provider."""
        folder = write_launchers(
            self.paths.run / ENGINE_BIN, self.engine, checkout=self.paths.repo, copy=self.project.folder
        )
        path = os.pathsep.join([str(folder), str(self.engine.executable.parent), os.environ.get("PATH", "")])
        return {
            "PATH": path,
            "PULUMI_HOME": str(self.paths.state / "home"),
            "PULUMI_BACKEND_URL": self.paths.state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(ensure_passphrase(self.paths)),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "1",
            "BMX_HOME": str(self.paths.home),
            "BMX_CACHE": str(self.paths.cache),
            **({"PULUMI_DEBUG_PROVIDERS": self._attached} if self.providers else {}),
            **self.connection.to_environment(),
        }

    @property
    def _attached(self) -> str:
        return ",".join(f"{package}:{port}" for package, port in self.providers.items())

    def prepare(self) -> None:
        """Write the project's copy and make the stack unless it exists."""
        checkpoint = self.paths.state / ".pulumi" / "stacks" / self.project.name / f"{self.stack}.json"
        known = checkpoint.exists()
        if not known:
            self.project.settings.unlink(missing_ok=True)
        self.project.write()
        if not known:
            self._capture("stack", "init", self.stack)

    def up(self, report: Reporter, *, refresh: bool = False, targets: tuple[str, ...] = ()) -> Summary:
        """Apply the program. `refresh` first looks what the emulator really holds."""
        self.prepare()
        arguments = ["up", "--yes", "--skip-preview", *(["--refresh"] if refresh else [])]
        return self._stream(report, *arguments, *(f"--target={urn}" for urn in targets))

    def preview(self, report: Reporter) -> Summary:
        """What `up` would do."""
        self.prepare()
        return self._stream(report, "preview")

    def refresh(self, report: Reporter) -> Summary:
        """Bring the state in line with what the emulator holds."""
        self.prepare()
        return self._stream(report, "refresh", "--yes", "--skip-preview")

    def destroy(self, report: Reporter) -> Summary:
        """Delete every resource of the stack, or none: protection refuses, and hooks, which need the program.

        With the preview, which refuses before anything is done; without, the engine deletes what is not
        protected before it comes to what is.
        """
        self.prepare()
        return self._stream(report, "destroy", "--yes", "--run-program")

    def outputs(self) -> Outputs:
        """What the stack exports. None of it is a secret value."""
        outputs: Outputs = json.loads(self._capture("stack", "output", "--json"))
        return outputs

    def export(self) -> dict[str, Any]:
        """The stack's state, secrets encrypted."""
        state: dict[str, Any] = json.loads(self._capture("stack", "export"))
        return state

    def unlock(self) -> bool:
        """Drop the lock that an interrupted engine left on the state; whether there was one.

        Only for a caller that knows that no engine runs, as the holder of the stack's lock does.
        """
        locks = self.paths.state / ".pulumi" / "locks"
        found = any(path.is_file() for path in locks.rglob("*.json"))
        shutil.rmtree(locks, ignore_errors=True)
        return found

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Any command of the engine on this stack, without asking; the output is captured."""
        return subprocess.run(
            self._command(*arguments),
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    @property
    def command(self) -> tuple[str, ...]:
        """The engine on this stack, without asking; an operation is appended."""
        common = ("--non-interactive", "--color=never", "--cwd", str(self.project.folder))
        return (str(self.engine.executable), *common, "--stack", self.stack)

    def environment(self) -> dict[str, str]:
        """What the engine's processes get on top of this one's variables."""
        return {**self.env(), OWNER_VARIABLE: str(self.paths.home)}

    def _command(self, *arguments: str) -> list[str]:
        command = self.command[:-2] if arguments[:2] == ("stack", "init") else self.command
        return [*command, *arguments]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment()}

    def _capture(self, *arguments: str) -> str:
        done = self.run(*arguments)
        if done.returncode:
            said = done.stderr.strip() or done.stdout.strip()
            raise _failed(" ".join(arguments[:2]), [said], self.log)
        return done.stdout

    def _stream(self, report: Reporter, *arguments: str) -> Summary:
        return stream(
            [*self.command, *arguments],
            self._environment(),
            report,
            self.log,
            self.project.folder,
            patience=CANCEL_SECONDS,
        )


def stream(
    command: list[str],
    environment: dict[str, str],
    report: Reporter,
    log: Path,
    folder: Path,
    *,
    patience: float | None,
) -> Summary:
    """Run an operation of the engine in the project's folder, reporting each resource as it is worked on.

    Returns what it did. Interrupted, it has `patience` seconds to end what it is doing; None: as long as that
    takes.

    Raises `EngineFailed` with the errors in a sentence each; `log` gets them in full.
    """
    errors: list[str] = []
    summary = Summary()
    with subprocess.Popen(
        [*command, "--json"],
        env={**environment, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "1"},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A Ctrl-C must reach the engine alone: interrupted providers would lose what they just made.
        start_new_session=True,
    ) as process:
        with _interruptible(process, report, patience):
            for event in _events(process):
                if line := _progress(event):
                    report.detail(line)
                errors += _note(_errors(event), log)
                summary = _summary(event) or summary
        said = (process.stderr.read() if process.stderr else "").strip()
    if process.returncode:
        operation = next((word for word in command if word in _OPERATIONS), command[-1])
        raise _failed(operation, errors or [said], log)
    return summary


_OPERATIONS = ("up", "preview", "refresh", "destroy")


def _note(errors: list[str], log: Path) -> list[str]:
    """Keep errors with their tracebacks where `bmx logs pulumi` shows them."""
    if errors:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.writelines(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {error.rstrip()}\n" for error in errors)
    return errors


def _failed(operation: str, errors: list[str], log: Path) -> EngineFailed:
    return EngineFailed(
        f"pulumi {operation} failed: " + " | ".join(dict.fromkeys(_sentence(error) for error in errors)),
        fix=f"Correct it and run this again; what was done stays done. More is in {log}.",
    )


@contextlib.contextmanager
def _interruptible(
    process: "subprocess.Popen[str]", report: Reporter, patience: float | None
) -> Iterator[None]:
    """Let the engine finish what it is doing when the person has had enough.

    What it does not finish is pending in the state; so it is killed only after `patience`, or when it is
    interrupted again.
    """
    try:
        yield
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        if patience is None:
            report.warn("Ending what has begun; Ctrl-C again leaves it unfinished.")
        try:
            _drain(process, patience)
        except KeyboardInterrupt:
            process.kill()
        raise


def _drain(process: "subprocess.Popen[str]", patience: float | None) -> None:
    """Wait for the engine's end, and kill it after `patience`. What it says has to be read meanwhile.

    The pipes' end is not waited for: a plugin that outlives the engine may hold them open.
    """
    begun = time.monotonic()
    while process.poll() is None:
        if patience is not None and time.monotonic() - begun > patience:
            process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=0.2)


def _events(process: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    for line in process.stdout or ():
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(event, dict):
            yield event


def _progress(event: dict[str, Any]) -> str | None:
    metadata = event.get("resourcePreEvent", {}).get("metadata", {})
    operation, urn = metadata.get("op"), metadata.get("urn", "")
    if not operation or operation in {"same", "read"} or "pulumi:pulumi:Stack" in urn:
        return None
    kind, name = urn.rsplit("::", 2)[-2:] if "::" in urn else ("", urn)
    return f"{operation} {kind.rsplit('$', 1)[-1]} {name}"


def _errors(event: dict[str, Any]) -> list[str]:
    diagnostic = event.get("diagnosticEvent", {})
    if diagnostic.get("severity") in {"error", "info#err"}:
        return [str(diagnostic.get("message", "")).strip()]
    policy = event.get("policyEvent", {})
    if policy.get("enforcementLevel") == "mandatory":
        return [f"{policy.get('policyName')}: {policy.get('message', '')}".strip()]
    return []


def _sentence(error: str) -> str:
    """An error on one line; of a traceback its end, which says what happened."""
    if "Traceback (most recent call last)" in error:
        error = error.rstrip().splitlines()[-1]
    return " ".join(error.split())


def _summary(event: dict[str, Any]) -> Summary | None:
    summary = event.get("summaryEvent")
    if not isinstance(summary, dict):
        return None
    return Summary(dict(summary.get("resourceChanges") or {}), int(summary.get("durationSeconds") or 0))
