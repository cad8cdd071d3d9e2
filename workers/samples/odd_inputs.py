"""Good image files of unusual make: each has to come out as a photo, whatever its pixels are stored as."""

import io
import struct
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from workers.samples.generator import Sample, generate

ORIENTATION_TAG = 0x0112


@cache
def _sample() -> Sample:
    return generate(7, size=(640, 480), background="paper", pose="lying")


def book() -> npt.NDArray[np.uint8]:
    """A small photo of a book on paper; the same array each time."""
    return _sample().image


def saved(image: Image.Image | npt.NDArray[np.uint8], image_format: str, **options: object) -> bytes:
    """The image as a file of the named format."""
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(
        buffer, image_format, **options
    )
    return buffer.getvalue()


def _photo() -> Image.Image:
    return Image.fromarray(book())


def _frames(image_format: str, **options: object) -> bytes:
    first = _photo()
    others = [Image.new("RGB", first.size, colour) for colour in ("navy", "olive")]
    return saved(first, image_format, save_all=True, append_images=others, **options)


def cmyk_with_adobe_marker() -> bytes:
    """Four inks stored inverted, as Adobe's programs write them."""
    return saved(_photo().convert("CMYK"), "JPEG", quality=90)


def deep_png() -> bytes:
    """16-bit grey."""
    return saved(Image.fromarray((book().mean(axis=2) * 257).astype(np.uint16)), "PNG")


def deep_tiff(byte_order: str = "<") -> bytes:
    """16-bit grey in TIFF, low or high byte first."""
    return saved(Image.fromarray((book().mean(axis=2) * 257).astype(f"{byte_order}u2")), "TIFF")


def float_tiff(flaw: float | None = None) -> bytes:
    """32-bit floats, with `flaw` (not a number, infinity) in some places."""
    values = book().mean(axis=2).astype(np.float32) / 255
    if flaw is not None:
        values[::7, ::5] = flaw
    return saved(Image.fromarray(values), "TIFF")


def palette_png() -> bytes:
    """64 colours, the background see-through."""
    palette = _photo().quantize(63)
    indices = np.asarray(palette).copy()
    indices[_sample().alpha < 128] = 63
    image = Image.fromarray(indices, "P")
    image.putpalette([*(palette.getpalette() or [])[: 63 * 3], 255, 0, 255])
    return saved(image, "PNG", transparency=63)


def turned(orientation: int) -> bytes:
    """EXIF says how the camera was held; above 8 and below 1 it lies."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    return saved(_photo(), "JPEG", exif=exif, quality=90)


def exif_that_lies() -> bytes:
    """EXIF whose directory points beyond its own end."""
    block = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x40\x00" + struct.pack(
        "<HHII", ORIENTATION_TAG, 3, 9, 1 << 30
    )
    return saved(_photo(), "JPEG", exif=block, quality=90)


def with_profile(profile: bytes) -> bytes:
    """A JPEG with that ICC profile, right or wrong."""
    return saved(_photo(), "JPEG", icc_profile=profile, quality=90)


def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _with_trailing_bytes() -> bytes:
    return saved(_photo(), "JPEG", quality=90) + b"\x00" * 4096 + b"PK\x03\x04"


def _alpha_of_the_book() -> bytes:
    return saved(np.dstack([book(), _sample().alpha]), "PNG", compress_level=1)


ODD_INPUTS: dict[str, Callable[[], bytes]] = {
    "progressive.jpg": lambda: saved(_photo(), "JPEG", progressive=True, quality=90),
    "optimised.jpg": lambda: saved(_photo(), "JPEG", optimize=True, quality=30),
    "restarts.jpg": lambda: saved(_photo(), "JPEG", restart_marker_blocks=4, quality=90),
    "subsampled.jpg": lambda: saved(_photo(), "JPEG", subsampling=2, quality=90),
    "grey.jpg": lambda: saved(_photo().convert("L"), "JPEG", quality=90),
    "cmyk.jpg": cmyk_with_adobe_marker,
    "cmyk.tif": lambda: saved(_photo().convert("CMYK"), "TIFF"),
    "lab.tif": lambda: saved(_lab(), "TIFF"),
    "ycbcr.jpg": lambda: saved(_photo().convert("YCbCr"), "JPEG", quality=90),
    "deep.png": deep_png,
    "deep.tif": deep_tiff,
    "twelve-bits.tif": lambda: saved(
        Image.fromarray((book().mean(axis=2) / 255 * 4095).astype(np.uint16)), "TIFF"
    ),
    "deep-big-endian.tif": lambda: deep_tiff(">"),
    "float.tif": float_tiff,
    "not-a-number.tif": lambda: float_tiff(float("nan")),
    "infinite.tif": lambda: float_tiff(float("inf")),
    "lzw.tif": lambda: saved(_photo(), "TIFF", compression="tiff_lzw"),
    "deflated.tif": lambda: saved(_photo(), "TIFF", compression="tiff_adobe_deflate"),
    "jpeg-in.tif": lambda: saved(_photo(), "TIFF", compression="jpeg"),
    "pages.tif": lambda: _frames("TIFF"),
    "palette.png": palette_png,
    "grey-alpha.png": lambda: saved(Image.open(io.BytesIO(_alpha_of_the_book())).convert("LA"), "PNG"),
    "alpha.png": _alpha_of_the_book,
    "alpha.webp": lambda: saved(Image.open(io.BytesIO(_alpha_of_the_book())), "WEBP", quality=80),
    "lossless.webp": lambda: saved(_photo(), "WEBP", lossless=True),
    "animated.webp": lambda: _frames("WEBP", duration=200, quality=80),
    "animated.gif": lambda: _frames("GIF", duration=200),
    "animated.png": lambda: _frames("PNG", duration=200),
    "photo.avif": lambda: saved(_photo(), "AVIF", quality=80),
    "photo.bmp": lambda: saved(_photo(), "BMP"),
    "photo.gif": lambda: saved(_photo(), "GIF"),
    "png-named.jpg": lambda: saved(_photo(), "PNG"),
    "trailing.jpg": _with_trailing_bytes,
    "profile.jpg": lambda: with_profile(_srgb()),
    "broken-profile.jpg": lambda: with_profile(b"this is no profile"),
    "half-a-profile.jpg": lambda: with_profile(_srgb()[:200]),
    "huge-profile.jpg": lambda: with_profile(_srgb() + bytes(3_000_000)),
    "lying-exif.jpg": exif_that_lies,
    "orientation-0.jpg": lambda: turned(0),
    "orientation-6.jpg": lambda: turned(6),
    "orientation-99.jpg": lambda: turned(99),
}
"""File name to what makes it. Each holds the same book."""


def _lab() -> Image.Image:
    lab = ImageCms.profileToProfile(
        _photo(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    if lab is None:
        raise RuntimeError("littlecms made no image")
    return lab
