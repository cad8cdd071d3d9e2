"""Files that are no photo of a book, each with the codes it may end with.

Cut off, bombs, other formats, images with nothing in them. A few bytes make each of them; what it would
unpack to is the point.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import numpy.typing as npt
from PIL import Image

from workers.contracts import ErrorCode
from workers.samples.odd_inputs import book, saved


@dataclass(frozen=True)
class Damaged:
    """What makes the file, and how decoding may end: with one of `codes`, or with a photo if `readable`."""

    make: Callable[[], bytes]
    codes: tuple[ErrorCode, ...]
    readable: bool = False


def png(width: int, height: int, packed: bytes, *extra: tuple[bytes, bytes], depth: int = 8) -> bytes:
    """A PNG of RGB pixels (or of `depth` bits) from deflated rows, with more chunks before them."""
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), *extra, (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def zeros(count: int) -> bytes:
    """`count` zero bytes, deflated."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(count >> 20)) + packer.flush()


def profile_bomb() -> bytes:
    """An ICC profile of 64 MB of zeros."""
    return png(8, 8, zlib.compress(bytes(8 * 25)), (b"iCCP", b"bomb\x00\x00" + zeros(64 << 20)))


def metadata_bomb() -> bytes:
    """A text of 64 MB of zeros."""
    return png(8, 8, zlib.compress(bytes(8 * 25)), (b"zTXt", b"Comment\x00\x00" + zeros(64 << 20)))


def frame_bomb() -> bytes:
    """A thousand frames."""
    first = Image.new("P", (64, 64))
    others = [Image.new("P", (64, 64), index % 7) for index in range(1000)]
    return saved(first, "GIF", save_all=True, append_images=others, duration=20)


def _jpeg() -> bytes:
    return _whole("JPEG")


def _patched(data: bytes, find: bytes, offset: int, value: bytes) -> bytes:
    at = data.index(find) + offset
    return data[:at] + value + data[at + len(value) :]


@cache
def _whole(image_format: str) -> bytes:
    return saved(book(), image_format, compress_level=1)


