"""The steps in order, from bytes to finished files."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from workers.contracts import Engine, Quality, Recipe, Subject
from workers.image_processor.cutout import compose, rembg_model
from workers.image_processor.cutout.decode import MAX_BYTES, decode, too_many_bytes
from workers.image_processor.cutout.encode import EncodedImage, encode
from workers.image_processor.cutout.judge import Verdict, judge
from workers.image_processor.cutout.looks import first_look, second_look
from workers.image_processor.cutout.matte import Matte, refine, working_copy
from workers.image_processor.cutout.model import Network, load
from workers.image_processor.models import ModelStore

VERSION = "5"
"""Version of the cutout code: raised when the same recipe would give other pixels."""


@dataclass(frozen=True)
class Cutout:
    """The three outputs, what was found, how good it seems, and how long each step took in milliseconds."""

    cutout: EncodedImage
    display: EncodedImage
    thumbnail: EncodedImage
    subject: Subject
    quality: Quality
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
    quality: Quality
    timings_ms: dict[str, float]


def _unlimited() -> None:
    """For callers without a deadline."""


class _Stopwatch:
    """Times the steps; `checkpoint` is called before each and may raise to stop."""

    def __init__(self, checkpoint: Callable[[], None] = _unlimited) -> None:
        self.timings_ms: dict[str, float] = {}
        self._checkpoint = checkpoint

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self._checkpoint()
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - start) * 1000
            self.timings_ms[name] = round(self.timings_ms.get(name, 0) + spent, 1)


def cut_out(
    data: bytes, recipe: Recipe, models: ModelStore, checkpoint: Callable[[], None] = _unlimited
) -> Cutout:
    """Cut the subject out of an encoded photo and encode the three outputs. Pure: equal inputs, equal bytes.

    Raises `ImageFaultError` for a photo that cannot be cut out, `UnknownModelError` or `MissingModelError`
    for a recipe whose model is not there, and whatever `checkpoint`, called before each step, raises.
    """
    watch = _Stopwatch(checkpoint)
    matte, source_size, verdict = _extract(data, recipe, models, watch)
    with ThreadPoolExecutor(1) as thread:
        with watch.step("compose"):
            # The full size's file takes longest: everything else is made meanwhile.
            cutout = thread.submit(encode, _rgba(matte), recipe.cutout_format)
            subject = compose.measure(matte, source_size)
            shown = compose.display(matte, subject)
            del matte
        with watch.step("encode"):
            display, thumbnail = encode(shown, "webp"), encode(compose.thumbnail(shown), "webp")
            return Cutout(
                cutout=cutout.result(),
                display=display,
                thumbnail=thumbnail,
                subject=subject,
                quality=verdict.quality,
                engine=Engine(model=recipe.model, precision=recipe.precision, version=VERSION),
                timings_ms=watch.timings_ms,
            )


def write_cutout(source: Path, folder: Path, recipe: Recipe, models: ModelStore) -> WrittenCutout:
    """Cut out a photo file and write `folder/<stem>.<format>`: RGBA, of the upright photo's size, or of a
    share of it above 50 megapixels.

    The file appears complete or not at all. Raises as `cut_out` does, and `OSError` for files that cannot be
    read or written.
    """
    watch = _Stopwatch()
    if (size := source.stat().st_size) > MAX_BYTES:
        raise too_many_bytes(size)
    matte, source_size, verdict = _extract(source.read_bytes(), recipe, models, watch)
    subject = compose.measure(matte, source_size)
    with watch.step("encode"):
        encoded = encode(_rgba(matte), recipe.cutout_format)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{source.stem}.{encoded.format}"
    scratch = path.with_name(f".{path.name}.part")
    try:
        scratch.write_bytes(encoded.content)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    return WrittenCutout(
        path,
        encoded.width,
        encoded.height,
        len(encoded.content),
        subject,
        verdict.quality,
        watch.timings_ms,
    )


def network(recipe: Recipe, models: ModelStore) -> Network:
    """What finds the subject by this recipe, made once per process; raises as `cut_out` does."""
    if recipe.model.startswith(rembg_model.PREFIX):
        return rembg_model.load(recipe.model, recipe.precision)
    return load(models.path(recipe.model, recipe.precision))


def extract(photo: npt.NDArray[np.uint8], recipe: Recipe, models: ModelStore) -> Matte:
    """Alpha and clean colours of an upright sRGB photo (height, width, 3); raises as `cut_out` does."""
    return _matte(photo, recipe, models, _Stopwatch())[0]


def _extract(
    data: bytes, recipe: Recipe, models: ModelStore, watch: _Stopwatch
) -> tuple[Matte, tuple[int, int], Verdict]:
    """With the source's size (width, height): the matte may be smaller."""
    with watch.step("decode"):
        photo = decode(data)
    matte, verdict = _matte(photo.rgb, recipe, models, watch)
    if photo.alpha is not None:
        # Both see the same soft edges: their product would make them harder twice.
        cv2.min(matte.alpha, photo.alpha, matte.alpha)
        matte.colour[matte.alpha == 0] = 0
    return matte, photo.source_size, verdict


def _matte(
    photo: npt.NDArray[np.uint8], recipe: Recipe, models: ModelStore, watch: _Stopwatch
) -> tuple[Matte, Verdict]:
    """The better of one look, or of two where the first is poor."""
    with watch.step("model"):
        model = network(recipe, models)
    with watch.step("shrink"):
        working = working_copy(photo)
    with watch.step("infer"):
        mask = first_look(working, model)
    first = _cut(photo, working, mask, watch)
    if first is not None and not first[1].reasons:
        return first
    with watch.step("second_look"):
        mask = second_look(photo, model, first[0].alpha if first else None)
    second = _cut(photo, working, mask, watch)
    looks = [look for look in (first, second) if look is not None]
    if not looks:
        raise compose.no_subject()
    return max(looks, key=lambda look: (not look[1].reasons, look[1].score))


def _cut(
    photo: npt.NDArray[np.uint8],
    working: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.float32] | None,
    watch: _Stopwatch,
) -> tuple[Matte, Verdict] | None:
    if mask is None:
        return None
    with watch.step("refine"):
        matte = refine(photo, mask, working)
    with watch.step("judge"):
        return matte, judge(working, mask, matte)


def _rgba(matte: Matte) -> npt.NDArray[np.uint8]:
    height, width = matte.alpha.shape
    rgba = np.empty((height, width, 4), np.uint8)
    cv2.mixChannels([matte.colour, matte.alpha], [rgba], [0, 0, 1, 1, 2, 2, 3, 3])
    return rgba
