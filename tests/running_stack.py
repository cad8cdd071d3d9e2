"""The whole local stack, once for all tests that need it running: a plugin, loaded by tests/conftest.py."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bmx.api import Api
from bmx.books import Listing, import_listing, upload, wait_for
from local.paths import Paths
from local.stack import LocalStack, StackStatus


@dataclass(frozen=True)
class Bmx:
    """The command line, as another process runs it."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "BMX_HOME": str(self.home)}

    def run(self, *arguments: str, timeout: float = 300) -> "subprocess.CompletedProcess[str]":
        """Run `bmx ARGUMENTS`; output is captured, the exit code is not judged."""
        command = [sys.executable, "-m", "bmx", *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def json(self, *arguments: str, timeout: float = 300) -> dict[str, Any]:
        """The envelope of `bmx ARGUMENTS --json`, which must be all of stdout."""
        done = self.run(*arguments, "--json", timeout=timeout)
        assert done.stdout.count("\n") == 1, f"stdout is not one line:\n{done.stdout}\n{done.stderr}"
        envelope: dict[str, Any] = json.loads(done.stdout)
        return envelope


@dataclass(frozen=True)
class RunningStack:
    """A stack that is up, and hands to use it with."""

    bmx: Bmx
    stack: LocalStack
    status: StackStatus

    def api(self) -> Api:
        return Api(self.status.api_url, self.status.api_key)

    def import_photos(self, item: str, photos: list[Path]) -> str:
        """Upload photos as a listing and import it; the book's id."""
        listing = Listing(item, item, tuple(photos))
        upload(self.status.connection.client("s3"), self.status.images_bucket, listing)
        with self.api() as api:
            return import_listing(api, listing)[0]

    def wait_for_book(self, book_id: str, stalled_after: float = 240) -> dict[str, Any]:
        """The book when none of its images is being processed any more."""
        with self.api() as api:
            return wait_for(api, [book_id], _nothing, stalled_after=stalled_after)[book_id]


def _nothing(_book: str, _ended: int, _total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="session")
def bmx() -> Iterator[Bmx]:
    """A command line with an empty data folder of its own; all that it started ends with the session."""
    # Not below pytest's own folder: PostgreSQL, started by root, runs as another user who must get there.
    with tempfile.TemporaryDirectory(prefix="bmx-tests-") as folder:
        Path(folder).chmod(0o755)
        command = Bmx(Path(folder) / "home")
        try:
            yield command
        finally:
            done = command.run("down", "--volumes", "--yes")
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def running(bmx: Bmx) -> RunningStack:
    """The stack of `bmx`, brought up by it."""
    done = bmx.run("up", timeout=600)
    assert done.returncode == 0, done.stderr
    stack = LocalStack(Paths(home=bmx.home, cache=Paths.default().cache))
    return RunningStack(bmx, stack, stack.running())


PhotoMaker = Callable[[str, int], list[Path]]


@pytest.fixture
def photos(tmp_path: Path) -> PhotoMaker:
    """`photos(name, count)`: small generated photos of books as files."""

    def make(name: str, count: int) -> list[Path]:
        from PIL import Image

        from workers.samples.generator import generate

        folder = tmp_path / name
        folder.mkdir()
        paths = []
        for number in range(1, count + 1):
            path = folder / f"image_{number:02d}.jpg"
            sample = generate(900 + number, size=(800, 600), pose="lying")
            Image.fromarray(sample.image).save(path, quality=90)
            paths.append(path)
        return paths

    return make
