"""Formats that are known and not read, told by content, so that a file is called by its name."""

import io
import re

from PIL import Image, TiffImagePlugin

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL \r\n", "JPEG XL"),
    (4, b"jP  \r\n", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"8BPS", "Photoshop"),
    (0, b"%!PS", "PostScript"),
    (0, b"%PDF", "PDF"),
    (0, b"\x00\x00\x01\x00", "icon"),
    (0, b"DDS ", "DirectDraw"),
    (0, b"qoif", "QOI"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance"),
    (0, b"FUJIFILMCCD-RAW", "Fujifilm raw"),
    (0, b"IIU\x00", "Panasonic raw"),
    (0, b"IIR", "Olympus raw"),
    (-18, b"TRUEVISION-XFILE", "Targa"),
)
"""Where the bytes stand, from the end where negative, and what they mean."""
_BRANDS: tuple[tuple[frozenset[bytes], str], ...] = (
    (frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")), "HEIC"),
    (frozenset((b"crx ",)), "Canon raw"),
    (frozenset((b"mif1", b"mif2", b"msf1", b"miaf")), "HEIF"),
    (frozenset((b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"M4V ", b"qt  ", b"3gp4", b"3gp5")), "video"),
)
"""Brands of ISO base media files (ISO/IEC 14496-12), the more telling first."""
_AVIF = frozenset((b"avif", b"avis"))
_PORTABLE = re.compile(rb"P[1-7]\s+(#[^\n]*\n\s*)*(\d+\s|WIDTH)")
_SVG = re.compile(rb"(\xef\xbb\xbf)?\s*((<\?xml|<!--|<!DOCTYPE\s+svg)(?s:.*?))?<svg[\s>]", re.IGNORECASE)
_HEAD = 4096
_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8")
_TIFF = (b"II*\x00", b"MM\x00*")
_COMPRESSION, _PHOTOMETRIC = 259, 262
_PIXELS_OF_TIFF = (256, 257, _PHOTOMETRIC)
"""Width, length and photometric interpretation: with them and a place for its pixels a TIFF is whole."""
_PLACES_OF_TIFF = (273, 324)


def unread(data: bytes) -> str | None:
    """The name of the format, where the file is an image (or a video) that is not read."""
    for offset, magic, name in _MAGIC:
        start = offset if offset >= 0 else len(data) + offset
        if start >= 0 and data[start : start + len(magic)] == magic:
            return name
    brands = _brands(data)
    for known, name in _BRANDS:
        if brands & known and not brands & _AVIF:
            return name
    head = data[:_HEAD]
    if _PORTABLE.match(head):
        return "Netpbm"
    if _SVG.match(head):
        return "SVG"
    if data.startswith(_TIFF) and _is_whole_tiff(data):
        return "TIFF with pixels of an unusual kind"
    return None


def is_raw_ycbcr(image: Image.Image) -> bool:
    """Whether a TIFF's pixels are YCbCr and not packed: Pillow would take them for RGB with a fourth byte."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    return (image.tag_v2.get(_PHOTOMETRIC), image.tag_v2.get(_COMPRESSION, 1)) == (6, 1)


def starts_like_one_that_is_read(data: bytes) -> bool:
    """Whether the first bytes are those of a format that is read, so that what fails is the rest."""
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return data.startswith((*_STARTS, *_TIFF)) or webp or bool(_brands(data) & _AVIF)


def _brands(data: bytes) -> frozenset[bytes]:
    """The major and the compatible brands of an ISO base media file."""
    if data[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(data[:4], "big"), len(data), _HEAD)
    return frozenset([data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))])


def _is_whole_tiff(data: bytes) -> bool:
    """Whether a TIFF's first directory can be read and says where the pixels are, within the file."""
    try:
        directory = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
        stream = io.BytesIO(data)
        stream.seek(directory.next)
        directory.load(stream)
        places = [place for tag in _PLACES_OF_TIFF if tag in directory for place in directory[tag]]
        return (
            all(tag in directory for tag in _PIXELS_OF_TIFF)
            and bool(places)
            and all(0 < place < len(data) for place in places)
        )
    except Exception:  # noqa: BLE001 - whatever Pillow says of a damaged directory: it is not whole
        return False
