"""From a coarse mask to alpha and clean colours at full size.

At a working size, the outlines of solid subjects are moved to the photo's edges (`outline`); then a colour
guided filter (He et al., 2013) sets alpha, in rounds that are each sharpened. Full size is only visited in
tiles that hold an edge: there the photo guides once more, and the subject's own colour is told apart from the
old background's (Forte, "Approximate Fast Foreground Colour Estimation", 2021).
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from workers.image_processor.cutout.model import usable_cpus
from workers.image_processor.cutout.outline import traced
from workers.image_processor.cutout.scale import fitted, shrunk

Area: TypeAlias = tuple[slice, slice]
"""Rows and columns."""

WORKING_SIDE = 1024
_ROUNDS = ((10, 1e-4, 0.5), (5, 1e-4, 1.0))
"""Radius in working pixels, epsilon in squared colour (0..1) and the scale at which the filter is fitted (He
and Sun, "Fast Guided Filter", 2015) of each round.
"""
_GAIN = 1.6
"""How much a round's result is sharpened about one half: the filter's own blur is taken back."""
_FAINT = 0.05
"""Of a mask: far from anything brighter, the first round's sharpening makes nothing of it."""
_FINAL_RADIUS, _FINAL_EPSILON, _FINAL_GAIN = 3, 1e-5, 1.1
_FINAL_REACH = 2 * _FINAL_RADIUS + 1
"""Pixels from a change of alpha at which the last filter still sees it."""
_TILE = 128
_MARGIN = 16
"""Pixels around a tile that its filters may look at."""
_SURE = 4 / 255
"""Alpha this near to 0 or 1 is taken as that."""
_COLOUR_RADII = (12, 4)


@dataclass(frozen=True)
class Matte:
    """`alpha` (height, width) uint8; `colour` (height, width, 3) uint8, free of background, black where alpha
    is 0.
    """

    colour: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8]


