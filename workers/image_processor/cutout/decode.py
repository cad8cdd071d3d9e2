"""Bytes to an upright sRGB photo, or to the code that says why not.

The format is told by content, never by name. Limits are checked on the header, before pixels are unpacked.
"""

import io
import math
import struct
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, UnidentifiedImageError

from workers.contracts import ErrorCode
from workers.image_processor.cutout import formats
from workers.image_processor.cutout.errors import ImageFaultError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 50 * 1024 * 1024
MAX_PIXELS = 120_000_000
"""Pixels of a source: a large panorama."""
MAX_SIDE = 30_000
WORKED_PIXELS = 50_000_000
WORKED_SIDE = 16_383
"""What is unpacked at full size; larger photos are read at a half, a quarter or an eighth of it. The side is
WebP's own limit, so that every photo can be written in every format.
"""

_READ = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
_ORIENTATION_TAG = 0x0112
_LEVELS_12, _LEVELS_16 = 4095.0, 65535.0
_BAND = 256
"""Rows of deep grey that are worked at a time."""
_SAME_COLOUR = 2
"""Levels by which a profile may differ from sRGB and be taken for it."""
_TURNS: dict[int, "Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]"] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}
_DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    struct.error,
    EOFError,
    OverflowError,
    IndexError,
    KeyError,
    TypeError,
    RuntimeError,
)
"""What Pillow raises for damaged files; the last is libavif's."""
_SIDEWAYS = tuple(_TURNS[orientation] for orientation in (5, 6, 7, 8))


@dataclass(frozen=True)
class Photo:
    """An upright photo: `rgb` (height, width, 3) uint8 sRGB, contiguous; `alpha` (height, width) where it had
    one.
    """

    rgb: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8] | None
    format: str
    source_size: tuple[int, int]
    """Width and height of the upright source: those of `rgb`, unless it was too large to unpack whole."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.rgb.shape[1], self.rgb.shape[0]


def decode(data: bytes) -> Photo:
    """The first frame of an image, turned as its EXIF says, in sRGB; see-through parts lie on white in `rgb`.

    Raises `ImageFaultError` with source_empty, source_too_large, not_an_image, unsupported_format or
    corrupt_image.
    """
    if not data:
        raise ImageFaultError(ErrorCode.SOURCE_EMPTY, "The file is empty.")
    if len(data) > MAX_BYTES:
        raise too_many_bytes(len(data))
    with warnings.catch_warnings():
        # Pillow warns of sizes that are judged here and of metadata that is not used.
        warnings.simplefilter("ignore")
        with _opened(data) as image:
            _check_size(image.size)
            return _unpacked(image)


def too_many_bytes(count: int) -> ImageFaultError:
    """The fault of a file of more than `MAX_BYTES`, for those who know its size before its content."""
    return ImageFaultError(
        ErrorCode.SOURCE_TOO_LARGE,
        f"The file has {count / 1e6:.0f} MB.",
        why=f"At most {MAX_BYTES / 1e6:.0f} MB are read.",
    )


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=_READ)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except _DAMAGE as error:
        # UnidentifiedImageError is an OSError.
        if name := formats.unread(data):
            raise _unsupported(name) from error
        if isinstance(error, UnidentifiedImageError) and not formats.starts_like_one_that_is_read(data):
            raise ImageFaultError(
                ErrorCode.NOT_AN_IMAGE, "The file is not an image.", fix="Upload a JPEG, PNG or WebP."
            ) from error
        raise _corrupt() from error


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise _corrupt()
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE:
        raise _too_many_pixels(size)


def _unpacked(image: Image.Image) -> Photo:
    if formats.is_raw_ycbcr(image):
        raise _unsupported("TIFF with uncompressed YCbCr pixels")
    name, (width, height) = image.format or "unknown", image.size
    try:
        rgb, alpha = _in_srgb(_loaded(image))
        turn = _TURNS.get(_orientation(image))
    except MemoryError as error:
        raise _too_many_pixels(image.size) from error
    except _DAMAGE as error:
        raise _corrupt() from error
    if turn is not None:
        rgb = turn(rgb)
        alpha = None if alpha is None else np.ascontiguousarray(turn(alpha))
        if turn in _SIDEWAYS:
            width, height = height, width
    return Photo(np.ascontiguousarray(rgb), alpha, name, (width, height))


def _loaded(image: Image.Image) -> Image.Image:
    """The pixels, of a very large photo at a share of its size; JPEG is never unpacked at more than that."""
    factor = _reduction(image.size)
    if factor > 1 and image.format == "JPEG":
        image.draft(None, (max(1, image.width // factor), max(1, image.height // factor)))
        # Of a side of one pixel a draft leaves all of the other.
        factor = _reduction(image.size)
    image.load()
    if factor == 1:
        return image
    info = image.info
    if _is_deep(image):
        image = _deep_grey(image)
    elif image.mode in ("P", "PA", "1"):
        image = image.convert("RGBA" if image.mode == "PA" or "transparency" in info else "RGB")
    reduced = image.reduce(factor)
    reduced.info = {key: value for key, value in info.items() if key == "icc_profile"}
    return reduced


def _reduction(size: tuple[int, int]) -> int:
    """The power of two by which both sides are divided, so that the photo fits."""
    factor = 1
    while size[0] * size[1] > WORKED_PIXELS * factor**2 or max(size) > WORKED_SIDE * factor:
        factor *= 2
    return factor


def _in_srgb(image: Image.Image) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8] | None]:
    """Colours as sRGB over white, and alpha unless it is opaque everywhere."""
    if _is_deep(image):
        image = _deep_grey(image)
    alpha: Image.Image | None = None
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        alpha = with_alpha.getchannel("A")
        image = _managed(with_alpha.convert("RGB"), image.info.get("icc_profile"))
        if alpha.getextrema() != (255, 255):
            ground = Image.new("RGB", image.size, "white")
            ground.paste(image, mask=alpha)
            image = ground
        else:
            alpha = None
    else:
        profile = image.info.get("icc_profile")
        if image.mode not in ("RGB", "L", "CMYK"):
            image = image.convert("RGB")
        image = _managed(image, profile)
    return np.asarray(image), None if alpha is None else np.asarray(alpha)


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def _deep_grey(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits, brought to 8: integers by their scale, others by their own range.

    Worked in bands: a panorama's floats would take more room than the photo.
    """
    values = np.asarray(image)
    bands = [values[top : top + _BAND] for top in range(0, values.shape[0], _BAND)]
    extremes = [_extremes(band) for band in bands]
    low = min((low for low, _ in extremes if math.isfinite(low)), default=0.0)
    high = max((high for _, high in extremes if math.isfinite(high)), default=0.0)
    if image.mode == "F" or low < 0 or high > _LEVELS_16:
        bottom, levels = low, max(high - low, 1e-6)
    else:
        # Cameras and scanners of 12 bits write their values into 16 as they are.
        bottom, levels = 0.0, _LEVELS_12 if high <= _LEVELS_12 else _LEVELS_16
    grey = np.empty(values.shape, np.uint8)
    for index, band in enumerate(bands):
        # What is no number is dark, and infinity is as bright as the brightest place that is not.
        known = np.nan_to_num(band.astype(np.float32), nan=low, posinf=high, neginf=low)
        grey[index * _BAND : index * _BAND + len(band)] = ((known - bottom) * (255 / levels)).round()
    return Image.fromarray(grey)


