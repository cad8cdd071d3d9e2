"""Books as boxes: boards, spine and page block with their surfaces."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from workers.samples import textures
from workers.samples.scene import Face, Points
from workers.samples.textures import Colour, Pixels

Pose: TypeAlias = Literal["lying", "standing", "open"]
Binding: TypeAlias = Literal["leather", "cloth", "marbled"]

TITLES: tuple[tuple[str, ...], ...] = (
    ("Voyages", "of the South Sea"),
    ("Poems", "and Ballads"),
    ("The Natural", "History", "of Selborne"),
    ("Essays", "of Elia"),
    ("Flora", "Britannica"),
    ("Letters", "from the North"),
    ("Geometry", "in Six Books"),
    ("A Tour", "in Wales"),
)
COLOURS: tuple[Colour, ...] = (
    (0.36, 0.10, 0.09),
    (0.12, 0.20, 0.15),
    (0.10, 0.14, 0.26),
    (0.34, 0.21, 0.12),
    (0.10, 0.09, 0.09),
    (0.55, 0.40, 0.24),
    (0.84, 0.79, 0.68),
    (0.44, 0.28, 0.40),
)

DETAIL = 900
"""Texture pixels along a book's height."""


@dataclass(frozen=True)
class Book:
    """What a book looks like; lengths in book heights."""

    binding: Binding
    colour: Colour
    title: tuple[str, ...]
    width: float
    thickness: float
    frames: int
    gilt_edges: bool

    @staticmethod
    def drawn(rng: np.random.Generator) -> "Book":
        """A book of random make."""
        bindings: tuple[Binding, ...] = ("leather", "leather", "cloth", "cloth", "marbled")
        base = COLOURS[int(rng.integers(len(COLOURS)))]
        tint = rng.uniform(-0.03, 0.03, 3)
        return Book(
            binding=bindings[int(rng.integers(len(bindings)))],
            colour=(
                max(0.03, base[0] + float(tint[0])),
                max(0.03, base[1] + float(tint[1])),
                max(0.03, base[2] + float(tint[2])),
            ),
            title=TITLES[int(rng.integers(len(TITLES)))],
            width=float(rng.uniform(0.62, 0.76)),
            thickness=float(rng.uniform(0.10, 0.22)),
            frames=int(rng.integers(1, 4)),
            gilt_edges=bool(rng.random() < 0.3),
        )

    def outer_colours(self, pose: Pose) -> tuple[Colour, ...]:
        """The colours that meet the background."""
        if pose == "open":
            return (textures.PAGE, self.colour)
        return (self.colour, self._spine_colour)

    @property
    def _spine_colour(self) -> Colour:
        return (0.30, 0.17, 0.10) if self.binding == "marbled" else self.colour

    def surface(self, rng: np.random.Generator, height: int, width: int) -> Pixels:
        """The binding's material."""
        make = {"leather": textures.leather, "cloth": textures.bookcloth, "marbled": textures.marbled}
        return make[self.binding](rng, height, width, self.colour)

    def spine_surface(self, rng: np.random.Generator, height: int, width: int) -> Pixels:
        """The spine's material: leather on a marbled book."""
        make = textures.bookcloth if self.binding == "cloth" else textures.leather
        return make(rng, height, width, self._spine_colour)


def closed(book: Book, rng: np.random.Generator) -> list[Face]:
    """A closed book in its own axes (u from the spine, v up the page, w to the front cover), in painting
    order.
    """
    board, overhang = 0.014, 0.018
    height, width, depth = 1.0, book.width, book.thickness
    boards = book.spine_surface(rng, 40, DETAIL)
    pages = _page_block(book, rng)
    cover = book.surface(rng, DETAIL, round(DETAIL * width))
    if book.binding == "marbled":
        strip = round(cover.shape[1] * 0.2)
        cover[:, :strip] = book.spine_surface(rng, DETAIL, strip)
        cover = textures.gilded(rng, cover, 0, ())
    else:
        cover = textures.gilded(rng, cover, book.frames, book.title)
    spine_width = max(60, round(DETAIL * depth))
    spine = textures.gilded(
        rng, book.spine_surface(rng, DETAIL, spine_width), 0, book.title, bands=book.binding != "cloth"
    )
    spine = _rounded(spine)
    return [
        *_box((0, 0, 0), (width, height, board), {"front": boards, "sides": boards}),
        *_box((0.01, overhang, board), (width - overhang, height - overhang, depth - board), pages),
        *_box((0, 0, 0), (board, height, depth), {"left": spine, "ends": boards}),
        *_box((0, 0, depth - board), (width, height, depth), {"front": cover, "sides": boards}),
    ]


