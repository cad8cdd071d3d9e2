"""What lies in the data folder: nobody else's to read, forgotten whole, its addresses checked first."""

import os
import shutil
import socket
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.files import forget
from local.functions import ImageFunctions
from local.paths import REPO, Paths
from local.ports import HOST, Ports, PortTaken
from local.processes import Processes
from local.reporting import LogReporter
from local.stack import LocalStack
from operations.release.kept import kept_for
from operations.target import Target
from tests.running_stack import RunningStack
from workers.contracts import Problem

PICTURES = ("samples", "demo", "imported")
"""Made by commands under the user's own umask, for the user to look at."""


def open_to_others(folder: Path) -> list[Path]:
    """Files below a folder that another user can reach and read, and folders in which he may write."""
    found = []
    for path in folder.iterdir():
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            found += [path] if mode & 0o022 else []
            found += open_to_others(path) if mode & 0o011 else []
        elif mode & 0o077 and not stat.S_ISLNK(mode):
            found.append(path)
    return found


@pytest.mark.local
def test_nobody_else_can_read_what_a_running_stack_keeps(running: RunningStack) -> None:
    home = running.stack.paths.home
    secrets = running.stack.paths.emulator_state / "state" / "secretsmanager.json"
    assert secrets.exists()
    assert secrets.stat().st_mode & 0o077 == 0
    may_be_seen = {home / name for name in PICTURES}
    found = [
        path
        for path in open_to_others(home)
        if not may_be_seen.intersection(path.parents) and path.stat().st_size
    ]
    # Root's PostgreSQL is another user: its folder can be passed, its log read; its data is its own.
    assert [path for path in found if path.name != "server.log"] == []
    assert not any(path.stat().st_mode & 0o077 for path in home.glob("postgres/*/data"))


def test_folders_with_secrets_are_closed_also_when_they_were_open(paths: Paths) -> None:
    paths.emulator_state.chmod(0o755)
    paths.ensure()
    assert {folder.stat().st_mode & 0o777 for folder in paths.private} == {0o700}


def test_forgetting_leaves_the_tools_and_says_what_is_not_its_own(
    paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    for folder in (*PICTURES, "stacks/prod", "snapshots", "aws", "tools", ".trash-1", "mine"):
        (paths.home / folder).mkdir(parents=True)
        (paths.home / folder / "file").write_text("x")
    (paths.run / "open-admin.html").write_text("the key")
    (paths.logs / "old.log").write_text("x")
    LocalStack(paths).down(LogReporter(), volumes=True)
    assert sorted(path.name for path in paths.home.iterdir()) == ["aws", "mine", "run", "tools"]
    assert [path.name for path in paths.run.iterdir()] in ([], [paths.stack_lock.name])
    assert "mine" in caplog.text
    assert "aws" not in caplog.text


def test_what_is_known_of_stacks_on_aws_outlives_the_local_one(paths: Paths) -> None:
    on_aws = Target("review", paths, (), {}, REPO)
    without_bucket: Any = SimpleNamespace(settings=SimpleNamespace(deploy=None), records=on_aws.records)
    without_bucket.stack = on_aws.stack
    kept_for(without_bucket).write("releases.json", {"good": []})
    LocalStack(paths).down(LogReporter(), volumes=True)
    assert kept_for(without_bucket).read("releases.json") == {"good": []}


def test_what_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stuck").mkdir()
    (tmp_path / "stuck" / "file").write_text("x")
    (tmp_path / "easy").write_text("x")

    def refuse(path: str, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr(os, "rmdir", refuse)
    with pytest.raises(Problem, match="file: Permission denied"):
        forget([tmp_path / "stuck"])


def test_a_taken_port_of_a_function_process_is_told_before_anything_starts(paths: Paths) -> None:
    stack = LocalStack(paths)
    functions = ImageFunctions(paths, Processes(paths.run, paths.home), Ports(paths.ports))
    port = int(next(iter(functions.addresses().values())).rpartition(":")[2])
    with socket.socket() as stranger:
        stranger.bind((HOST, port))
        stranger.listen()
        with pytest.raises(PortTaken, match=f"Port {port} .* image_processing .*process {os.getpid()}"):
            stack.up(LogReporter())
    assert stack.processes.names() == []


def test_a_disk_without_room_is_told_before_anything_starts(
    paths: Paths, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(paths.home)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=5 * 1024**2))
    with pytest.raises(Problem, match="Only 5 MB are free") as full:
        LocalStack(paths).up(LogReporter())
    assert "BMX_HOME" in full.value.fix
    assert processes.names() == []
