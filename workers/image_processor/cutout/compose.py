"""What was found, and the subject on a plain ground."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from workers.contracts import ErrorCode, Subject
from workers.image_processor.cutout.errors import ImageFaultError
from workers.image_processor.cutout.matte import Matte
from workers.image_processor.cutout.scale import fitted, shrunk

DISPLAY_SIDE = 2000
THUMBNAIL_SIDE = 400
WHITE = 255
NEAR_BLACK = 18
LIGHT_SUBJECT = 0.60
"""Relative luminance from which a subject would be lost on white and is shown on near-black."""

_MIN_COVERAGE = 0.001
_MEASURE_SIDE = 512
_PRESENT = 128
"""Alpha from which a pixel counts as part of the subject's box."""
_LEVELS = np.arange(256, dtype=np.float32) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
"""Linear light of each level of an sRGB channel."""
_LUMINANCE = np.array([[0.2126, 0.7152, 0.0722]], np.float32)


def measure(matte: Matte, source_size: tuple[int, int] | None = None) -> Subject:
    """Box, coverage and luminance; raises `ImageFaultError` (no_subject) when next to nothing is left.

    `source_size` (width, height) is the source's, where the matte is smaller: the box is in its pixels.
    """
    alpha = matte.alpha
    coverage = float(cv2.mean(alpha)[0]) / 255
    present = cv2.threshold(alpha, _PRESENT - 1, 255, cv2.THRESH_BINARY)[1]
    left, top, width, height = cv2.boundingRect(present)
    if coverage < _MIN_COVERAGE or width == 0 or height == 0:
        raise no_subject()
    rows, columns = alpha.shape
    across, down = source_size or (columns, rows)
    x, y = across / columns, down / rows
    return Subject(
        box=(
            math.floor(left * x),
            math.floor(top * y),
            min(across, math.ceil((left + width) * x)),
            min(down, math.ceil((top + height) * y)),
        ),
        coverage=min(1.0, coverage),
        luminance=_luminance(matte),
    )


def no_subject() -> ImageFaultError:
    """The fault of a photo in which nothing stands out."""
    return ImageFaultError(
        ErrorCode.NO_SUBJECT,
        "Nothing in the photo stands out from its background.",
        fix="Use a photo that shows the whole book on a plain ground.",
    )


def display(matte: Matte, subject: Subject) -> npt.NDArray[np.uint8]:
    """The whole frame on white, or on near-black for a light subject; (height, width, 3), long side at most
    2,000.
    """
    ground = NEAR_BLACK if subject.luminance >= LIGHT_SUBJECT else WHITE
    shown = on_ground(matte, ground)
    return shrunk(shown, fitted(shown.shape, DISPLAY_SIDE))


def thumbnail(shown: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The display image with a long side of at most 400."""
    return shrunk(shown, fitted(shown.shape, THUMBNAIL_SIDE))


def on_ground(matte: Matte, ground: int) -> npt.NDArray[np.uint8]:
    """The subject over a grey `ground` (0 to 255) at full size."""
    result = np.full_like(matte.colour, ground)
    cv2.copyTo(matte.colour, matte.alpha, result)
    soft = cv2.findNonZero(cv2.inRange(matte.alpha, 1, 254))
    if soft is not None:
        columns, rows = soft[:, 0, 0], soft[:, 0, 1]
        weight = matte.alpha[rows, columns].astype(np.uint16)[:, None]
        mixed = matte.colour[rows, columns].astype(np.uint16) * weight + np.uint16(ground) * (255 - weight)
        result[rows, columns] = (mixed + 127) // 255
    return result


def _luminance(matte: Matte) -> float:
    """Alpha-weighted mean of relative luminance (WCAG's, linear light), over a reduced copy."""
    size = fitted(matte.alpha.shape, _MEASURE_SIDE)
    weight = shrunk(matte.alpha, size).astype(np.float32)
    linear = cv2.transform(cv2.LUT(shrunk(matte.colour, size), _LINEAR), _LUMINANCE)
    return float(np.clip((linear * weight).sum() / max(float(weight.sum()), 1.0), 0, 1))
