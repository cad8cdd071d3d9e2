"""Folders into listings, and waiting for books."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from bmx import books
from bmx.api import Api
from workers.contracts import Problem


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shots = tmp_path / "The Atlas (1771)"
    shots.mkdir()
    for name in ("b.JPG", "a.webp", "c.jpeg", "notes.txt", ".hidden.jpg", "listing.json"):
        (shots / name).write_bytes(b"x")
    return shots


def test_a_folder_is_a_listing_of_its_photos_in_the_order_of_their_names(folder: Path) -> None:
    listing = books.listing_of_folder(folder)
    assert re.fullmatch(r"the-atlas-1771-[0-9a-f]{8}", listing.item)
    assert listing.title == "The Atlas (1771)"
    assert [path.name for path in listing.photos] == ["a.webp", "b.JPG", "c.jpeg"]
    assert [path.name for path in listing.left_out] == ["notes.txt"]


def test_other_photos_are_another_listing_whatever_the_folder_is_called(folder: Path, tmp_path: Path) -> None:
    same = books.listing_of_folder(folder).item
    assert books.listing_of_folder(folder).item == same
    twin = tmp_path / "elsewhere" / folder.name
    twin.mkdir(parents=True)
    (twin / "a.webp").write_bytes(b"y")
    assert books.listing_of_folder(twin).item != same
    (folder / "d.png").write_bytes(b"x")
    assert books.listing_of_folder(folder).item != same


def test_a_name_of_any_length_and_script_is_a_listing(tmp_path: Path) -> None:
    for name in ("x" * 200, "図鑑", "-"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.jpg").write_bytes(b"x")
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", books.listing_of_folder(folder).item)


def test_a_folder_without_photos_is_refused_with_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no photos") as refused:
        books.listing_of_folder(tmp_path)
    assert ".webp" in refused.value.why


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x")
    with pytest.raises(Problem, match="is no folder"):
        books.listing_of_folder(photo)


class _Api(Api):
    """A book whose images end one after another."""

    def __init__(self, processing: list[int]) -> None:
        self.processing = processing

    def get(self, path: str, **_query: Any) -> dict[str, Any]:
        left = self.processing.pop(0) if len(self.processing) > 1 else self.processing[0]
        return {
            "progress": {"total": 2, "processing": left, "processed": 2 - left, "failed": 0},
            "path": path,
        }


def test_waiting_ends_when_no_image_is_being_processed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    seen: list[tuple[str, int, int]] = []
    found = books.wait_for(
        _Api([2, 1, 0]), ["b1"], lambda book, ended, total: seen.append((book, ended, total))
    )
    assert seen == [("b1", 0, 2), ("b1", 1, 2), ("b1", 2, 2)]
    assert found["b1"]["path"] == "/books/b1"


def test_waiting_gives_up_with_words_when_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    with pytest.raises(Problem, match="No image was finished") as stalled:
        books.wait_for(_Api([2]), ["b1"], lambda *_: None, stalled_after=0.05)
    assert "kept" in stalled.value.why
