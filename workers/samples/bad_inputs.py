"""A few files that a careless or hostile upload may hold: those that the whole platform is tried with.

`damaged_inputs` and `odd_inputs` have all that the worker alone is tried with.
"""

from collections.abc import Callable

import numpy as np

from workers.samples.damaged_inputs import DAMAGED_INPUTS
from workers.samples.odd_inputs import ODD_INPUTS, saved


def blank_jpeg() -> bytes:
    """An empty wall."""
    return saved(np.full((480, 640, 3), 200, np.uint8), "JPEG", quality=90)


BAD_INPUTS: dict[str, Callable[[], bytes]] = {
    "text.jpg": DAMAGED_INPUTS["text.jpg"].make,
    "empty.jpg": DAMAGED_INPUTS["empty.jpg"].make,
    "truncated.jpg": DAMAGED_INPUTS["5-tenths.jpg"].make,
    "bomb.png": DAMAGED_INPUTS["pixel-bomb.png"].make,
    "cmyk.jpg": ODD_INPUTS["cmyk.jpg"],
    "deep.png": ODD_INPUTS["deep.png"],
    "animated.webp": ODD_INPUTS["animated.webp"],
    "palette.png": ODD_INPUTS["palette.png"],
    "blank.jpg": blank_jpeg,
}
"""File name to what makes it."""
