"""Surfaces of books and of what they lie on, drawn from noise.

Every function takes the random generator and returns a float32 array of (height, width, 3), sRGB in 0..1. The
same generator state gives the same pixels.
"""

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Pixels: TypeAlias = npt.NDArray[np.float32]
Colour: TypeAlias = tuple[float, float, float]

GOLD: Colour = (0.83, 0.66, 0.33)
PAGE: Colour = (0.91, 0.87, 0.77)


def colour_field(height: int, width: int, colour: Colour) -> Pixels:
    """A plain area of one colour."""
    return np.full((height, width, 3), colour, np.float32)


def noise(
    rng: np.random.Generator, height: int, width: int, cells: tuple[float, float], octaves: int = 4
) -> Pixels:
    """Fractal value noise of (height, width) around 0 with a standard deviation of about 1.

    `cells` are the coarsest octave's cells down and across; unequal numbers stretch the noise, as in wood.
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        rows = min(height, max(2, round(cells[0] * 2**octave) + 1))
        columns = min(width, max(2, round(cells[1] * 2**octave) + 1))
        grid = rng.standard_normal((rows, columns), dtype=np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(0.55**octave)
    spread = float(total.std()) or 1.0
    return np.asarray((total - total.mean()) / spread, np.float32)


def relief(field: Pixels, strength: float) -> Pixels:
    """Light from the upper left over a height field, as factors around 1 of shape (height, width, 1)."""
    across = cv2.Sobel(field, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(field, cv2.CV_32F, 0, 1, ksize=3)
    return np.asarray(1 + strength * (across + down)[..., None], np.float32)


def leather(rng: np.random.Generator, height: int, width: int, colour: Colour) -> Pixels:
    """Grained leather: pores, mottling, edges darkened by hands."""
    grain = cv2.GaussianBlur(rng.standard_normal((height, width), dtype=np.float32), (0, 0), 2.2) * 4
    mottle = noise(rng, height, width, (4, 3), 5)
    surface = colour_field(height, width, colour) * (1 + 0.10 * mottle[..., None])
    surface *= relief(np.abs(grain), 0.035)
    return np.asarray(np.clip(surface * _worn_edges(height, width, 0.22), 0, 1), np.float32)


def bookcloth(rng: np.random.Generator, height: int, width: int, colour: Colour) -> Pixels:
    """Woven book cloth, a little faded in patches."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    weave = np.sin(x * 1.9) * 0.5 + np.sin(y * 1.7) * 0.5
    threads = noise(rng, height, width, (height / 4, width / 60), 1) + noise(
        rng, height, width, (height / 60, width / 4), 1
    )
    fading = noise(rng, height, width, (2, 2), 3)
    surface = colour_field(height, width, colour)
    surface = surface * (1 + 0.035 * weave + 0.03 * threads + 0.04 * fading)[..., None]
    return np.asarray(np.clip(surface * _worn_edges(height, width, 0.12), 0, 1), np.float32)