def opened(book: Book, rng: np.random.Generator) -> list[Face]:
    """A book open in the middle, lying on its boards; same axes, the gutter at u = 0."""
    board, overhang = 0.014, 0.02
    width, depth = book.width, board + book.thickness / 2
    boards = book.surface(rng, 60, DETAIL)
    pages = _page_block(book, rng)
    columns = round(DETAIL * width)
    left = textures.printed_page(rng, DETAIL, columns, gutter_left=False)
    right = textures.printed_page(rng, DETAIL, columns, gutter_left=True)
    return [
        *_box((-width, 0, 0), (width, 1, board), {"front": boards, "sides": boards}),
        *_box((-width + overhang, overhang, board), (0, 1 - overhang, depth), {**pages, "front": left}),
        *_box((0, overhang, board), (width - overhang, 1 - overhang, depth), {**pages, "front": right}),
    ]


def placed(faces: list[Face], pose: Pose, turn: float) -> list[Face]:
    """The faces in the world: laid on the ground or stood up, turned about the vertical by `turn` radians."""
    corners = np.concatenate([face.corners for face in faces])
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2
    if pose == "standing":
        axes = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
        centre = centre * (1, 0, 1)
    else:
        axes = np.eye(3)
        centre = centre * (1, 1, 0)
    spin = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]])
    move = spin @ axes
    return [Face((move @ (face.corners - centre).T).T, face.texture, move @ face.normal) for face in faces]


def _page_block(book: Book, rng: np.random.Generator) -> dict[str, Pixels]:
    leaves = max(24, round(DETAIL * book.thickness))
    along = textures.page_edges(rng, leaves, DETAIL, book.gilt_edges)
    across = np.ascontiguousarray(along.transpose(1, 0, 2))
    return {"front": along, "right": across, "left": across, "ends": along}


def _rounded(spine: Pixels) -> Pixels:
    """Shaded across as the round back of a spine is."""
    across = np.linspace(-1, 1, spine.shape[1], dtype=np.float32)
    return np.asarray(spine * (0.55 + 0.55 * np.sqrt(1 - 0.9 * across**2))[None, :, None], np.float32)


def _box(
    low: tuple[float, float, float], high: tuple[float, float, float], skin: dict[str, Pixels]
) -> list[Face]:
    """The five sides of a box that can be seen; `skin` names front, left, right, ends, or sides for all but
    front.
    """
    (u0, v0, w0), (u1, v1, w1) = low, high
    quads: dict[str, tuple[str, list[tuple[float, float, float]], tuple[int, int, int]]] = {
        "bottom": ("ends", [(u0, v0, w1), (u1, v0, w1), (u1, v0, w0), (u0, v0, w0)], (0, -1, 0)),
        "top": ("ends", [(u0, v1, w0), (u1, v1, w0), (u1, v1, w1), (u0, v1, w1)], (0, 1, 0)),
        "right": ("right", [(u1, v1, w1), (u1, v1, w0), (u1, v0, w0), (u1, v0, w1)], (1, 0, 0)),
        "left": ("left", [(u0, v1, w0), (u0, v1, w1), (u0, v0, w1), (u0, v0, w0)], (-1, 0, 0)),
        "front": ("front", [(u0, v1, w1), (u1, v1, w1), (u1, v0, w1), (u0, v0, w1)], (0, 0, 1)),
    }
    faces = []
    for name, corners, normal in quads.values():
        texture = skin.get(name, skin.get("sides") if name != "front" else None)
        if texture is not None:
            faces.append(Face(_points(corners), texture, _points([normal])[0]))
    return faces


def _points(corners: list[tuple[float, float, float]] | list[tuple[int, int, int]]) -> Points:
    return np.asarray(corners, np.float64)
