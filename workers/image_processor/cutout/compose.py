"""What was found, and the subject on a plain ground."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from workers.contracts import ErrorCode, Subject
from workers.image_processor.cutout.errors import ImageFaultError
from workers.image_processor.cutout.matte import Matte

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
    return _shrunk(on_ground(matte, ground), DISPLAY_SIDE)


def thumbnail(shown: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The display image with a long side of at most 400."""
    return _shrunk(shown, THUMBNAIL_SIDE)


def on_ground(matte: Matte, ground: int) -> npt.NDArray[np.uint8]:
    """The subject over a grey `ground` (0 to 255) at full size."""
    result = np.full_like(matte.colour, ground)
    cv2.copyTo(matte.colour, matte.alpha, result)
    soft = (matte.alpha > 0) & (matte.alpha < 255)
    weight = matte.alpha[soft].astype(np.uint16)[:, None]
    mixed = matte.colour[soft].astype(np.uint16) * weight + np.uint16(ground) * (255 - weight)
    result[soft] = ((mixed + 127) // 255).astype(np.uint8)
    return result


def _luminance(matte: Matte) -> float:
    """Alpha-weighted mean of relative luminance (WCAG's, linear light), over a reduced copy."""
    colour = _shrunk(matte.colour, _MEASURE_SIDE).astype(np.float32) / 255
    weight = _shrunk(matte.alpha, _MEASURE_SIDE).astype(np.float32)
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    return float(np.clip((luminance * weight).sum() / max(float(weight.sum()), 1.0), 0, 1))


def _shrunk(image: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
