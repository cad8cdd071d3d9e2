"""Where a solid subject ends: the mask's outline, moved to the edge that the photo itself has.

The network works on 320 cells a side and leaves out what it takes for shadow: a dark board under white
pages, a spine of the wall's colour. The strip of photo along the mask's outline is unrolled (rows run along
the outline, columns from inside to outside), the ground's colour is read at its outer rim, and dynamic
programming finds the line that leaves outside only what that ground, lit or shaded, can look like. The line
may bend, so rounded books and worn corners keep their shape; bending costs, so straight edges stay straight.

Only solid outlines are moved. Hair, handles and lattices are left to the mask and the matte's filters.
"""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Bytes: TypeAlias = npt.NDArray[np.uint8]

_UNIT_SIDE = 1024
"""Lengths below are pixels of a guide with this long side; smaller guides use shorter ones."""
_SMALLEST_SIDE = 256
"""Guides below this hold no edge that the mask does not have."""
_INWARD, _OUTWARD = 20, 30
"""How far the edge may lie from the mask's outline."""
_SPACING = 3.0
_SMOOTH = 7.0
"""Gaussian sigma along the outline: the mask's cells are 3.2 pixels wide."""
_RIM = 12
"""Columns at the outer end that are taken for ground."""

_SOLID = 0.95
"""Share of its convex hull that a solid outline fills; a book has 0.98 and more."""
_LEAST_AREA = 0.004
"""Share of the frame below which an outline is left alone."""

# Costs, in units of one pixel's evidence.
_SUBJECT_COST = 3.0
"""Of a pixel left outside although it looks unlike the ground: the ground's cost is measured against it."""
_MOST_COST = 9.0
_EDGE_REWARD = 6.0
_BEND_COST = 1.0
_SHADE_COST = 3.0
"""Of a pixel that is the ground in shadow, for each unit of light that is missing."""
_DEEPEST_SHADE = 0.45
"""Light that the darkest shadow leaves, against the band's outer rim."""
_NOISE = 0.008
"""Standard deviation of a camera's noise, of colours in 0 to 1."""
_LARGEST_BEND = 2
"""Columns from one row to the next."""
_TRUSTED = 2
"""Pixels that the line may be off: nearer to it, filters decide."""
_PAINT_REACH = 8
"""Pixels around a painted line that its blur and its filters look at."""
_LAP = 60
"""Rows that the closed line overlaps itself, so that its ends meet."""


@dataclass(frozen=True)
class _Strip:
    """An unrolled band: `colour` (rows, columns, 3) and `mask` (rows, columns) in 0..1, column `offsets` in
    pixels, outward positive; `start` (rows, 2) and `normal` (rows, 2) place it in the guide; `inside` marks
    rows whose whole width lies in the frame.
    """

    colour: Floats
    mask: Floats
    offsets: Floats
    start: Floats
    normal: Floats
    inside: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Traced:
    """A mask (height, width) in 0..1, and the least and the most that alpha may be where it was traced."""

    mask: Floats
    least: Floats
    most: Floats


