"""The outline: moved to the photo's edge where the network stopped short of it, left alone elsewhere."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from workers.image_processor.cutout.matte import refine
from workers.image_processor.cutout.outline import traced

_HEIGHT, _WIDTH = 768, 1024
_BOARD, _PAGES = (224, 150, 812, 608), (236, 150, 812, 596)


def _open_book(ground: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """White pages on a dark board that shows at two sides, lying on `ground` with a soft shadow beside it."""
    shade = np.ones((_HEIGHT, _WIDTH), np.float32)
    left, top, right, bottom = _BOARD
    shade[top + 20 : bottom + 20, left - 20 : right - 20] = 0.55
    photo = np.full((_HEIGHT, _WIDTH, 3), ground, np.float32) * cv2.GaussianBlur(shade, (0, 0), 14)[..., None]
    photo[top:bottom, left:right] = (30, 26, 26)
    left, top, right, bottom = _PAGES
    photo[top:bottom, left:right] = (232, 222, 196)
    photo += np.random.default_rng(1).normal(0, 2, photo.shape)
    return np.asarray(cv2.GaussianBlur(photo.clip(0, 255).astype(np.uint8), (0, 0), 0.7), np.uint8)


def _box(box: tuple[int, int, int, int], softness: float = 3) -> npt.NDArray[np.float32]:
    mask = np.zeros((_HEIGHT, _WIDTH), np.float32)
    mask[box[1] : box[3], box[0] : box[2]] = 1
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), softness), np.float32)


def _wrong(alpha: npt.NDArray[np.floating], truth: npt.NDArray[np.floating]) -> float:
    return float(np.abs(alpha - truth).mean())


@pytest.mark.parametrize("ground", [(150, 60, 50), (150, 150, 155), (222, 218, 210)])
def test_a_board_that_the_network_left_out_is_found(ground: tuple[int, int, int]) -> None:
    """Also on grey, where the board's colour, the ground's and the pages' lie on one line."""
    photo, truth, seen = _open_book(ground), _box(_BOARD, 0.5), _box(_PAGES)
    assert _wrong(seen, truth) > 0.012
    assert _wrong(traced(photo, seen).mask, truth) < 0.004
    assert _wrong(refine(photo, seen).alpha / 255, truth) < 0.002


def test_shadow_is_not_taken_in() -> None:
    """A mask that is right stays where it is, whatever shadow lies beside it."""
    photo, truth = _open_book((190, 185, 180)), _box(_BOARD, 0.5)
    assert _wrong(traced(photo, _box(_BOARD)).mask, truth) < 0.004


def test_an_edge_stays_straight_and_a_corner_sharp() -> None:
    photo = _open_book((150, 60, 50))
    ragged = _box(_BOARD)
    for y in range(160, 600, 24):
        ragged[y : y + 12, 805:815] = 1 - ragged[y : y + 12, 805:815].round()
    alpha = refine(photo, np.asarray(cv2.GaussianBlur(ragged, (0, 0), 3), np.float32)).alpha
    right_edge = alpha[170:600].astype(float).sum(axis=1) / 255
    assert np.ptp(right_edge) < 1
    assert alpha[_BOARD[1] + 3, _BOARD[2] - 4] > 200


def test_a_subject_that_leaves_the_frame_keeps_its_border() -> None:
    """At the frame's border there is no ground to compare with."""
    photo = np.full((_HEIGHT, _WIDTH, 3), (180, 190, 185), np.uint8)
    photo[200:, 300:700] = (60, 30, 30)
    mask = _box((300, 200, 700, _HEIGHT))
    assert _wrong(traced(photo, mask).mask[:, 290:710], (mask > 0.5).astype(np.float32)[:, 290:710]) < 0.01


@pytest.mark.parametrize("side", [40, 200])
def test_a_small_photo_and_a_branching_subject_are_left_to_the_mask(side: int) -> None:
    rng = np.random.default_rng(2)
    photo = rng.integers(0, 255, (side, side, 3), dtype=np.uint8)
    mask = np.zeros((side, side), np.float32)
    mask[side // 4 : side // 2, side // 4 : side // 2] = 1
    assert np.array_equal(traced(photo, mask).mask, mask)
    cross = np.zeros((600, 600), np.float32)
    cross[280:320, 50:550] = cross[50:550, 280:320] = 1
    large = rng.integers(0, 255, (600, 600, 3), dtype=np.uint8)
    assert np.array_equal(traced(large, cross).mask, cross)


def test_a_pattern_that_defeats_the_filter_spoils_nothing() -> None:
    """Strong, nearly colourless contrast, in which OpenCV's guided filter divides by zero."""
    rng = np.random.default_rng(55)
    tiles = rng.integers(0, 2, (48, 48)).astype(np.float32) * rng.integers(60, 255)
    colours = np.stack([tiles * rng.uniform(0.7, 1) for _ in range(3)], -1)
    photo = np.clip(colours + rng.normal(0, rng.uniform(0, 1), (48, 48, 1)), 0, 255).astype(np.uint8)
    mask = np.zeros((48, 48), np.float32)
    mask[:, 24:] = 1
    assert np.isnan(cv2.ximgproc.guidedFilter(photo, mask, 3, 1e-5 * 255**2)).any()
    alpha = refine(photo, mask).alpha
    assert alpha[:, 40:].min() > 200
    assert alpha[:, :8].max() < 55
