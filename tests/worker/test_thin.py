"""Photos that are nearly a line."""

import numpy as np
import pytest

from tests.worker.conftest import encoded
from workers.image_processor.cutout.decode import WORKED_SIDE, decode
from workers.image_processor.cutout.matte import refine

_LINES = [(1, 500), (2, 5000), (3, 9000), (4, 16_000), (1, 20_000), (2, 29_999)]


def _line(thin: int, length: int, *, lies: bool) -> np.ndarray:
    photo = np.full((length, thin, 3), 230, np.uint8)
    photo[length // 4 : 3 * length // 4] = (120, 20, 30)
    return np.ascontiguousarray(photo.swapaxes(0, 1)) if lies else photo


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("lies", [True, False], ids=["lying", "standing"])
@pytest.mark.parametrize("line", _LINES, ids=str)
def test_a_line_is_read_at_a_size_that_every_format_can_hold(
    line: tuple[int, int], lies: bool, image_format: str
) -> None:
    photo = decode(encoded(_line(*line, lies=lies), image_format))
    assert photo.source_size == (line[::-1] if lies else line)
    assert 1 <= min(photo.size) <= line[0]
    assert line[1] // 4 <= max(photo.size) <= WORKED_SIDE


@pytest.mark.parametrize("lies", [True, False], ids=["lying", "standing"])
@pytest.mark.parametrize("line", _LINES[:4], ids=str)
def test_a_line_keeps_its_subject(line: tuple[int, int], lies: bool) -> None:
    """The network may well see nothing in it; what it sees is cut out."""
    photo = _line(*line, lies=lies)
    mask = (photo[..., 1] < 100).astype(np.float32)
    alpha = refine(photo, mask).alpha
    assert np.abs(alpha / 255 - mask).mean() < 0.05