def traced(guide: Bytes, mask: Floats) -> Traced:
    """`mask` (height, width) in 0..1 with the outlines of solid subjects moved to the edges of `guide`.

    `guide` (height, width, 3) has the mask's size. Holes in a solid subject are closed near its outline.
    """
    result = Traced(mask.copy(), np.zeros_like(mask), np.ones_like(mask))
    unit = min(1.0, max(guide.shape[:2]) / _UNIT_SIDE)
    if unit * _UNIT_SIDE < _SMALLEST_SIDE:
        return result
    hard = (mask > 0.5).astype(np.uint8)
    outlines, _ = cv2.findContours(hard, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        area = cv2.contourArea(outline)
        if area < _LEAST_AREA * hard.size or area < _SOLID * cv2.contourArea(cv2.convexHull(outline)):
            continue
        strip = _unrolled(guide, mask, outline, unit)
        line = strip.start + _line(strip)[:, None] * strip.normal
        _paint(result, outline, line, unit)
    return result


def _unrolled(guide: Bytes, mask: Floats, outline: cv2.typing.MatLike, unit: float) -> _Strip:
    spacing = max(1.0, _SPACING * unit)
    start = _along(_spaced(np.asarray(outline[:, 0], np.float32), spacing), _SMOOTH * unit / spacing)
    tangent = np.roll(start, -1, 0) - np.roll(start, 1, 0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-6
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], 1)
    if cv2.contourArea(start[:, None], oriented=True) < 0:
        normal = -normal
    offsets = np.arange(-round(_INWARD * unit), round(_OUTWARD * unit) + 1, dtype=np.float32)
    place = start[:, None] + offsets[None, :, None] * normal[:, None]
    x, y = np.ascontiguousarray(place[..., 0]), np.ascontiguousarray(place[..., 1])
    height, width = mask.shape
    colour = cv2.remap(guide, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _Strip(
        colour=_along(np.asarray(colour, np.float32) / np.float32(255), 1.0),
        mask=np.asarray(cv2.remap(mask, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32),
        offsets=offsets,
        start=start,
        normal=np.asarray(normal, np.float32),
        inside=((x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)).all(axis=1),
    )


def _line(strip: _Strip) -> Floats:
    """The edge's offset in each row."""
    evidence = _unlike_ground(strip) - np.float32(_SUBJECT_COST)
    # Where the subject leaves the frame there is no ground to compare with.
    evidence[~strip.inside] = 0
    belief = np.log((strip.mask + 0.02) / (1.02 - strip.mask)).clip(-3, 3)
    wrong_outside = evidence + belief
    outside = np.cumsum(wrong_outside[:, ::-1], axis=1)[:, ::-1]
    cost = np.zeros_like(outside)
    cost[:, :-1] = outside[:, 1:]
    cost -= np.where(strip.inside[:, None], _edge(strip.colour), 0) * np.float32(_EDGE_REWARD)
    # The blur at an edge differs from the ground already: the column found is the edge itself.
    return np.asarray(strip.offsets[_cheapest(cost)], np.float32)


def _unlike_ground(strip: _Strip) -> Floats:
    """How badly each pixel fits the ground at its row's outer rim, lit or in shadow; 0 to `_MOST_COST`."""
    colour = strip.colour
    ground = _along(colour[:, -_RIM:].mean(axis=1), 8)
    power = (ground * ground).sum(axis=1) + 1e-4
    light = np.einsum("ijk,ik->ij", colour, ground) / power[:, None]
    hue = np.linalg.norm(colour - light[..., None] * ground[:, None], axis=2)
    rim = light[:, -_RIM:]
    light_spread = np.sqrt(_along(rim.var(axis=1), 8) + 1e-12)
    light_spread = np.maximum(light_spread, _NOISE / np.sqrt(power)) + 0.02
    hue_spread = np.sqrt(_along((hue[:, -_RIM:] ** 2).mean(axis=1), 8)) + _NOISE
    cost = (hue / hue_spread[:, None]) ** 2 / 4
    cost += (np.maximum(light - 1, 0) / light_spread[:, None]) ** 2 / 4
    cost += (np.maximum(_DEEPEST_SHADE - light, 0) / 0.05) ** 2
    cost += np.clip(1 - light, 0, 1) * _SHADE_COST
    return np.asarray(np.minimum(cost, _MOST_COST), np.float32)


def _edge(colour: Floats) -> Floats:
    """How much of an edge lies after each column, 0 to 1, measured against the ground's own texture."""
    step = np.linalg.norm(np.diff(colour, axis=1, append=colour[:, -1:]), axis=2)
    step[:, :-1] = np.maximum(step[:, :-1], step[:, 1:])
    texture = np.sqrt(_along((step[:, -_RIM:-2] ** 2).mean(axis=1), 8)) + 0.01
    return np.asarray(np.minimum(step / (4 * texture[:, None]), 1) * np.minimum(step / 0.05, 1), np.float32)


def _cheapest(cost: Floats) -> npt.NDArray[np.intp]:
    """The column of each row on the closed line of least cost."""
    lap = min(_LAP, len(cost))
    wound = np.concatenate([cost[-lap:], cost, cost[:lap]])
    columns = np.arange(cost.shape[1])
    bend = np.abs(np.arange(-_LARGEST_BEND, _LARGEST_BEND + 1, dtype=np.float32))[:, None] * _BEND_COST
    came = np.empty(wound.shape, np.int8)
    padded = np.full(len(columns) + 2 * _LARGEST_BEND, 1e9, np.float32)
    neighbours = np.lib.stride_tricks.sliding_window_view(padded, len(columns))
    total = padded[_LARGEST_BEND:-_LARGEST_BEND]
    total[:] = wound[0]
    for row in range(1, len(wound)):
        reached = neighbours + bend
        came[row] = reached.argmin(axis=0)
        total[:] = reached[came[row], columns] + wound[row]
    line = np.empty(len(wound), np.intp)
    line[-1] = total.argmin()
    for row in range(len(wound) - 1, 0, -1):
        line[row - 1] = line[row] + came[row, line[row]] - _LARGEST_BEND
    return line[lap : lap + len(cost)]


def _paint(result: Traced, outline: cv2.typing.MatLike, line: Floats, unit: float) -> None:
    """Replace what lies near `outline` in `result` by the inside of `line`."""
    reach = round(_OUTWARD * unit)
    height, width = result.mask.shape
    left, top, across, down = cv2.boundingRect(outline)
    # Nothing farther from the outline changes, or is seen by what changes.
    room = reach + _PAINT_REACH
    rows = slice(max(0, top - room), min(height, top + down + room))
    columns = slice(max(0, left - room), min(width, left + across + room))
    corner = np.array([columns.start, rows.start], np.int32)
    inside = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    cv2.fillPoly(inside, [np.round((line - corner) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    near = np.zeros_like(inside)
    cv2.drawContours(near, [outline - corner], -1, 1, 2 * reach + 1)
    soft = cv2.GaussianBlur(inside, (0, 0), 0.9)
    trusted = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _TRUSTED + 1, 2 * _TRUSTED + 1))
    planes = (
        (result.mask, soft),
        (result.least, cv2.erode(soft, trusted)),
        (result.most, cv2.dilate(soft, trusted)),
    )
    for plane, levels in planes:
        cv2.copyTo(levels.astype(np.float32) / 255, near, plane[rows, columns])


def _spaced(points: Floats, spacing: float) -> Floats:
    """A closed line (n, 2) as points that lie about `spacing` apart."""
    lengths = np.linalg.norm(np.roll(points, -1, 0) - points, axis=1)
    run = np.concatenate([[0], np.cumsum(lengths)])
    count = max(16, round(run[-1] / spacing))
    where = np.arange(count) * run[-1] / count
    closed = np.concatenate([points, points[:1]])
    return np.stack([np.interp(where, run, closed[:, axis]) for axis in (0, 1)], 1).astype(np.float32)


def _along(values: Floats, sigma: float) -> Floats:
    """`values` (rows, ...) smoothed along a closed line."""
    lap = min(int(3 * sigma) + 1, len(values))
    wound = np.concatenate([values[-lap:], values, values[:lap]]).astype(np.float32)
    flat = wound.reshape(len(wound), -1)
    smooth = cv2.GaussianBlur(flat, (1, 2 * lap + 1), sigmaX=1e-3, sigmaY=sigma)
    return np.asarray(smooth, np.float32).reshape(wound.shape)[lap : lap + len(values)]