def marbled(rng: np.random.Generator, height: int, width: int, colour: Colour) -> Pixels:
    """Marbled paper: veins of three inks on the ground colour."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    drift = noise(rng, height, width, (5, 4), 4) * 30
    bent = cv2.remap(
        noise(rng, height, width, (9, 7), 3),
        x + drift,
        y - drift,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    surface = colour_field(height, width, colour)
    inks: tuple[Colour, ...] = ((0.78, 0.70, 0.55), (0.16, 0.20, 0.30), (0.55, 0.17, 0.14))
    for level, ink in zip((-0.9, 0.1, 1.0), inks, strict=True):
        vein = np.exp(-(((bent - level) / 0.16) ** 2))[..., None]
        surface = surface * (1 - vein) + np.asarray(ink, np.float32) * vein
    return np.asarray(np.clip(surface * _worn_edges(height, width, 0.15), 0, 1), np.float32)


def page_edges(rng: np.random.Generator, height: int, width: int, gilt: bool) -> Pixels:
    """The edge of a page block, its leaves running along the width."""
    base: Colour = GOLD if gilt else (0.87, 0.82, 0.70)
    leaves = np.repeat(rng.standard_normal((height, 1), dtype=np.float32), width, axis=1)
    stains = noise(rng, height, width, (2, 6), 3)
    surface = colour_field(height, width, base) * (
        1 + (0.05 if gilt else 0.09) * leaves[..., None] + 0.04 * stains[..., None]
    )
    return np.asarray(np.clip(surface, 0, 1), np.float32)


def printed_page(rng: np.random.Generator, height: int, width: int, gutter_left: bool) -> Pixels:
    """A page of set text that darkens towards the gutter."""
    surface = colour_field(height, width, PAGE)
    surface *= (1 + 0.025 * noise(rng, height, width, (3, 3), 4))[..., None]
    margin, line = round(width * 0.13), max(6, round(height / 42))
    paragraph = int(rng.integers(5, 9))
    for row, y in enumerate(range(margin + line * 2, height - margin - line, line)):
        x = margin + (line if row % paragraph == 0 else 0)
        right = width - margin - (int(rng.integers(0, width // 3)) if row % paragraph == paragraph - 1 else 0)
        while x < right - line:
            word = int(rng.integers(line, line * 3))
            ink = np.float32(0.30 + 0.15 * rng.random())
            surface[y : y + max(2, line // 3), x : min(x + word, right)] *= ink
            x += word + line // 2
    surface = np.asarray(cv2.GaussianBlur(surface, (0, 0), 0.8), np.float32)
    across = np.linspace(0, 1, width, dtype=np.float32)
    distance = across if gutter_left else 1 - across
    return np.asarray(surface * (1 - 0.45 * np.exp(-distance * 9))[None, :, None], np.float32)


def wood(rng: np.random.Generator, height: int, width: int, colour: Colour) -> Pixels:
    """Planks with grain across the picture and dark joints."""
    surface = np.empty((height, width, 3), np.float32)
    plank = round(height / rng.uniform(3.2, 5.5))
    for top in range(0, height, plank):
        rows = min(plank, height - top)
        grain = noise(rng, rows, width, (26, 1.5), 4)
        rings = np.sin(noise(rng, rows, width, (3, 1.2), 2) * 9 + grain)
        tone = 1 + rng.uniform(-0.10, 0.10) + 0.09 * grain + 0.05 * rings
        surface[top : top + rows] = np.asarray(colour, np.float32) * tone[..., None]
        surface[top : top + 5] *= 0.45
    return np.asarray(np.clip(surface, 0, 1), np.float32)


def linen(rng: np.random.Generator, height: int, width: int, colour: Colour) -> Pixels:
    """A cloth with soft folds and a visible weave."""
    folds = np.asarray(cv2.GaussianBlur(noise(rng, height, width, (2.5, 1.7), 2), (0, 0), 25), np.float32)
    weave = noise(rng, height, width, (height / 4, width / 40), 1) + noise(
        rng, height, width, (height / 40, width / 4), 1
    )
    surface = colour_field(height, width, colour) * relief(folds * 60, 0.03)
    return np.asarray(np.clip(surface * (1 + 0.03 * weave[..., None]), 0, 1), np.float32)


def table(rng: np.random.Generator, height: int, width: int, colour: Colour) -> Pixels:
    """A painted or stone table top, nearly plain."""
    specks = noise(rng, height, width, (40, 40), 3)
    clouds = noise(rng, height, width, (3, 4), 4)
    surface = colour_field(height, width, colour)
    return np.asarray(np.clip(surface * (1 + 0.025 * specks + 0.05 * clouds)[..., None], 0, 1), np.float32)


def gradient(rng: np.random.Generator, height: int, width: int, colour: Colour) -> Pixels:
    """A photographer's paper sweep: light falling off from one side."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    slope = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    return np.asarray(
        np.clip(colour_field(height, width, colour) * (1 + 0.30 * slope)[..., None], 0, 1), np.float32
    )


