"""From a coarse mask to alpha and clean colours at full size.

At a working size, the outlines of solid subjects are moved to the photo's edges (`outline`); then a colour
guided filter (He et al., 2013) sets alpha, in rounds that are each sharpened. Full size is only visited in
tiles that hold an edge: there the photo guides once more, and the subject's own colour is told apart from the
old background's (Forte, "Approximate Fast Foreground Colour Estimation", 2021).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from workers.image_processor.cutout.outline import traced

WORKING_SIDE = 1024
_ROUNDS = ((10, 1e-4), (5, 1e-4))
"""Radius in working pixels and epsilon in squared colour (0..1) of each round."""
_GAIN = 1.6
"""How much a round's result is sharpened about one half: the filter's own blur is taken back."""
_FINAL_RADIUS, _FINAL_EPSILON, _FINAL_GAIN = 3, 1e-5, 1.1
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


def refine(photo: npt.NDArray[np.uint8], mask: npt.NDArray[np.float32]) -> Matte:
    """Alpha and colours of `photo` (height, width, 3) from a coarse `mask` of any size, 0 to 1.

    Peak extra memory is the two results plus one float plane at the photo's size.
    """
    height, width = photo.shape[:2]
    alpha = _resized(_at_working_size(photo, mask), (width, height), cv2.INTER_LINEAR)
    alpha_bytes = np.round(alpha * 255).astype(np.uint8)
    colour = photo.copy()
    for inner, outer in _edge_tiles(alpha_bytes):
        guide, rough = photo[outer], np.ascontiguousarray(alpha[outer])
        fine = _snapped(_filtered(guide, rough, _FINAL_RADIUS, _FINAL_EPSILON, _FINAL_GAIN))
        clean = foreground(guide, fine)
        within = (
            slice(inner[0].start - outer[0].start, inner[0].stop - outer[0].start),
            slice(inner[1].start - outer[1].start, inner[1].stop - outer[1].start),
        )
        alpha_bytes[inner] = np.round(fine[within] * 255).astype(np.uint8)
        colour[inner] = clean[within]
    colour[alpha_bytes == 0] = 0
    return Matte(colour, alpha_bytes)


def foreground(photo: npt.NDArray[np.uint8], alpha: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """The subject's own colour at each pixel, so that colour x alpha over any ground shows no old background.

    Where alpha is 1 it is the photo's colour.
    """
    seen = photo.astype(np.float32)
    weight = alpha[..., None]
    # Nearly sure pixels decide: those half way are mixtures already, and their alpha may be a little off.
    sure, clear = weight**4, (1 - weight) ** 4
    subject = ground = seen
    for radius in _COLOUR_RADII:
        subject_mean = _mean(subject, sure, radius)
        ground_mean = _mean(ground, clear, radius)
        rest = seen - weight * subject_mean - (1 - weight) * ground_mean
        subject = np.clip(subject_mean + sure * rest, 0, 255)
        ground = ground_mean
    clean = np.round(subject).astype(np.uint8)
    opaque = alpha >= 1
    clean[opaque] = photo[opaque]
    return np.asarray(clean, np.uint8)


def _mean(
    values: npt.NDArray[np.float32], weight: npt.NDArray[np.float32], radius: int
) -> npt.NDArray[np.float32]:
    """Weighted mean of (height, width, 3) values over a square around each pixel."""
    size = (2 * radius + 1, 2 * radius + 1)
    total = cv2.blur(weight, size)[..., None]
    return np.asarray(cv2.blur(values * weight, size) / (total + 1e-5), np.float32)


def _at_working_size(photo: npt.NDArray[np.uint8], mask: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    height, width = photo.shape[:2]
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    guide = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    outline = traced(guide, _resized(mask, size, cv2.INTER_CUBIC))
    alpha = outline.mask
    for radius, epsilon in _ROUNDS:
        # A dark board between white pages and a grey ground: their colours lie on one line, and the filter
        # alone would take the board for half of each.
        alpha = np.clip(_filtered(guide, alpha, radius, epsilon, _GAIN), outline.least, outline.most)
    return _snapped(alpha)


def _filtered(
    guide: npt.NDArray[np.uint8], alpha: npt.NDArray[np.float32], radius: int, epsilon: float, gain: float
) -> npt.NDArray[np.float32]:
    # The guide stays in bytes: with floats in 0..1 OpenCV's filter takes small covariances for singular
    # and turns into a plain blur.
    smooth = cv2.ximgproc.guidedFilter(guide, alpha, radius, epsilon * 255.0**2)
    return np.asarray(np.clip((smooth - 0.5) * gain + 0.5, 0, 1), np.float32)


def _resized(
    alpha: npt.NDArray[np.float32], size: tuple[int, int], interpolation: int
) -> npt.NDArray[np.float32]:
    return np.asarray(np.clip(cv2.resize(alpha, size, interpolation=interpolation), 0, 1), np.float32)


def _snapped(alpha: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Alpha stretched so that nearly 0 and nearly 1 become just that."""
    return np.asarray(np.clip((alpha - _SURE) / (1 - 2 * _SURE), 0, 1), np.float32)


def _edge_tiles(alpha: npt.NDArray[np.uint8]) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Tiles in which alpha varies, each with itself and with its margin."""
    height, width = alpha.shape
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            inner = (slice(top, min(top + _TILE, height)), slice(left, min(left + _TILE, width)))
            low, high = int(alpha[inner].min()), int(alpha[inner].max())
            if low == high and low in (0, 255):
                continue
            yield (
                inner,
                (
                    slice(max(0, top - _MARGIN), min(inner[0].stop + _MARGIN, height)),
                    slice(max(0, left - _MARGIN), min(inner[1].stop + _MARGIN, width)),
                ),
            )
