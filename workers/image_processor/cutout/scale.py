"""Images made smaller: how large they become, and how, in the least time."""

import cv2
import numpy as np
import numpy.typing as npt


def fitted(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Width and height of an image of `shape` (height, width, ...) once its long side is at most `side`."""
    height, width = shape[:2]
    scale = min(1.0, side / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrunk(image: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """`image` (height, width, ...) averaged down to `size` (width, height); itself where it has that size.

    It is halved while that leaves whole pixels: a step over another share takes ten times as long.
    """
    width, height = image.shape[1], image.shape[0]
    while width >= 2 * size[0] and height >= 2 * size[1] and width % 2 == height % 2 == 0:
        width, height = width // 2, height // 2
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    if image.shape[1::-1] == size:
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