def paper(rng: np.random.Generator, height: int, width: int, colour: Colour) -> Pixels:
    """Sheets of white or brown paper with a few creases."""
    fibres = noise(rng, height, width, (height / 5, width / 5), 1)
    clouds = noise(rng, height, width, (3, 3), 4)
    surface = colour_field(height, width, colour) * (1 + 0.012 * fibres + 0.02 * clouds)[..., None]
    creases = np.ones((height, width), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        ends = rng.uniform(0, 1, (2, 2)) * (width, height)
        cv2.line(creases, ends[0].astype(int).tolist(), ends[1].astype(int).tolist(), 0.82, 3)
    return np.asarray(np.clip(surface * cv2.GaussianBlur(creases, (0, 0), 2)[..., None], 0, 1), np.float32)


def gilded(
    rng: np.random.Generator, surface: Pixels, frames: int, lines: tuple[str, ...], bands: bool = False
) -> Pixels:
    """`surface` with gold rules, corner flowers and centred lines of capitals; `bands` adds a spine's raised
    bands.
    """
    height, width = surface.shape[:2]
    layer = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(layer)
    inset = round(min(width, height) * 0.06)
    for frame in range(frames):
        edge = inset * (1 + frame)
        draw.rectangle((edge, edge, width - edge, height - edge), outline=255, width=max(2, 5 - 2 * frame))
    if frames:
        _corner_flowers(draw, width, height, inset * (frames + 1), inset)
    _capitals(draw, width, height, lines, narrow=bands)
    gold = np.asarray(layer, np.float32)[..., None] / 255
    lustre = 1 + 0.16 * noise(rng, height, width, (6, 6), 4)[..., None]
    result = surface * (1 - gold) + np.asarray(GOLD, np.float32) * lustre * gold
    if bands:
        result = result * _raised_bands(height)[:, None, None]
    return np.asarray(np.clip(result, 0, 1), np.float32)


def _corner_flowers(draw: ImageDraw.ImageDraw, width: int, height: int, edge: int, size: int) -> None:
    for x, y in ((edge, edge), (width - edge, edge), (edge, height - edge), (width - edge, height - edge)):
        inward = (1 if x < width / 2 else -1, 1 if y < height / 2 else -1)
        centre = (x + inward[0] * size * 0.7, y + inward[1] * size * 0.7)
        for angle in np.arange(0, 2 * np.pi, np.pi / 4):
            petal = (centre[0] + np.cos(angle) * size * 0.5, centre[1] + np.sin(angle) * size * 0.5)
            radius = size * 0.13
            draw.line((centre, petal), fill=255, width=2)
            draw.ellipse(
                (petal[0] - radius, petal[1] - radius, petal[0] + radius, petal[1] + radius),
                outline=255,
                width=2,
            )


def _capitals(
    draw: ImageDraw.ImageDraw, width: int, height: int, lines: tuple[str, ...], narrow: bool
) -> None:
    y = height * (0.18 if narrow else 0.26)
    for index, line in enumerate(lines):
        spaced = line.upper() if narrow else " ".join(line.upper())
        size = height * (0.030 if narrow else 0.050 if index == 0 else 0.032)
        font = ImageFont.load_default(size)
        limit = width * (0.84 if narrow else 0.70)
        while (text_width := draw.textlength(spaced, font=font)) > limit and size > 8:
            size *= 0.92
            font = ImageFont.load_default(size)
        stroke = max(1, round(size / 22))
        draw.text(
            ((width - text_width) / 2, y), spaced, fill=255, font=font, stroke_width=stroke, stroke_fill=255
        )
        y += size * 1.7


def _raised_bands(height: int) -> Pixels:
    y = np.linspace(0, 1, height, dtype=np.float32)
    shade = np.ones(height, np.float32)
    for centre in (0.13, 0.33, 0.53, 0.73, 0.90):
        offset = (y - centre) / 0.010
        shade += np.asarray(-0.45 * offset * np.exp(-(offset**2)), np.float32)
    return shade


def _worn_edges(height: int, width: int, strength: float) -> Pixels:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    edge = np.maximum(np.abs(x), np.abs(y))
    return np.asarray(1 - strength * np.clip((edge - 0.86) / 0.14, 0, 1)[..., None] ** 2, np.float32)
