"""Photos of books with their exact alpha.

`generate` draws a book of boxes under a camera, composites it over a background with its shadow, and adds
what a camera adds: blur, vignette, a colour cast, noise. Alpha comes from the geometry, not from the pixels.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np
import numpy.typing as npt

from workers.samples import book as books
from workers.samples import textures
from workers.samples.scene import Camera, Face, ground, ground_shadow, paint
from workers.samples.textures import Colour, Pixels

Background: TypeAlias = Literal["wood", "cloth", "table", "gradient", "paper"]
BACKGROUNDS: tuple[Background, ...] = get_args(Background)
POSES: tuple[books.Pose, ...] = get_args(books.Pose)

_SURFACES = {
    "wood": textures.wood,
    "cloth": textures.linen,
    "table": textures.table,
    "gradient": textures.gradient,
    "paper": textures.paper,
}
_PALETTES: dict[Background, tuple[Colour, ...]] = {
    "wood": ((0.52, 0.36, 0.22), (0.38, 0.25, 0.16), (0.68, 0.54, 0.38), (0.22, 0.15, 0.11)),
    "cloth": ((0.80, 0.77, 0.70), (0.46, 0.52, 0.56), (0.55, 0.20, 0.20), (0.25, 0.32, 0.27)),
    "table": ((0.23, 0.24, 0.26), (0.62, 0.60, 0.57), (0.30, 0.36, 0.42), (0.74, 0.72, 0.66)),
    "gradient": ((0.86, 0.86, 0.85), (0.55, 0.60, 0.66), (0.36, 0.36, 0.38), (0.80, 0.74, 0.66)),
    "paper": ((0.90, 0.89, 0.86), (0.72, 0.58, 0.42), (0.84, 0.86, 0.88), (0.16, 0.17, 0.19)),
}
_GROUND = 1400
"""Texture pixels along a side of the ground."""

_CONTRAST = 0.20
"""Least difference in a colour channel between a book and what it lies on, as a photographer sees to it."""


@dataclass(frozen=True)
class Sample:
    """A photo (height, width, 3) in sRGB, its true alpha (height, width), both uint8, and what was drawn."""

    image: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8]
    background: Background
    pose: books.Pose


def generate(
    seed: int,
    *,
    size: tuple[int, int] = (1600, 1200),
    background: Background | None = None,
    pose: books.Pose | None = None,
    book: books.Book | None = None,
    supersampling: int = 3,
) -> Sample:
    """The photo that `seed` stands for; `size` is (width, height). Equal arguments give equal pixels."""
    rng = np.random.default_rng(seed)
    background = background or BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))]
    pose = pose or ("lying", "standing", "lying", "open")[int(rng.integers(4))]
    book = book or books.Book.drawn(rng)
    camera, faces = _staged(rng, book, pose, size)
    colour_below = _ground_colour(rng, background, book.outer_colours(pose))
    backdrop = _backdrop(rng, background, colour_below, pose, camera)
    corners = np.concatenate([face.corners for face in faces])
    backdrop *= ground_shadow(corners, camera, float(rng.uniform(0.012, 0.03)))[..., None]
    colour, alpha = paint(faces, camera, supersampling)
    picture = colour + backdrop * (1 - alpha[..., None])
    blur = float(rng.uniform(0.45, 0.8))
    picture = cv2.GaussianBlur(picture, (0, 0), blur)
    soft = cv2.GaussianBlur(alpha, (0, 0), blur)
    return Sample(
        image=_exposed(rng, np.asarray(picture, np.float32)),
        alpha=np.round(np.clip(soft, 0, 1) * 255).astype(np.uint8),
        background=background,
        pose=pose,
    )


def _staged(
    rng: np.random.Generator, book: books.Book, pose: books.Pose, size: tuple[int, int]
) -> tuple[Camera, list[Face]]:
    """The book in its place and a camera far enough away to see all of it with a margin."""
    flat = books.opened(book, rng) if pose == "open" else books.closed(book, rng)
    turn = float(rng.uniform(-0.6, 0.15) if pose == "standing" else rng.uniform(-0.35, 0.35))
    elevation = float(rng.uniform(0.12, 0.35) if pose == "standing" else rng.uniform(0.9, 1.5))
    if pose == "standing":
        turn = float(rng.uniform(0.15, 0.65))
    faces = books.placed(flat, pose, turn)
    corners = np.concatenate([face.corners for face in faces])
    target = (corners.min(axis=0) + corners.max(axis=0)) / 2
    azimuth, roll = float(rng.uniform(-0.2, 0.2)), float(rng.normal(0, 0.02))
    fill, distance = float(rng.uniform(0.66, 0.84)), 3.0
    for _ in range(4):
        camera = Camera.looking_at(target, elevation, azimuth, distance, roll, size)
        reach = np.abs(camera.project(corners) - np.array(size) / 2) / (np.array(size) / 2)
        distance *= float(reach.max()) / fill
    return camera, faces


def _ground_colour(rng: np.random.Generator, background: Background, outer: tuple[Colour, ...]) -> Colour:
    """A colour of the background's palette that the book stands out from; the farthest where none does."""

    def distance(colour: Colour) -> float:
        return min(float(np.abs(np.subtract(colour, other)).max()) for other in outer)

    palette = _PALETTES[background]
    clear = [colour for colour in palette if distance(colour) >= _CONTRAST] or [max(palette, key=distance)]
    red, green, blue = clear[int(rng.integers(len(clear)))]
    tint = rng.uniform(-0.03, 0.03, 3)
    return (red + float(tint[0]), green + float(tint[1]), blue + float(tint[2]))


