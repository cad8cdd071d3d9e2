"""The steps in order, from bytes to finished files."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from workers.contracts import Engine, Recipe, Subject
from workers.image_processor.cutout import compose
from workers.image_processor.cutout.decode import decode
from workers.image_processor.cutout.encode import EncodedImage, encode
from workers.image_processor.cutout.matte import Matte, refine
from workers.image_processor.cutout.model import load
from workers.image_processor.models import ModelStore

VERSION = "1"
"""Version of the cutout code: raised when the same recipe would give other pixels."""

_FOUND = 0.4
"""The network's strongest answer (0 to 1) below which it has seen nothing; on blank photos it stays under
0.1.
"""


@dataclass(frozen=True)
class Cutout:
    """The three outputs, what was found, and how long each step took in milliseconds."""

    cutout: EncodedImage
    display: EncodedImage
    thumbnail: EncodedImage
    subject: Subject
    engine: Engine
    timings_ms: dict[str, float]


@dataclass(frozen=True)
class WrittenCutout:
    """A cutout as a file."""

    path: Path
    width: int
    height: int
    bytes: int
    subject: Subject
    timings_ms: dict[str, float]


class _Stopwatch:
    def __init__(self) -> None:
        self.timings_ms: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.timings_ms[name] = round((time.perf_counter() - start) * 1000, 1)


def cut_out(data: bytes, recipe: Recipe, models: ModelStore) -> Cutout:
    """Cut the subject out of an encoded photo and encode the three outputs. Pure: equal inputs, equal bytes.

    Raises `ImageFaultError` for a photo that cannot be cut out, `UnknownModelError` or `MissingModelError`
    for a recipe whose model is not there.
    """
    watch = _Stopwatch()
    matte, subject = _extract(data, recipe, models, watch)
    with watch.step("compose"):
        shown = compose.display(matte, subject)
        small = compose.thumbnail(shown)
    with watch.step("encode"):
        return Cutout(
            cutout=encode(_rgba(matte), recipe.cutout_format),
            display=encode(shown, "webp"),
            thumbnail=encode(small, "webp"),
            subject=subject,
            engine=Engine(model=recipe.model, precision=recipe.precision, version=VERSION),
            timings_ms=watch.timings_ms,
        )


def write_cutout(source: Path, folder: Path, recipe: Recipe, models: ModelStore) -> WrittenCutout:
    """Cut out a photo file and write `folder/<stem>.<format>`: RGBA, the upright photo's full size.

    The file appears complete or not at all. Raises as `cut_out` does, and `OSError` for files that cannot be
    read or written.
    """
    watch = _Stopwatch()
    matte, subject = _extract(source.read_bytes(), recipe, models, watch)
    with watch.step("encode"):
        encoded = encode(_rgba(matte), recipe.cutout_format)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{source.stem}.{encoded.format}"
    scratch = path.with_name(f".{path.name}.part")
    scratch.write_bytes(encoded.content)
    scratch.replace(path)
    return WrittenCutout(path, encoded.width, encoded.height, len(encoded.content), subject, watch.timings_ms)


def extract(photo: npt.NDArray[np.uint8], recipe: Recipe, models: ModelStore) -> Matte:
    """Alpha and clean colours of an upright sRGB photo (height, width, 3); raises as `cut_out` does."""
    return _matte(photo, recipe, models, _Stopwatch())


def _extract(data: bytes, recipe: Recipe, models: ModelStore, watch: _Stopwatch) -> tuple[Matte, Subject]:
    with watch.step("decode"):
        photo = decode(data)
    matte = _matte(photo.rgb, recipe, models, watch)
    if photo.alpha is not None:
        cv2.multiply(matte.alpha, photo.alpha, matte.alpha, scale=1 / 255)
        matte.colour[matte.alpha == 0] = 0
    return matte, compose.measure(matte)


def _matte(photo: npt.NDArray[np.uint8], recipe: Recipe, models: ModelStore, watch: _Stopwatch) -> Matte:
    with watch.step("model"):
        model = load(models.path(recipe.model, recipe.precision))
    with watch.step("infer"):
        mask = model.mask(photo)
    low, high = float(mask.min()), float(mask.max())
    if high < _FOUND or high - low < _FOUND / 2:
        raise compose.no_subject()
    with watch.step("refine"):
        return refine(photo, (mask - low) / (high - low))


def _rgba(matte: Matte) -> npt.NDArray[np.uint8]:
    return np.dstack([matte.colour, matte.alpha])