def _extremes(band: npt.NDArray[np.generic]) -> tuple[float, float]:
    """The lowest and the highest finite value; infinities where there is none."""
    known = band[np.isfinite(band)] if band.dtype.kind == "f" else band
    return (float(known.min()), float(known.max())) if known.size else (math.inf, -math.inf)


def _managed(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Through the image's colour profile to sRGB; a profile that does not fit is left out."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), image.mode, "RGB")
            if image.mode == "RGB" and _changes_nothing(transform):
                return image
            managed = ImageCms.applyTransform(image, transform)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            managed = None
        if managed is not None:
            return managed
    return image.convert("RGB")


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a profile is sRGB, told by what it does to a few colours: names are not to be relied on."""
    steps = np.linspace(0, 255, 6).astype(np.uint8)
    probe = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(36, 6, 3)
    seen = ImageCms.applyTransform(Image.fromarray(probe), transform)
    return seen is not None and bool(np.abs(np.asarray(seen).astype(int) - probe).max() <= _SAME_COLOUR)


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 where it is missing or damaged."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except _DAMAGE:
        return 1
    return value if isinstance(value, int) else 1


def _corrupt() -> ImageFaultError:
    return ImageFaultError(
        ErrorCode.CORRUPT_IMAGE, "The image is damaged or ends early.", fix="Save or upload it again."
    )


def _unsupported(name: str) -> ImageFaultError:
    return ImageFaultError(
        ErrorCode.UNSUPPORTED_FORMAT,
        f"The file is of the format {name}, which is not read.",
        fix="Save it as JPEG, PNG or WebP.",
    )


def _too_many_pixels(size: tuple[int, int] | None = None) -> ImageFaultError:
    what = f"The image has {size[0]} x {size[1]} pixels." if size else "The image has too many pixels."
    return ImageFaultError(
        ErrorCode.SOURCE_TOO_LARGE,
        what,
        why=f"At most {MAX_PIXELS / 1e6:.0f} megapixels and {MAX_SIDE} pixels a side are read.",
    )