def working_copy(photo: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The photo (height, width, 3) at the size at which its subject is looked for."""
    return shrunk(photo, fitted(photo.shape, WORKING_SIDE))


def refine(
    photo: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.float32],
    working: npt.NDArray[np.uint8] | None = None,
) -> Matte:
    """Alpha and colours of `photo` (height, width, 3) from a coarse `mask` of any size, 0 to 1.

    `working` is the photo's `working_copy`, where the caller has it. Peak extra memory is the two results
    plus one float plane at the photo's size.
    """
    height, width = photo.shape[:2]
    found = _at_working_size(working_copy(photo) if working is None else working, mask)
    rough = np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    alpha = np.asarray(cv2.convertScaleAbs(rough, alpha=255), np.uint8)
    matte = Matte(np.zeros_like(photo), alpha)
    tiles = list(_edge_tiles(alpha))
    cv2.copyTo(photo, alpha, matte.colour)

    def finish(tile: tuple[Area, Area]) -> None:
        _finish(matte, photo, rough, *tile)

    with ThreadPoolExecutor(usable_cpus()) as threads:
        # A tile reads what no other writes, so the order does not matter.
        deque(threads.map(finish, tiles), maxlen=0)
    return matte


def _finish(
    matte: Matte, photo: npt.NDArray[np.uint8], rough: npt.NDArray[np.float32], inner: Area, outer: Area
) -> None:
    """Set alpha and colours of the tile `inner`, looking at `outer` around it."""
    guide = photo[outer]
    fine = _snapped(
        _filtered(guide, np.ascontiguousarray(rough[outer]), _FINAL_RADIUS, _FINAL_EPSILON, _FINAL_GAIN)
    )
    within = (
        slice(inner[0].start - outer[0].start, inner[0].stop - outer[0].start),
        slice(inner[1].start - outer[1].start, inner[1].stop - outer[1].start),
    )
    alpha = cv2.convertScaleAbs(np.ascontiguousarray(fine[within]), alpha=255)
    clean = np.ascontiguousarray(foreground(guide, fine)[within])
    matte.alpha[inner] = alpha
    matte.colour[inner] = cv2.copyTo(clean, alpha)


def foreground(photo: npt.NDArray[np.uint8], alpha: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """The subject's own colour at each pixel, so that colour x alpha over any ground shows no old background.

    Where alpha is 1 it is the photo's colour.
    """
    seen = np.ascontiguousarray(photo.transpose(2, 0, 1), np.float32)
    rest = 1 - alpha
    # Nearly sure pixels decide: those half way are mixtures already, and their alpha may be a little off.
    sure, clear = np.square(np.square(alpha)), np.square(np.square(rest))
    subject = ground = seen
    for radius in _COLOUR_RADII:
        subject = _mean(subject, sure, radius)
        ground = _mean(ground, clear, radius)
        unexplained = seen - alpha * subject
        unexplained -= rest * ground
        unexplained *= sure
        subject = np.clip(subject + unexplained, 0, 255)
    clean = np.round(subject).astype(np.uint8).transpose(1, 2, 0)
    return np.where((alpha >= 1)[..., None], photo, clean)


def _mean(
    planes: npt.NDArray[np.float32], weight: npt.NDArray[np.float32], radius: int
) -> npt.NDArray[np.float32]:
    """Weighted mean of each plane (3, height, width) over a square around each pixel."""
    size = (2 * radius + 1, 2 * radius + 1)
    means = planes * weight
    for plane in means:
        cv2.blur(plane, size, plane)
    means /= cv2.blur(weight, size) + np.float32(1e-5)
    return means


def _at_working_size(guide: npt.NDArray[np.uint8], mask: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    grown = cv2.resize(mask, guide.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    outline = traced(guide, np.asarray(np.clip(grown, 0, 1), np.float32))
    area = _surroundings(outline.mask)
    inner = np.ascontiguousarray(guide[area])
    alpha, least, most = outline.mask[area], outline.least[area], outline.most[area]
    for radius, epsilon, scale in _ROUNDS:
        # A dark board between white pages and a grey ground: their colours lie on one line, and the filter
        # alone would take the board for half of each.
        alpha = np.clip(_filtered(inner, alpha, radius, epsilon, _GAIN, scale), least, most)
    found = np.zeros_like(outline.mask)
    found[area] = _snapped(alpha)
    return found


def _surroundings(mask: npt.NDArray[np.float32]) -> Area:
    """The part of a mask that may hold some of the subject; beyond it the rounds leave nothing."""
    left, top, width, height = cv2.boundingRect((mask > _FAINT).astype(np.uint8))
    reach = 2 * sum(radius for radius, _, _ in _ROUNDS) + 2
    return (
        slice(max(0, top - reach), top + height + reach),
        slice(max(0, left - reach), left + width + reach),
    )


def _filtered(
    guide: npt.NDArray[np.uint8],
    alpha: npt.NDArray[np.float32],
    radius: int,
    epsilon: float,
    gain: float,
    scale: float = 1.0,
) -> npt.NDArray[np.float32]:
    """A round's result; `alpha` itself where the filter finds none.

    In places of strong contrast OpenCV's filter divides by a determinant that single precision has lost, and
    one such pixel spoils all that lie behind it: a larger epsilon is tried then.
    """
    if min(guide.shape[:2]) * scale < 1:
        scale = 1.0
    for softer in (1, 10, 100):
        # The guide stays in bytes: with floats in 0..1 OpenCV's filter takes small covariances for singular
        # and turns into a plain blur.
        smooth = cv2.ximgproc.guidedFilter(guide, alpha, radius, epsilon * softer * 255.0**2, scale=scale)
        if cv2.checkRange(smooth)[0]:
            return np.asarray(np.clip((smooth - 0.5) * gain + 0.5, 0, 1), np.float32)
    return alpha


def _snapped(alpha: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Alpha stretched so that nearly 0 and nearly 1 become just that."""
    return np.asarray(np.clip((alpha - _SURE) / (1 - 2 * _SURE), 0, 1), np.float32)


def _edge_tiles(alpha: npt.NDArray[np.uint8]) -> Iterator[tuple[Area, Area]]:
    """What a tile's edge may change, and that with the margin around it, for tiles in which alpha varies."""
    height, width = alpha.shape
    whole = (slice(0, height), slice(0, width))
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            tile = _within(whole, top, top + _TILE, left, left + _TILE)
            low, high, *_ = cv2.minMaxLoc(alpha[tile])
            if low == high and low in (0, 255):
                continue
            if (inner := _near_edge(alpha, whole, tile)) is not None:
                yield inner, _grown(whole, inner, _MARGIN)


def _near_edge(alpha: npt.NDArray[np.uint8], whole: Area, tile: Area) -> Area | None:
    """The part of `tile` that lies so near to a change of alpha that the last filter moves it."""
    seen = _grown(whole, tile, _FINAL_REACH)
    near = alpha[seen]
    changes = cv2.morphologyEx(near, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    left, top, across, down = cv2.boundingRect(cv2.max(changes, cv2.inRange(near, 1, 254)))
    left, top = left + seen[1].start, top + seen[0].start
    part = _grown(tile, (slice(top, top + down), slice(left, left + across)), _FINAL_REACH)
    return part if all(side.start < side.stop for side in part) else None


def _grown(whole: Area, area: Area, by: int) -> Area:
    rows, columns = area
    return _within(whole, rows.start - by, rows.stop + by, columns.start - by, columns.stop + by)


def _within(whole: Area, top: int, bottom: int, left: int, right: int) -> Area:
    rows, columns = whole
    return (
        slice(max(rows.start, top), min(rows.stop, bottom)),
        slice(max(columns.start, left), min(columns.stop, right)),
    )
