"""Is this a good cutout? The worker's own judgement, without any truth to compare with.

Each look at a photo gets a score, so that the better of two can be kept, and the reasons for which a person
should look at it. All is measured on reduced copies: the judgement costs a few milliseconds at any size.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from workers.contracts import Quality
from workers.image_processor.cutout.matte import Matte
from workers.image_processor.cutout.scale import fitted, shrunk

_SIDE = 512
_INSIDE = 127

_LEAST_COVERAGE, _MOST_COVERAGE = 0.015, 0.95
_MOST_BORDER = 0.30
"""Share of the frame's border that a whole subject may touch; a book that is cut off at one side has 0.2."""
_MOST_APART = 0.15
"""Share of the subject that may lie outside its largest piece."""
_MOST_UNSURE = 0.30
"""Share of the mask's subject about which the network is undecided; books have 0.02 to 0.08."""
_LEAST_EDGE = 0.45
"""Share of the outline at which the photo has an edge; books have 0.8 and more."""
_EDGE_STEP = 6.0
"""Colour distance (of 255 levels) across the outline that counts as an edge."""


@dataclass(frozen=True)
class Verdict:
    """`score` from 0 (useless) to 1 (no doubt); `reasons`: phrases for a person, none for a good cutout."""

    score: float
    reasons: tuple[str, ...]

    @property
    def quality(self) -> Quality:
        """As the result message says it."""
        return Quality(level="low" if self.reasons else "good", reasons=self.reasons)


NOTHING = Verdict(0.0, ("nothing stands out from the background",))


def judge(photo: npt.NDArray[np.uint8], mask: npt.NDArray[np.float32], matte: Matte) -> Verdict:
    """The verdict on `matte`, cut out of `photo` from `mask` (0 to 1).

    `photo` (height, width, 3) may be a smaller copy, and `mask` has any size.
    """
    size = fitted(matte.alpha.shape, _SIDE)
    alpha, small = shrunk(matte.alpha, size), shrunk(photo, size)
    inside = (alpha > _INSIDE).astype(np.uint8)
    coverage = float(inside.mean())
    if coverage == 0:
        return NOTHING
    # How near each measure is to its limit: 0 at the best, 1 at the limit, more beyond it.
    strain = {
        "the subject is very small": _LEAST_COVERAGE / coverage,
        "the subject fills the whole photo": (1 - _MOST_COVERAGE) / max(1 - coverage, 1e-6),
        "the subject is cut off by the photo's edge": _border(inside) / _MOST_BORDER,
        "the cutout is in several pieces": _apart(inside) / _MOST_APART,
        "the network was not sure what the subject is": _unsure(mask) / _MOST_UNSURE,
        "its outline follows no edge in the photo": (1 - _edge(small, inside)) / (1 - _LEAST_EDGE),
    }
    score = float(np.prod([1 / (1 + value**2) for value in strain.values()]))
    return Verdict(score, tuple(reason for reason, value in strain.items() if value > 1))


def _border(inside: npt.NDArray[np.uint8]) -> float:
    return float(np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]]).mean())


def _apart(inside: npt.NDArray[np.uint8]) -> float:
    _, _, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return 1 - float(areas.max()) / float(areas.sum())


def _unsure(mask: npt.NDArray[np.float32]) -> float:
    seen = mask > 0.1
    return float((seen & (mask < 0.9)).sum()) / max(1, int(seen.sum()))


def _edge(photo: npt.NDArray[np.uint8], inside: npt.NDArray[np.uint8]) -> float:
    """Share of the outline on whose two sides, a few pixels away, the colours differ."""
    kernel = np.ones((3, 3), np.uint8)
    smooth = np.asarray(cv2.GaussianBlur(photo, (0, 0), 1.0), np.uint8)
    # Colours of the two rings that lie two and three pixels inside and outside, carried to the line between.
    inner = cv2.subtract(cv2.erode(inside, kernel), cv2.erode(inside, kernel, iterations=3))
    outer = cv2.subtract(cv2.dilate(inside, kernel, iterations=3), cv2.dilate(inside, kernel))
    line = (inside != cv2.erode(inside, kernel)) & _within(inside.shape)
    if not line.any():
        return 1.0
    difference = np.linalg.norm(_near(smooth, inner, line) - _near(smooth, outer, line), axis=1)
    return float((difference > _EDGE_STEP).mean())


def _near(
    colour: npt.NDArray[np.uint8], where: cv2.typing.MatLike, line: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Mean colour (n, 3) of what lies in `where` (0 or 1) around each pixel of `line`."""
    size = (9, 9)
    total = cv2.boxFilter(cv2.copyTo(colour, where), cv2.CV_32F, size, normalize=False)
    count = cv2.boxFilter(where, cv2.CV_32F, size, normalize=False)
    return np.asarray(total[line] / np.maximum(count[line], 1)[:, None], np.float32)


def _within(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """All but the frame's border: where a subject is cut off, no edge can be asked for."""
    result = np.zeros(shape[:2], np.bool_)
    result[4:-4, 4:-4] = True
    return result
