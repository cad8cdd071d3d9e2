"""How the network is shown a photo: as it is, or once more from nearer or farther away.

The network sees 320 x 320 cells. A small book is a few of them, so the second look shows the part of the
photo that the first one found; a book that fills the frame or is cut off by it leaves no ground to tell it
from, so it is shown with ground around it. The second look is also shown mirrored, and both answers are
averaged.
"""

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from workers.image_processor.cutout.model import Network
from workers.image_processor.cutout.scale import fitted

Frame: TypeAlias = tuple[float, float, float, float]
"""left, top, right, bottom in pixels of the photo; it may reach beyond it."""

FOUND = 0.4
"""The network's strongest answer (0 to 1) below which it has seen nothing; on blank photos it stays under
0.1.
"""
_CANVAS = 1024
"""Long side of a second look's mask."""
_CENTRE = 0.6
_ROOM = 0.2
"""Ground that a nearer look leaves around the subject, in shares of its size."""
_STEP_BACK = 0.25
"""Ground that a farther look adds on each side, in shares of the photo's."""
_NEAR = 0.6
"""Share of the photo that a nearer look may show; above, it would be the first look again."""


def first_look(photo: npt.NDArray[np.uint8], model: Network) -> npt.NDArray[np.float32] | None:
    """The network's mask in 0..1, or None where nothing stands out."""
    return _stretched(model.mask(photo))


def second_look(
    photo: npt.NDArray[np.uint8], model: Network, seen: npt.NDArray[np.uint8] | None
) -> npt.NDArray[np.float32] | None:
    """A mask in 0..1 of the photo's shape, or None where nothing stands out; `seen` is the first look's
    alpha.
    """
    frame = chosen_frame(photo.shape, seen)
    view = _view(photo, frame, model.side)
    mirrored = model.mask(np.ascontiguousarray(view[:, ::-1]))[:, ::-1]
    mask = _stretched(np.asarray((model.mask(view) + mirrored) / 2, np.float32))
    return None if mask is None else _placed(mask, frame, photo.shape)


def chosen_frame(shape: tuple[int, ...], seen: npt.NDArray[np.uint8] | None) -> Frame:
    """What the second look shows of a photo of `shape` (height, width, ...)."""
    height, width = shape[:2]
    if seen is None:
        side = (1 - _CENTRE) / 2
        return width * side, height * side, width * (1 - side), height * (1 - side)
    left, top, across, down = cv2.boundingRect((seen > 127).astype(np.uint8))
    near = (
        max(0.0, left - across * _ROOM),
        max(0.0, top - down * _ROOM),
        min(float(width), left + across * (1 + _ROOM)),
        min(float(height), top + down * (1 + _ROOM)),
    )
    touches = left == 0 or top == 0 or left + across == width or top + down == height
    if across and not touches and (near[2] - near[0]) * (near[3] - near[1]) < _NEAR * width * height:
        return near
    return -width * _STEP_BACK, -height * _STEP_BACK, width * (1 + _STEP_BACK), height * (1 + _STEP_BACK)


def _stretched(mask: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
    low, high = float(mask.min()), float(mask.max())
    if high < FOUND or high - low < FOUND / 2:
        return None
    return np.asarray((mask - low) / (high - low), np.float32)


def _view(photo: npt.NDArray[np.uint8], frame: Frame, side: int) -> npt.NDArray[np.uint8]:
    """The frame's content at twice the network's size; beyond the photo lies the colour of its border."""
    left, top, right, bottom = frame
    height, width = photo.shape[:2]
    size = 2 * side
    inner = photo[max(0, round(top)) : round(bottom), max(0, round(left)) : round(right)]
    if left >= 0 and top >= 0:
        return np.asarray(cv2.resize(inner, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    across, down = round(size * width / (right - left)), round(size * height / (bottom - top))
    small = np.asarray(cv2.resize(photo, (across, down), interpolation=cv2.INTER_AREA), np.uint8)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    view = np.empty((size, size, 3), np.uint8)
    view[:] = np.median(border, axis=0).astype(np.uint8)
    x, y = (size - across) // 2, (size - down) // 2
    view[y : y + down, x : x + across] = small
    return view


def _placed(mask: npt.NDArray[np.float32], frame: Frame, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """The frame's mask on a canvas of the photo's shape, nothing outside the frame."""
    height, width = shape[:2]
    size = fitted(shape, _CANVAS)
    left, top, right, bottom = frame
    across, down = mask.shape[1] / (right - left), mask.shape[0] / (bottom - top)
    # Pixel centres: the canvas's x lies at (x + 0.5) / scale in the photo.
    to_mask = np.array(
        [
            [across * width / size[0], 0, (0.5 * width / size[0] - left) * across - 0.5],
            [0, down * height / size[1], (0.5 * height / size[1] - top) * down - 0.5],
        ],
        np.float32,
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(mask, to_mask, size, flags=flags, borderValue=0), np.float32)