def _backdrop(
    rng: np.random.Generator, background: Background, colour: Colour, pose: books.Pose, camera: Camera
) -> Pixels:
    """The background without shadows: a ground seen in perspective, or a sweep behind a standing book."""
    width, height = camera.size
    make = _SURFACES[background]
    if background == "gradient":
        return make(rng, height, width, colour)
    if pose == "standing":
        return _floor_and_wall(rng, make(rng, _GROUND, _GROUND, colour), colour, camera)
    return ground(make(rng, _GROUND, _GROUND, colour), camera, 1.5)


def _floor_and_wall(rng: np.random.Generator, texture: Pixels, colour: Colour, camera: Camera) -> Pixels:
    """A floor of `texture` that ends, out of focus, at a plain wall."""
    width, height = camera.size
    pale = (0.4 + 0.6 * colour[0], 0.4 + 0.6 * colour[1], 0.4 + 0.6 * colour[2])
    wall = textures.gradient(rng, height, width, pale if sum(colour) > 1.2 else colour)
    edge = camera.project(np.array([[0.0, 1.1, 0.0]]))[0, 1]
    floor = ground(texture, camera, 2.0)
    y = np.arange(height, dtype=np.float32)[:, None, None]
    share = np.clip((y - float(edge)) / (height * 0.02) + 0.5, 0, 1)
    haze = cv2.GaussianBlur(floor, (0, 0), max(width, height) * 0.0025)
    return np.asarray(wall * (1 - share) + haze * share, np.float32)


def _exposed(rng: np.random.Generator, picture: Pixels) -> npt.NDArray[np.uint8]:
    """What a camera makes of the light: cast, vignette, noise that grows in the shadows, 8 bits."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    vignette = 1 - float(rng.uniform(0.04, 0.16)) * (x**2 + y**2) / 2
    falloff = 1 + float(rng.uniform(-0.12, 0.12)) * x + float(rng.uniform(-0.06, 0.06)) * y
    cast = rng.uniform(0.96, 1.04, 3).astype(np.float32)
    seen = picture * (vignette * falloff)[..., None] * cast * np.float32(rng.uniform(0.95, 1.1))
    grain = rng.standard_normal((height, width, 3), dtype=np.float32)
    seen = seen + grain * np.float32(rng.uniform(0.004, 0.012))
    return np.asarray(np.round(np.clip(seen, 0, 1) * 255), np.uint8)
