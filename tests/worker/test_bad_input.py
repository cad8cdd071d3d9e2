"""Sixty and more kinds of input: each gives a photo or its code, in bounded memory, and none a crash."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from workers.contracts import ErrorCode, Recipe
from workers.image_processor.cutout import ImageFaultError, cut_out
from workers.image_processor.cutout.decode import decode
from workers.image_processor.models import ModelStore
from workers.samples.damaged_inputs import DAMAGED_INPUTS
from workers.samples.odd_inputs import ODD_INPUTS, book

_FLOATS = {"float.tif", "not-a-number.tif", "infinite.tif"}
_GREY = {"deep.png", "twelve-bits.tif", "deep.tif", "deep-big-endian.tif", "grey.jpg", *_FLOATS}
_SEE_THROUGH = {"palette.png", "alpha.png", "alpha.webp", "grey-alpha.png"}
_MEMORY = 1_500_000_000
"""Bytes of address space in which every damaged file is decoded, one after the other."""


def test_there_are_sixty_kinds_and_more() -> None:
    assert len(DAMAGED_INPUTS) + len(ODD_INPUTS) >= 60


@pytest.mark.parametrize("name", ODD_INPUTS)
def test_an_unusual_file_comes_out_as_the_photo_it_holds(name: str) -> None:
    photo = decode(ODD_INPUTS[name]())
    truth = np.rot90(book(), -1) if name == "orientation-6.jpg" else book()
    assert photo.rgb.shape == truth.shape
    assert (photo.alpha is not None) == (name in _SEE_THROUGH)
    if name in _SEE_THROUGH:
        return
    expected = truth.mean(axis=2, keepdims=True) if name in _GREY else truth
    # Floats have no scale of their own: theirs is stretched to black and white.
    bound = 25 if name in _FLOATS else 12
    assert np.abs(photo.rgb.astype(float) - expected).mean() < bound


def test_every_damaged_file_ends_as_it_should_in_bounded_memory() -> None:
    """In a process of its own, which the system stops from taking more."""
    script = (
        "import json, resource\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({_MEMORY}, {_MEMORY}))\n"
        "from workers.image_processor.cutout.decode import decode\n"
        "from workers.image_processor.cutout.errors import ImageFaultError\n"
        "from workers.samples.damaged_inputs import DAMAGED_INPUTS\n"
        "ends = {}\n"
        "for name, damaged in DAMAGED_INPUTS.items():\n"
        "    try:\n"
        "        decode(damaged.make())\n"
        "        ends[name] = 'photo'\n"
        "    except ImageFaultError as fault:\n"
        "        ends[name] = fault.code\n"
        "print(json.dumps(ends))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=500,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    ends = json.loads(done.stdout)
    wrong = {
        name: ends[name]
        for name, damaged in DAMAGED_INPUTS.items()
        if not (ends[name] in damaged.codes or (damaged.readable and ends[name] == "photo"))
    }
    assert wrong == {}


@pytest.mark.parametrize("name", ["black.png", "white.png", "transparent.png", "one-pixel.png", "long.png"])
def test_a_picture_of_nothing_has_no_subject(name: str, models: ModelStore) -> None:
    with pytest.raises(ImageFaultError) as caught:
        cut_out(DAMAGED_INPUTS[name].make(), Recipe(), models)
    assert caught.value.code is ErrorCode.NO_SUBJECT


@pytest.mark.parametrize("name", ODD_INPUTS)
def test_an_unusual_file_is_cut_out(name: str, models: ModelStore) -> None:
    """Through every step, to the files that are kept."""
    made = cut_out(ODD_INPUTS[name](), Recipe(), models)
    assert sorted((made.cutout.width, made.cutout.height)) == [480, 640]
    assert 0.05 < made.subject.coverage < 0.9


def test_every_damaged_file_ends_as_it_should_through_every_step(models: ModelStore) -> None:
    """With an output or its code; what can be read may also turn out to show nothing."""
    wrong = {}
    for name, damaged in DAMAGED_INPUTS.items():
        try:
            cut_out(damaged.make(), Recipe(), models)
            end = "cutout"
        except ImageFaultError as fault:
            end = fault.code
        nothing_there = damaged.readable and end is ErrorCode.NO_SUBJECT
        if not (end in damaged.codes or nothing_there or (damaged.readable and end == "cutout")):
            wrong[name] = end
    assert wrong == {}
