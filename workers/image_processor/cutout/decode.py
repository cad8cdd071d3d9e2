"""Bytes to an upright sRGB photo, or to the code that says why not.

The format is told by content, never by name. Limits are checked on the header, before pixels are unpacked.
"""

import io
import struct
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, UnidentifiedImageError

from workers.contracts import ErrorCode
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
_UNREAD: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypcrx", "Canon raw"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL \r\n", "JPEG XL"),
    (4, b"jP  \r\n", "JPEG 2000"),
    (0, b"8BPS", "Photoshop"),
    (0, b"%!PS", "PostScript"),
    (0, b"%PDF", "PDF"),
    (0, b"<svg", "SVG"),
    (0, b"\x00\x00\x01\x00", "icon"),
)


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
        raise ImageFaultError(
            ErrorCode.SOURCE_TOO_LARGE,
            f"The file has {len(data) / 1e6:.0f} MB.",
            why=f"At most {MAX_BYTES / 1e6:.0f} MB are read.",
        )
    with warnings.catch_warnings():
        # Pillow warns of sizes that are judged here and of metadata that is not used.
        warnings.simplefilter("ignore")
        with _opened(data) as image:
            _check_size(image.size)
            return _unpacked(image)


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=_READ)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except UnidentifiedImageError as error:
        for offset, magic, name in _UNREAD:
            if data[offset : offset + len(magic)] == magic:
                raise ImageFaultError(
                    ErrorCode.UNSUPPORTED_FORMAT,
                    f"The file is of the format {name}, which is not read.",
                    fix="Save it as JPEG, PNG or WebP.",
                ) from error
        if _looks_like_a_damaged_image(data):
            raise _corrupt() from error
        raise ImageFaultError(
            ErrorCode.NOT_AN_IMAGE, "The file is not an image.", fix="Upload a JPEG, PNG or WebP."
        ) from error
    except _DAMAGE as error:
        raise _corrupt() from error


def _looks_like_a_damaged_image(data: bytes) -> bool:
    starts = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\x00", b"MM\x00*")
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return data.startswith(starts) or webp or data[4:12] in (b"ftypavif", b"ftypavis")


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise _corrupt()
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE:
        raise _too_many_pixels(size)


def _unpacked(image: Image.Image) -> Photo:
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
    factor = 1
    while image.width * image.height > WORKED_PIXELS * factor**2 or max(image.size) > WORKED_SIDE * factor:
        factor *= 2
    if factor == 1:
        image.load()
        return image
    if image.format == "JPEG":
        image.draft(None, (image.width // factor, image.height // factor))
        image.load()
        return image
    image.load()
    info = image.info
    if _is_deep(image):
        image = _deep_grey(image)
    elif image.mode in ("P", "PA", "1"):
        image = image.convert("RGBA" if image.mode == "PA" or "transparency" in info else "RGB")
    reduced = image.reduce(factor)
    reduced.info = {key: value for key, value in info.items() if key == "icc_profile"}
    return reduced


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
    """Grey of more than 8 bits, brought to 8: 16-bit integers by their scale, others by their own range."""
    values = np.asarray(image).astype(np.float32)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    # What is no number is dark, and infinity is as bright as the brightest place that is not.
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    if image.mode == "F" or low < 0 or high > 65535:
        values = (values - low) / max(high - low, 1e-6) * 65535
    return Image.fromarray((values / 257).round().astype(np.uint8))


def _managed(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Through the image's colour profile to sRGB; a profile that does not fit is left out."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" in ImageCms.getProfileDescription(source).lower() and image.mode == "RGB":
                return image
            managed = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            managed = None
        if managed is not None:
            return managed
    return image.convert("RGB")


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


def _too_many_pixels(size: tuple[int, int] | None = None) -> ImageFaultError:
    what = f"The image has {size[0]} x {size[1]} pixels." if size else "The image has too many pixels."
    return ImageFaultError(
        ErrorCode.SOURCE_TOO_LARGE,
        what,
        why=f"At most {MAX_PIXELS / 1e6:.0f} megapixels and {MAX_SIDE} pixels a side are read.",
    )
