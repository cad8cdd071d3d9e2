"""A contact sheet: photos and their cutouts side by side."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont, ImageOps

Picture: TypeAlias = Path | bytes
"""A file or its content."""

_CELL = (360, 300)
_GAP, _EDGE, _LABEL, _HEADER = 12, 36, 34, 84
_PAGE, _CARD, _INK, _FAINT = "#f4f1ea", "#fffdf8", "#2b2723", "#8a8177"
_CHECKS = ("#ffffff", "#e6e3dc")
_CHECK_SIDE = 12


@dataclass(frozen=True)
class Pair:
    """A photo, its cutout, and what to write beneath them."""

    label: str
    before: Picture
    after: Picture


def contact_sheet(pairs: Sequence[Pair], path: Path, *, title: str = "BlueMoxon", columns: int = 2) -> Path:
    """Write a PNG of all pairs, each photo left of its cutout, which lies on a checkerboard; returns `path`.

    Raises `OSError` for a picture that cannot be read or a path that cannot be written.
    """
    columns = max(1, min(columns, len(pairs)))
    rows = -(-len(pairs) // columns)
    card = (2 * _CELL[0] + 3 * _GAP, _CELL[1] + 2 * _GAP + _LABEL)
    size = (
        2 * _EDGE + columns * card[0] + (columns - 1) * 2 * _GAP,
        2 * _EDGE + _HEADER + rows * card[1] + max(0, rows - 1) * 2 * _GAP,
    )
    sheet = Image.new("RGB", size, _PAGE)
    draw = ImageDraw.Draw(sheet)
    draw.text((_EDGE, _EDGE - 6), title, fill=_INK, font=ImageFont.load_default(36))
    count = f"{len(pairs)} photo{'' if len(pairs) == 1 else 's'}, before and after"
    draw.text((_EDGE, _EDGE + 42), count, fill=_FAINT, font=ImageFont.load_default(18))
    for index, pair in enumerate(pairs):
        row, column = divmod(index, columns)
        left = _EDGE + column * (card[0] + 2 * _GAP)
        top = _EDGE + _HEADER + row * (card[1] + 2 * _GAP)
        _card(sheet, draw, pair, (left, top, left + card[0], top + card[1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "PNG")
    return path


def _card(sheet: Image.Image, draw: ImageDraw.ImageDraw, pair: Pair, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    draw.rounded_rectangle(box, radius=8, fill=_CARD, outline="#ddd6c8")
    before = _fitted(pair.before, "RGB")
    after = _fitted(pair.after, "RGBA")
    ground = _checkerboard(after.size)
    ground.paste(after, mask=after.getchannel("A"))
    for picture, cell_left in ((before, left + _GAP), (ground, left + 2 * _GAP + _CELL[0])):
        x = cell_left + (_CELL[0] - picture.width) // 2
        y = top + _GAP + (_CELL[1] - picture.height) // 2
        sheet.paste(picture, (x, y))
    font = ImageFont.load_default(17)
    label = pair.label
    while draw.textlength(label, font=font) > right - left - 2 * _GAP and len(label) > 1:
        label = label[:-2].rstrip() + "…"
    draw.text((left + _GAP + 2, bottom - _LABEL + 2), label, fill=_INK, font=font)


def _fitted(picture: Picture, mode: str) -> Image.Image:
    """The picture, upright, as large as a cell takes it."""
    source = io.BytesIO(picture) if isinstance(picture, bytes) else picture
    with Image.open(source) as image:
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail(_CELL, Image.Resampling.LANCZOS, reducing_gap=2.0)
        return upright.convert(mode)


def _checkerboard(size: tuple[int, int]) -> Image.Image:
    board = Image.new("RGB", size, _CHECKS[0])
    draw = ImageDraw.Draw(board)
    for y in range(0, size[1], _CHECK_SIDE):
        for x in range((y // _CHECK_SIDE % 2) * _CHECK_SIDE, size[0], 2 * _CHECK_SIDE):
            draw.rectangle((x, y, x + _CHECK_SIDE - 1, y + _CHECK_SIDE - 1), fill=_CHECKS[1])
    return board
