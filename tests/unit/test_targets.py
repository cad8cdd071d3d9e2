"""A stack's commands reach that stack and no other, wherever they are run and however they end."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bmx.api import Api
from bmx.main import app
from local.emulated import EmulatedStack, emulated_stacks
from local.engine import cli as engine_cli
from local.locking import hold
from local.paths import Paths
from local.reporting import LogReporter
from operations.image.release import tag_of
from operations.target import Target
from tests.local.waiting import wait_for
from workers.contracts import Problem


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(home=tmp_path / "home", cache=tmp_path / "cache", repo=tmp_path / "checkout")
    paths.repo.mkdir()
    paths.ensure()
    return paths


def on_aws(paths: Paths, command: str) -> Target:
    """A stack on AWS whose engine is a line of shell."""
    return Target("prod", paths, ("/bin/sh", "-c", command), {}, paths.repo)


def test_what_is_applied_is_what_was_planned_whatever_the_current_folder_is(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "another-checkout"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    seen = tmp_path / "seen"
    target = on_aws(paths, f"pwd >> {seen}")
    target.run("preview")
    target.stream(LogReporter(), "up")
    assert seen.read_text().split() == [str(paths.repo)] * 2


SHARED = "import os, sys, time; from pathlib import Path\n"
"""What the scripts below begin with."""


def _heed_signals() -> None:
    """As in a terminal: what runs in the background, or under `nohup`, has some of them ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def interrupted(
    script: str, ready: Callable[[], bool], *, twice: bool = False, number: signal.Signals = signal.SIGINT
) -> tuple[int, str]:
    """Run Python in a process group of its own and press Ctrl-C; its end and what it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", SHARED + script],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_heed_signals,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, number)
    if twice:
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    return process.returncode, said


def test_a_rollback_that_is_interrupted_comes_to_its_own_end(tmp_path: Path) -> None:
    repo, folder = tmp_path / "repo", tmp_path / "again"
    repo.mkdir()
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    release = repo / "bmx"
    release.write_text(
        f"#!/bin/sh\ntrap 'sleep 1; test -e bmx && echo whole > {ended}; exit 7' INT\n"
        f"touch {begun}\nsleep 20 >/dev/null 2>&1 & wait\n"
    )
    release.chmod(0o755)
    run = ("git", "-c", "user.name=a", "-c", "user.email=a@example.invalid")
    for command in (("init", "-q"), ("add", "."), ("commit", "-qm", "one")):
        subprocess.run([*run, *command], cwd=repo, check=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repo, capture_output=True, text=True, check=True
    )
    code, said = interrupted(
        "from operations.release.source import Good, deploy_again\n"
        f"good = Good({commit.stdout.strip()!r}, '2026-01-01')\n"
        f"sys.exit(deploy_again(good, Path({str(repo)!r}), Path({str(folder)!r}), Path('/nowhere'), []))",
        begun.exists,
    )
    assert (code, said) == (7, "")
    assert ended.read_text() == "whole\n", "its checkout was there to the end"
    assert not folder.exists()


@pytest.mark.parametrize("twice", [False, True])
def test_on_aws_the_engine_has_the_time_it_needs_unless_it_is_interrupted_again(
    tmp_path: Path, twice: bool
) -> None:
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    # Whoever outlives the engine, as a plugin may, holds its pipes open.
    engine = f"trap 'sleep 3; touch {ended}; exit 1' INT; touch {begun}; sleep 60 & wait"
    code, said = interrupted(
        "from local.engine import cli\nfrom local.paths import Paths\n"
        "from local.reporting import LogReporter\nfrom operations.target import Target\n"
        "import logging; logging.basicConfig()\n"
        "cli.CANCEL_SECONDS = 0.1\n"
        f"paths = Paths(home=Path({str(tmp_path)!r}), cache=Path({str(tmp_path)!r}))\n"
        f"Target('prod', paths, ('/bin/sh', '-c', {engine!r}), {{}}, paths.home).stream(LogReporter(), 'up')",
        begun.exists,
        twice=twice,
    )
    assert code == -signal.SIGINT, said
    assert "Ending what has begun; Ctrl-C again leaves it unfinished." in said
    assert ended.exists() is not twice


def test_an_emulated_engine_is_waited_for_a_while() -> None:
    assert 5 < engine_cli.CANCEL_SECONDS < 60


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_ends_a_command_as_ctrl_c_does(tmp_path: Path, number: signal.Signals) -> None:
    code, said = interrupted(
        "from bmx import main\n"
        "def command(**_):\n"
        f"    Path({str(tmp_path)!r}, 'begun').touch()\n"
        "    try:\n        time.sleep(20)\n"
        "    finally:\n        print('put back', flush=True)\n"
        "main.app = command\nmain.run()",
        (tmp_path / "begun").exists,
        number=number,
    )
    assert "put back" in said
    assert code == -signal.SIGINT


def test_a_closed_terminal_gives_the_engine_its_time(tmp_path: Path) -> None:
    """It sends the signal twice, and whatever is said after it fails."""
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    speaks = f"trap 'sleep 1; echo {{}} || exit 2; sleep 1; touch {ended}; exit 1' INT"
    engine = f"{speaks}; touch {begun}; sleep 60 & wait"
    script = (
        "from bmx import main\nfrom local.paths import Paths\nfrom bmx.output import Ui\n"
        "from operations.target import Target\n"
        f"paths = Paths(home=Path({str(tmp_path)!r}), cache=Path({str(tmp_path)!r}))\n"
        f"target = Target('prod', paths, ('/bin/sh', '-c', {engine!r}), {{}}, paths.home)\n"
        "main.app = lambda **_: target.stream(Ui(), 'up')\nmain.run()"
    )
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - the child
        try:
            _heed_signals()
            os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
            os.execv(sys.executable, [sys.executable, "-c", SHARED + script])  # noqa: S606
        finally:
            os._exit(1)
    wait_for(begun.exists, "the engine")
    os.close(terminal)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGHUP)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGINT
    assert ended.exists()


@pytest.mark.parametrize("name", ["", ".", "..", "a/../..", "prod/x", "Prod", "a-b"])
def test_what_cannot_be_a_stack_s_name_is_no_folder_to_forget(paths: Paths, name: str) -> None:
    (paths.stacks / "prod").mkdir(parents=True)
    with pytest.raises(Problem, match="cannot be a stack's name"):
        EmulatedStack(paths, name).discard()
    assert (paths.stacks / "prod").is_dir()


@pytest.mark.parametrize("option", ["--fresh", "--discard"])
def test_a_release_to_no_stack_forgets_nothing(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setenv("BMX_HOME", str(paths.home))
    (paths.stacks / "prod").mkdir(parents=True)
    for name in ("", "..", "typo"):
        done = CliRunner().invoke(app, ["deploy", "--stack", name, "--emulator", option])
        assert done.exit_code == 1, done.output
        assert (paths.stacks / "prod").is_dir()


def test_a_folder_that_is_no_stack_s_stops_nobody(paths: Paths) -> None:
    for name in ("prod", "two-words"):
        (paths.stacks / name).mkdir(parents=True)
    assert [it.stack for it in emulated_stacks(paths)] == ["prod"]


def test_two_rollbacks_of_a_stack_are_one_too_many(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BMX_HOME", str(paths.home))
    with hold(paths.run / "rollback-prod.lock", "bmx deploy --rollback"):
        done = CliRunner().invoke(app, ["deploy", "--stack", "prod", "--rollback", "--yes"])
    assert done.exit_code == 1
    assert "Another command is changing stack prod" in done.output


def test_advice_names_the_emulator_where_the_stack_is_on_one(paths: Paths) -> None:
    emulator = object()
    assert Target("prod", paths, (), {}, paths.repo).options == "--stack prod"
    assert Target("prod", paths, (), {}, paths.repo, emulator).options == "--stack prod --emulator"  # type: ignore[arg-type]
    assert Target("local", paths, (), {}, paths.repo, emulator).options == "--stack local"  # type: ignore[arg-type]


def test_nothing_is_started_to_look_at_what_was_never_deployed(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BMX_HOME", str(paths.home))
    for command in (
        *(["logs"], ["keys", "restore", "--yes"], ["deploy", "--rollback", "--yes"]),
        *(["credentials", "verify"], ["credentials", "rotate", "--yes"], ["config", "sync"]),
        *(["people", "list"], ["people", "add", "a@example.com", "viewer"]),
    ):
        done = CliRunner().invoke(app, [*command, "--stack", "prod", "--emulator"])
        assert "Stack prod was not deployed to an emulator here." in done.output
        assert done.exit_code == 1
    assert not (paths.stacks / "prod").exists()


@pytest.mark.parametrize(
    "path", ["https://example.invalid/x", "/https://example.invalid/x", "//http://[", "x\x00"]
)
def test_the_key_goes_to_the_api_alone(path: str) -> None:
    with Api("http://127.0.0.1:9", "the-key") as api, pytest.raises(Problem, match="is no path of the API"):
        api.get(path)


def test_an_image_s_tag_tells_it_from_others_of_the_same_commit(paths: Paths) -> None:
    first, second = (tag_of(Paths.default(), image * 64) for image in "12")
    assert first != second
    assert first.endswith("1" * 12)
