"""The sample listings: what a bookseller's photos look like, written as folders of image files."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image

from workers.samples.book import Book, Pose
from workers.samples.generator import Background, Sample, generate

Suffix: TypeAlias = Literal["jpg", "png", "webp"]

_EDITION = 1
"""Raised when the same listing would be drawn differently: older folders are then written anew."""

_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True)
class Photo:
    """One photo to be drawn; `exif_turned` stores it on its side with EXIF orientation 6, as a phone does."""

    seed: int
    background: Background
    pose: Pose
    size: tuple[int, int]
    suffix: Suffix
    exif_turned: bool = False


@dataclass(frozen=True)
class Listing:
    """A listing on disk: `folder/image_NN.ext` in order, and `folder/listing.json` with its title."""

    item: str
    title: str
    folder: Path
    photos: tuple[Path, ...]


@dataclass(frozen=True)
class _Plan:
    item: str
    title: str
    book: Book
    photos: tuple[Photo, ...]


_PLANS = (
    _Plan(
        "voyages-south-sea",
        "Voyages of the South Sea, full red calf, gilt, 1784",
        Book("leather", (0.40, 0.10, 0.09), ("Voyages", "of the South Sea"), 0.70, 0.16, 2, True),
        (
            Photo(11, "wood", "lying", (1600, 1200), "jpg"),
            Photo(32, "gradient", "standing", (1200, 1500), "webp"),
            Photo(13, "cloth", "lying", (1200, 1600), "jpg", exif_turned=True),
            Photo(14, "table", "open", (1400, 1050), "jpg"),
        ),
    ),
    _Plan(
        "flora-britannica",
        "Flora Britannica, publisher's green cloth, 1862",
        Book("cloth", (0.12, 0.26, 0.18), ("Flora", "Britannica"), 0.66, 0.13, 3, False),
        (
            Photo(21, "paper", "lying", (1280, 960), "png"),
            Photo(22, "gradient", "standing", (1500, 1200), "jpg"),
            Photo(23, "wood", "open", (1600, 1200), "webp"),
        ),
    ),
    _Plan(
        "letters-from-the-north",
        "Letters from the North, half calf over marbled boards, 1811",
        Book("marbled", (0.16, 0.24, 0.34), ("Letters", "from the North"), 0.68, 0.19, 1, False),
        (
            Photo(41, "cloth", "standing", (1200, 1600), "jpg"),
            Photo(42, "table", "lying", (1500, 1125), "webp"),
        ),
    ),
)


def write_listings(folder: Path, truth: Path | None = None) -> list[Listing]:
    """Write every sample listing to `folder/{item}/`: the same files each time, kept where they are there.

    With `truth`, each photo's exact alpha is written to `truth/{item}/image_NN.png`, upright.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        return [_write(plan, folder, truth, pool) for plan in _PLANS]


def samples() -> Iterator[tuple[str, Sample]]:
    """The listings' photos with their truth, as `item/image_NN` and sample, upright and not encoded."""
    for plan in _PLANS:
        for number, photo in enumerate(plan.photos, start=1):
            yield f"{plan.item}/{_stem(number)}", _drawn(plan, photo)


def _write(plan: _Plan, folder: Path, truth: Path | None, pool: ThreadPoolExecutor) -> Listing:
    target = folder / plan.item
    paths = tuple(target / f"{_stem(n)}.{photo.suffix}" for n, photo in enumerate(plan.photos, start=1))
    listing = Listing(plan.item, plan.title, target, paths)
    note = target / "listing.json"
    content = {"item": plan.item, "title": plan.title, "edition": _EDITION}
    if truth is None and _is_current(note, content, paths):
        return listing
    target.mkdir(parents=True, exist_ok=True)
    for photo, path, sample in zip(
        plan.photos, paths, pool.map(lambda photo: _drawn(plan, photo), plan.photos), strict=True
    ):
        _save(photo, sample, path)
        if truth is not None:
            exact = truth / plan.item / f"{path.stem}.png"
            exact.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(sample.alpha).save(exact, compress_level=1)
    note.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return listing


def _is_current(note: Path, content: dict[str, object], paths: tuple[Path, ...]) -> bool:
    """Whether the folder was finished by this edition; the note is written last."""
    if not note.is_file() or not all(path.is_file() for path in paths):
        return False
    try:
        return bool(json.loads(note.read_text(encoding="utf-8")) == content)
    except ValueError:
        return False


def _drawn(plan: _Plan, photo: Photo) -> Sample:
    return generate(
        photo.seed,
        size=photo.size,
        background=photo.background,
        pose=photo.pose,
        book=plan.book,
        supersampling=2,
    )


def _save(photo: Photo, sample: Sample, path: Path) -> None:
    pixels = np.ascontiguousarray(np.rot90(sample.image)) if photo.exif_turned else sample.image
    image = Image.fromarray(pixels)
    if photo.suffix == "jpg":
        exif = Image.Exif()
        if photo.exif_turned:
            exif[_ORIENTATION_TAG] = 6
        image.save(path, "JPEG", quality=90, exif=exif)
    elif photo.suffix == "webp":
        image.save(path, "WEBP", quality=88, method=2)
    else:
        image.save(path, "PNG", compress_level=1)


def _stem(number: int) -> str:
    return f"image_{number:02d}"
