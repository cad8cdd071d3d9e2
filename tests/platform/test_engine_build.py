"""What Go compiles of an interrupted build is kept, and how far a build is can be seen.

On a small program of the standard library's packages: the engine itself takes minutes, and is built by CI.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from local.engine import build
from local.reporting import LogReporter


class Steps(LogReporter):
    """Keeps what is said within a step."""

    def __init__(self) -> None:
        super().__init__()
        self.details: list[str] = []

    def detail(self, text: str) -> None:
        self.details.append(text)


@pytest.fixture
def go() -> str:
    found = shutil.which("go")
    if found is None:
        pytest.skip("needs: Go")
    return found


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of its own, and a cache of Go in which nothing is."""
    monkeypatch.setenv("GOCACHE", str(tmp_path / "go-cache"))
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "go.mod").write_text("module example.test/program\n\ngo 1.21\n")
    source = 'package main\n\nimport "encoding/json"\n\nfunc main() { json.Marshal(nil) }\n'
    (folder / "main.go").write_text(source)
    return folder


def test_an_interrupted_build_goes_on_where_it_stopped_and_says_how_far_it_is(
    go: str, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["-trimpath"]
    whole = build._stale(go, options, ".", program)
    command = [go, "build", "-v", *options, "-o", str(program / "out"), "."]
    with subprocess.Popen(
        command, cwd=program, env=build._environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        for _ in range(whole // 2):
            assert process.stderr.readline()
        process.kill()
    left = build._stale(go, options, ".", program)
    assert 0 < left < whole
    monkeypatch.setattr(build, "REPORT_SECONDS", 0.0)
    report = Steps()
    build._run(command, program, left, report)
    assert (program / "out").exists()
    assert 0 < len(report.details) <= left
    assert report.details[-1].startswith(f"{len(report.details)} of {left} packages, now ")
    assert build._stale(go, options, ".", program) <= 1, "only the program itself"