def _cut(image_format: str, tenth: int) -> bytes:
    whole = _whole(image_format)
    return whole[: len(whole) * tenth // 10]


def _tiff_with_a_wild_offset() -> bytes:
    whole = bytearray(saved(book(), "TIFF"))
    whole[4:8] = struct.pack("<I", 1 << 30)
    return bytes(whole)


def _plain(tone: int) -> bytes:
    return saved(np.full((480, 640, 3), tone, np.uint8), "PNG")


def _stripe(width: int, height: int) -> npt.NDArray[np.uint8]:
    """A dark half in a light picture."""
    pixels = np.full((height, width, 3), 230, np.uint8)
    pixels[height // 4 : height - height // 4, width // 4 : width - width // 4] = (120, 20, 30)
    return pixels


def _noise() -> bytes:
    return saved(np.random.default_rng(4).integers(0, 255, (240, 320, 3), dtype=np.uint8), "PNG")


def _transparent() -> bytes:
    return saved(np.dstack([book(), np.zeros((480, 640), np.uint8)]), "PNG")


def _wrong_checksum() -> bytes:
    whole = bytearray(_whole("PNG"))
    whole[len(whole) // 2] ^= 0xFF
    return bytes(whole)


def _ftyp(brand: bytes) -> bytes:
    return b"\x00\x00\x00\x18ftyp" + brand + b"\x00\x00\x00\x00mif1heic" + bytes(200)


def _tiff_of(photometric: int, bits: int, sample_format: int) -> bytes:
    """A whole, uncompressed TIFF of 2 x 2 pixels with three samples each."""
    entries = (
        (256, 3, 1, 2),
        (257, 3, 1, 2),
        (258, 3, 1, bits),
        (259, 3, 1, 1),
        (262, 3, 1, photometric),
        (273, 4, 1, 200),
        (277, 3, 1, 3),
        (278, 3, 1, 2),
        (279, 4, 1, 12 * bits // 8),
        (339, 3, 1, sample_format),
    )
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = struct.pack("<4sIH", b"II*\x00", 8, len(entries)) + directory + bytes(4)
    return head.ljust(200, b"\x00") + bytes(12 * bits // 8)


_CORRUPT = (ErrorCode.CORRUPT_IMAGE,)
_OTHER = (ErrorCode.UNSUPPORTED_FORMAT,)
_NO_IMAGE = (ErrorCode.NOT_AN_IMAGE,)
_LARGE = (ErrorCode.SOURCE_TOO_LARGE,)

DAMAGED_INPUTS: dict[str, Damaged] = {
    **{
        f"{tenth}-tenths.{suffix}": Damaged(partial(_cut, image_format, tenth), _CORRUPT)
        for image_format, suffix in (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"))
        for tenth in range(1, 10)
    },
    "empty.jpg": Damaged(lambda: b"", (ErrorCode.SOURCE_EMPTY,)),
    "text.jpg": Damaged(lambda: b"Dear Sir, please find the photographs enclosed.\n" * 20, _NO_IMAGE),
    "zeros.jpg": Damaged(lambda: bytes(5000), _NO_IMAGE),
    "archive.png": Damaged(lambda: b"PK\x03\x04" + bytes(500), _NO_IMAGE),
    "program.webp": Damaged(lambda: b"\x7fELF" + bytes(500), _NO_IMAGE),
    "page.jpg": Damaged(lambda: b"<!doctype html><title>404</title>", _NO_IMAGE),
    "start.jpg": Damaged(lambda: b"\xff\xd8\xff\xe0", _CORRUPT),
    "photo.heic": Damaged(lambda: _ftyp(b"heic"), _OTHER),
    "burst.heic": Damaged(lambda: _ftyp(b"heix"), _OTHER),
    "photo.heif": Damaged(lambda: _ftyp(b"mif1"), _OTHER),
    **{
        f"{brand.decode()}.heic": Damaged(partial(_ftyp, brand), _OTHER)
        for brand in (b"hevc", b"heim", b"heis", b"msf1", b"mif2")
    },
    "damaged.avif": Damaged(lambda: _ftyp(b"avif"), _CORRUPT),
    "film.mp4": Damaged(lambda: b"\x00\x00\x00\x14ftypisom" + bytes(200), _OTHER),
    "raw.cr3": Damaged(lambda: _ftyp(b"crx "), _OTHER),
    "photo.jxl": Damaged(lambda: b"\xff\x0a" + bytes(100), _OTHER),
    "photo.jp2": Damaged(lambda: b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(100), _OTHER),
    "stream.j2k": Damaged(lambda: b"\xff\x4f\xff\x51" + bytes(100), _OTHER),
    "grey.pgm": Damaged(lambda: b"P5\n# made by a scanner\n2 2\n255\n\x00\x00\x00\x00", _OTHER),
    "picture.tga": Damaged(lambda: bytes(100) + b"TRUEVISION-XFILE.\x00", _OTHER),
    "texture.dds": Damaged(lambda: b"DDS " + bytes(124), _OTHER),
    "ycbcr.tif": Damaged(lambda: _tiff_of(6, 8, 1), _OTHER),
    "half-floats.tif": Damaged(lambda: _tiff_of(2, 16, 3), _OTHER),
    "layers.psd": Damaged(lambda: b"8BPS\x00\x01" + bytes(100), _OTHER),
    "scan.pdf": Damaged(lambda: b"%PDF-1.7 ", _OTHER),
    "print.eps": Damaged(lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n", _OTHER),
    "drawing.svg": Damaged(lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", _OTHER),
    "drawing-in-lines.svg": Damaged(lambda: b"<svg\n  xmlns='http://www.w3.org/2000/svg'\n/>", _OTHER),
    "drawing-with-prolog.svg": Damaged(
        lambda: b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg xmlns='http://www.w3.org/2000/svg'/>", _OTHER
    ),
    "icon.ico": Damaged(lambda: b"\x00\x00\x01\x00\x01\x00" + bytes(40), _OTHER),
    "pixel-bomb.png": Damaged(lambda: png(20_000, 20_000, zeros(1 << 20)), _LARGE),
    "121-megapixels.png": Damaged(lambda: png(11_000, 11_000, zeros(1 << 20)), _LARGE),
    "profile-bomb.png": Damaged(profile_bomb, _CORRUPT, readable=True),
    "metadata-bomb.png": Damaged(metadata_bomb, _CORRUPT, readable=True),
    "frame-bomb.gif": Damaged(frame_bomb, (), readable=True),
    "more-than-50-MB.jpg": Damaged(lambda: b"\xff\xd8\xff" + bytes(51 << 20), _LARGE),
    "very-long.png": Damaged(lambda: saved(np.zeros((1, 30_001, 3), np.uint8), "PNG"), _LARGE),
    "line.jpg": Damaged(lambda: saved(_stripe(20_000, 1), "JPEG"), (), readable=True),
    "standing-line.jpg": Damaged(lambda: saved(_stripe(1, 20_000), "JPEG"), (), readable=True),
    "line.png": Damaged(lambda: saved(_stripe(20_000, 1), "PNG"), (), readable=True),
    "long.png": Damaged(lambda: saved(np.zeros((1, 20_000, 3), np.uint8), "PNG"), (), readable=True),
    "one-pixel.png": Damaged(lambda: saved(np.zeros((1, 1, 3), np.uint8), "PNG"), (), readable=True),
    "no-width.png": Damaged(lambda: png(0, 10, zlib.compress(b"")), _CORRUPT),
    "too-little-data.png": Damaged(lambda: png(64, 64, zlib.compress(bytes(100))), _CORRUPT, readable=True),
    "odd-depth.png": Damaged(lambda: png(8, 8, zlib.compress(bytes(400)), depth=5), _CORRUPT),
    "wrong-checksum.png": Damaged(_wrong_checksum, _CORRUPT),
    "no-height.jpg": Damaged(lambda: _patched(_jpeg(), b"\xff\xc0", 5, b"\x00\x00"), _CORRUPT),
    "huge-height.jpg": Damaged(lambda: _patched(_jpeg(), b"\xff\xc0", 5, b"\xff\xff"), (*_LARGE, *_CORRUPT)),
    "arithmetic.jpg": Damaged(lambda: _patched(_jpeg(), b"\xff\xc0", 1, b"\xc9"), _CORRUPT, readable=True),
    "lossless.jpg": Damaged(lambda: _patched(_jpeg(), b"\xff\xc0", 1, b"\xc3"), _CORRUPT),
    "no-tables.jpg": Damaged(lambda: _jpeg().replace(b"\xff\xdb", b"\xff\xfe"), _CORRUPT),
    "wild-offset.tif": Damaged(_tiff_with_a_wild_offset, _CORRUPT),
    "half.tif": Damaged(lambda: _cut("TIFF", 5), _CORRUPT),
    "half.gif": Damaged(lambda: _cut("GIF", 5), _CORRUPT, readable=True),
    "half.avif": Damaged(lambda: _cut("AVIF", 5), _CORRUPT),
    "black.png": Damaged(lambda: _plain(0), (), readable=True),
    "white.png": Damaged(lambda: _plain(255), (), readable=True),
    "noise.png": Damaged(_noise, (), readable=True),
    "transparent.png": Damaged(_transparent, (), readable=True),
}
"""File name to what it is. Those that are readable have no subject, or one that a person has to judge."""
