"""Pixels to files. An output is encoded once; its bytes are what its suffix and content type say."""

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

ImageFormat: TypeAlias = Literal["webp", "png"]

CONTENT_TYPES: dict[ImageFormat, str] = {"webp": "image/webp", "png": "image/png"}
_WEBP_QUALITY = 90
_WEBP_METHOD = 2
"""Effort 0 to 6: above 2 the files hardly shrink and the time doubles."""
_WEBP_ALPHA_QUALITY = 91
"""Alpha's levels are thinned to 184 of 256, each moved by one at most, 0 and 255 not at all: with more than
192 libwebp packs the plane in two ways to keep the smaller one, which doubles the time of the whole file.
"""
_PNG_LEVEL = 1


@dataclass(frozen=True)
class EncodedImage:
    """A finished file: `content` is an image of `format`, `width` x `height` pixels."""

    content: bytes
    format: ImageFormat
    width: int
    height: int

    @property
    def content_type(self) -> str:
        """MIME type."""
        return CONTENT_TYPES[self.format]

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the content."""
        return hashlib.sha256(self.content).hexdigest()


def encode(pixels: npt.NDArray[np.uint8], image_format: ImageFormat) -> EncodedImage:
    """Encode (height, width, 3 or 4) sRGB pixels. No metadata is written: neither the camera's nor the
    place's.
    """
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    if image_format == "webp":
        image.save(
            buffer, "WEBP", quality=_WEBP_QUALITY, alpha_quality=_WEBP_ALPHA_QUALITY, method=_WEBP_METHOD
        )
    else:
        image.save(buffer, "PNG", compress_level=_PNG_LEVEL)
    return EncodedImage(buffer.getvalue(), image_format, image.width, image.height)
