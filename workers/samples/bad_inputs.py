"""Files that a careless or hostile upload may hold, and good files of unusual make.

Each is small, made on the spot, and the same every time.
"""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from workers.samples.generator import generate


def text_named_jpg() -> bytes:
    """A text file."""
    return b"Dear Sir, please find the photographs enclosed.\n" * 20


def empty() -> bytes:
    """No bytes at all."""
    return b""


def truncated_jpeg() -> bytes:
    """The first half of a JPEG."""
    whole = _saved(_book(), "JPEG", quality=90)
    return whole[: len(whole) // 2]


def png_bomb(side: int = 20_000) -> bytes:
    """A valid PNG of side x side black pixels in few bytes: unpacked it would take more than a gigabyte."""
    row = bytes(1 + side * 3)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def cmyk_jpeg() -> bytes:
    """A book photo in four inks."""
    buffer = io.BytesIO()
    Image.fromarray(_book()).convert("CMYK").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def deep_png() -> bytes:
    """A book photo in 16-bit grey."""
    grey = _book().mean(axis=2)
    buffer = io.BytesIO()
    Image.fromarray((grey * 257).astype(np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def animated_webp() -> bytes:
    """Three frames, the first of them a book photo."""
    first = Image.fromarray(_book())
    others = [Image.new("RGB", first.size, colour) for colour in ("navy", "olive")]
    buffer = io.BytesIO()
    first.save(buffer, "WEBP", save_all=True, append_images=others, duration=200, quality=80)
    return buffer.getvalue()


def palette_png() -> bytes:
    """A book photo of 64 colours whose background is see-through."""
    sample = generate(7, size=(640, 480), background="paper", pose="lying")
    palette = Image.fromarray(sample.image).quantize(63)
    indices = np.asarray(palette).copy()
    indices[sample.alpha < 128] = 63
    image = Image.fromarray(indices, "P")
    image.putpalette([*(palette.getpalette() or [])[: 63 * 3], 255, 0, 255])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=63)
    return buffer.getvalue()


def blank_jpeg() -> bytes:
    """An empty wall."""
    return _saved(np.full((480, 640, 3), 200, np.uint8), "JPEG", quality=90)


BAD_INPUTS: dict[str, Callable[[], bytes]] = {
    "text.jpg": text_named_jpg,
    "empty.jpg": empty,
    "truncated.jpg": truncated_jpeg,
    "bomb.png": png_bomb,
    "cmyk.jpg": cmyk_jpeg,
    "deep.png": deep_png,
    "animated.webp": animated_webp,
    "palette.png": palette_png,
    "blank.jpg": blank_jpeg,
}
"""File name to what makes it."""


def _book() -> npt.NDArray[np.uint8]:
    return generate(7, size=(640, 480), background="paper", pose="lying").image


def _saved(pixels: npt.NDArray[np.uint8], image_format: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, image_format, quality=quality)
    return buffer.getvalue()
