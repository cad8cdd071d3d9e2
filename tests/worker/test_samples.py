"""The generator: deterministic, exact, and written as listings look."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.worker.conftest import encoded
from workers.image_processor.cutout.decode import decode
from workers.samples.generator import generate
from workers.samples.listings import write_listings
from workers.samples.sheet import Pair, contact_sheet


def test_a_seed_is_a_photo() -> None:
    first, second, other = (generate(seed, size=(320, 240)) for seed in (3, 3, 4))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.alpha, second.alpha)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("seed", range(8))
def test_the_book_is_whole_and_its_edge_is_soft(seed: int) -> None:
    alpha = generate(seed, size=(640, 480)).alpha
    border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    assert border.max() == 0
    assert 0.08 < (alpha > 127).mean() < 0.8
    assert 0 < ((alpha > 0) & (alpha < 255)).mean() < 0.05


def test_alpha_does_not_hang_on_the_supersampling() -> None:
    coarse, fine = (generate(12, size=(640, 480), supersampling=n).alpha.astype(int) for n in (2, 4))
    assert np.abs(coarse - fine).mean() < 0.25


def test_listings_are_folders_of_photos(tmp_path: Path) -> None:
    listings = write_listings(tmp_path / "listings", tmp_path / "truth")
    assert len(listings) == 3
    photos = [photo for listing in listings for photo in listing.photos]
    assert {photo.suffix for photo in photos} == {".jpg", ".png", ".webp"}
    assert any(Image.open(photo).getexif().get(0x0112) == 6 for photo in photos)
    for listing in listings:
        assert json.loads((listing.folder / "listing.json").read_text())["title"] == listing.title
        for number, photo in enumerate(listing.photos, start=1):
            assert photo.parent == tmp_path / "listings" / listing.item
            assert photo.stem == f"image_{number:02d}"
            truth = Image.open(tmp_path / "truth" / listing.item / f"{photo.stem}.png")
            assert decode(photo.read_bytes()).size == truth.size
    before = {photo: photo.stat().st_mtime_ns for photo in photos}
    assert write_listings(tmp_path / "listings") == listings
    assert {photo: photo.stat().st_mtime_ns for photo in photos} == before


def test_a_contact_sheet_takes_files_and_bytes(tmp_path: Path) -> None:
    clear = encoded(np.zeros((30, 40, 4), np.uint8), "PNG")
    photo = tmp_path / "photo.png"
    photo.write_bytes(encoded(np.full((30, 40, 3), 90, np.uint8), "PNG"))
    path = contact_sheet([Pair("one", photo, clear), Pair("two", clear, photo)], tmp_path / "s" / "sheet.png")
    assert Image.open(io.BytesIO(path.read_bytes())).format == "PNG"
