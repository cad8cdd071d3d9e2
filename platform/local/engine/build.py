"""Build the Pulumi CLI with Go, from the Go module proxy alone.

`go/go.mod` names the version; `go/go.sum` pins the hashes of Pulumi's two modules, and Pulumi's own
`go.sum`, which is inside one of them, pins the rest. Go keeps what it has compiled, so an interrupted build
goes on where it stopped. The finished engine appears in the cache in one step, with a record of what it was
built from and is: one that does not fit its record is built anew.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import deque
from pathlib import Path

from local.engine.find import Engine, Origin, folder, pinned_version
from local.files import checksum, read_json, write_atomic
from local.paths import Paths
from local.reporting import Reporter
from workers.contracts.problem import Problem

MODULES = Path(__file__).with_name("go")
PACKAGE = "github.com/pulumi/pulumi/pkg/v3"
SDK = "github.com/pulumi/pulumi/sdk/v3"
LANGUAGE_EXEC = "pulumi-language-python-exec"
REPORT_SECONDS = 10.0
RECORD = "built.json"


def build(paths: Paths, report: Reporter) -> Engine:
    """The CLI of the pinned version, built unless it is there. About 5 minutes on two cores the first
    time."""
    from filelock import FileLock

    version = pinned_version()
    target = folder(paths, Origin.BUILT)
    engine = Engine(target / "bin" / "pulumi", version, Origin.BUILT)
    if intact(paths):
        return engine
    go = shutil.which("go")
    if go is None:
        raise Problem(
            "Go was not found on PATH.",
            why="It compiles the Pulumi CLI.",
            fix="Install Go 1.25 or newer, or use `./bmx engine install`, which fetches the official CLI.",
        )
    paths.engines.mkdir(parents=True, exist_ok=True)
    with FileLock(paths.engines / ".build.lock"):
        if intact(paths):
            return engine
        for left in paths.engines.glob(
            ".building-*"
        ):  # by a build that was killed: nobody else holds the lock
            shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(dir=paths.engines, prefix=".building-"))
        try:
            _compile(go, work, version, report)
            write_record(work / "out")
            if target.exists():
                target.rename(work / "old")
            (work / "out").rename(target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return engine


def intact(paths: Paths) -> bool:
    """Whether there is a built engine of the pinned version that is what was built, from today's sources."""
    home = folder(paths, Origin.BUILT)
    record = read_json(home / RECORD)
    return record is not None and record == _record(home)


def write_record(home: Path) -> None:
    """Say in an engine's folder what it was built from and is."""
    write_atomic(home / RECORD, json.dumps(_record(home)), mode=0o644)


def _record(home: Path) -> dict[str, str]:
    return {
        "version": pinned_version(),
        "sources": checksum(MODULES / "go.mod", MODULES / "go.sum"),
        "programs": checksum(home / "bin"),
    }


def _compile(go: str, work: Path, version: str, report: Reporter) -> None:
    report.say(f"Fetching the sources of Pulumi {version} from the Go module proxy")
    shutil.copy(MODULES / "go.mod", work)
    shutil.copy(MODULES / "go.sum", work)
    package = _module_folder(go, work, f"{PACKAGE}@v{version}")
    sdk = _module_folder(go, work, f"{SDK}@v{version}")
    sums = (MODULES / "go.sum").read_text() + (package / "go.sum").read_text()
    (work / "go.sum").write_text(sums)
    (work / "out" / "bin").mkdir(parents=True)
    report.say("Compiling it (about 5 minutes the first time)")
    flags = f"-s -w -X {SDK}/go/common/version.Version={version}"
    options = ["-mod=mod", "-trimpath", "-ldflags", flags]
    program = f"{PACKAGE}/cmd/pulumi"
    left = _stale(go, options, program, work)
    report.say(f"{left} packages are to be compiled")
    output = str(work / "out" / "bin" / "pulumi")
    _run([go, "build", "-v", *options, "-o", output, program], work, left, report)
    launcher = work / "out" / "bin" / LANGUAGE_EXEC
    shutil.copy(sdk / "python" / "cmd" / LANGUAGE_EXEC, launcher)
    launcher.chmod(0o755)


def _module_folder(go: str, work: Path, module: str) -> Path:
    """Download one module, checked against go.sum, and give its folder in Go's cache."""
    done = subprocess.run(
        [go, "mod", "download", "-json", module], cwd=work, capture_output=True, text=True, check=False
    )
    answer = json.loads(done.stdout or "{}")
    if done.returncode or "Dir" not in answer:
        raise _failed(answer.get("Error") or done.stderr)
    return Path(answer["Dir"])


def _stale(go: str, options: list[str], program: str, work: Path) -> int:
    """How many packages an earlier build has not left compiled."""
    template = "{{if .Stale}}{{.ImportPath}}{{end}}"
    done = subprocess.run(
        [go, "list", "-deps", "-f", template, *options, program],
        cwd=work,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise _failed(done.stderr)
    return len(done.stdout.split())


def _environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0"}


def _run(command: list[str], work: Path, total: int, report: Reporter) -> None:
    """Run the compiler; say now and then how far it is, and at a failure how it ended."""
    last: deque[str] = deque(maxlen=12)
    packages, said = 0, time.monotonic()
    with subprocess.Popen(
        command, cwd=work, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            last.append(line.strip())
            packages += 1
            if time.monotonic() - said > REPORT_SECONDS:
                said = time.monotonic()
                report.detail(f"{packages} of {total} packages, now {line.strip()[:60]}")
    if process.returncode:
        raise _failed(" ".join(last))


def _failed(said: str) -> Problem:
    return Problem(
        f"The Pulumi CLI could not be built: {' '.join(said.split())[-600:]}",
        fix="Check that the Go module proxy can be reached and that 4 GB of disk are free, then run it "
        "again: it goes on where it stopped. `./bmx up` works without it meanwhile.",
    )
