"""The worker's judgement of its own cutouts, and what it does about poor ones."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from tests.worker.conftest import encoded
from workers.contracts import Recipe
from workers.image_processor.cutout import cut_out
from workers.image_processor.cutout import pipeline as pipeline_module
from workers.image_processor.cutout.judge import Verdict, judge
from workers.image_processor.cutout.looks import chosen_frame, second_look
from workers.image_processor.cutout.matte import Matte
from workers.image_processor.cutout.model import load
from workers.image_processor.models import ModelStore
from workers.samples.generator import Sample, generate


def _matte(sample: Sample, alpha: npt.NDArray[np.uint8]) -> Matte:
    return Matte(sample.image, alpha)


def _mask(alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return np.asarray(alpha / 255, np.float32)


def _reasons(sample: Sample, alpha: npt.NDArray[np.uint8]) -> tuple[str, ...]:
    return judge(sample.image, _mask(alpha), _matte(sample, alpha)).reasons


def test_the_truth_is_good_whatever_the_book(sample: Sample) -> None:
    for seed in (3, 5, 14, 60):
        other = generate(seed, size=(640, 480), supersampling=2)
        assert _reasons(other, other.alpha) == ()
    assert _reasons(sample, sample.alpha) == ()


def _speck(alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    alpha[:] = 0
    alpha[240:270, 320:350] = 255
    return alpha


def _everything(alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    alpha[:] = 255
    return alpha


def _moved(alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.roll(alpha, (-40, 60), (0, 1))


def _torn(alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    alpha[:, 300:340] = 0
    return alpha


def _faint(alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return (alpha * 0.6).astype(np.uint8)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_speck, "the subject is very small"),
        (_everything, "the subject fills the whole photo"),
        (_moved, "its outline follows no edge in the photo"),
        (_torn, "the cutout is in several pieces"),
        (_faint, "the network was not sure what the subject is"),
    ],
)
def test_a_spoilt_cutout_is_told(
    sample: Sample, spoil: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]], reason: str
) -> None:
    spoilt = spoil(sample.alpha.copy())
    assert reason in _reasons(sample, spoilt)
    good = judge(sample.image, _mask(sample.alpha), _matte(sample, sample.alpha))
    poor = judge(sample.image, _mask(spoilt), _matte(sample, spoilt))
    assert poor.score < good.score / 1.5


def test_the_second_look_goes_nearer_or_farther() -> None:
    small = np.zeros((300, 400), np.uint8)
    small[100:150, 150:200] = 255
    assert chosen_frame(small.shape, small) == (140, 90, 210, 160)
    cut_off = np.zeros((300, 400), np.uint8)
    cut_off[:200, 100:300] = 255
    assert chosen_frame(cut_off.shape, cut_off) == (-100, -75, 500, 375)
    assert chosen_frame(small.shape, None) == (80, 60, 320, 240)


@pytest.mark.parametrize("seen", ["book", "frame"])
def test_a_second_looks_mask_lies_where_the_book_is(sample: Sample, models: ModelStore, seen: str) -> None:
    first = sample.alpha if seen == "book" else np.full_like(sample.alpha, 255)
    mask = second_look(sample.image, load(models.path("u2net", "int8")), first)
    assert mask is not None
    assert mask.shape == sample.alpha.shape
    both = ((mask > 0.5) & (sample.alpha > 127)).sum()
    assert both / ((mask > 0.5) | (sample.alpha > 127)).sum() > 0.95


def test_a_poor_first_look_is_followed_by_one_other_way(
    jpeg: bytes, models: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first look that sees a corner of the book is set right by the second."""

    def corner(photo: npt.NDArray[np.uint8], _model: object) -> npt.NDArray[np.float32]:
        mask = np.zeros((320, 320), np.float32)
        mask[160:170, 160:170] = 1
        return mask

    good = cut_out(jpeg, Recipe(), models)
    assert good.quality.level == "good"
    assert "second_look" not in good.timings_ms
    monkeypatch.setattr(pipeline_module, "first_look", corner)
    first, again = (cut_out(jpeg, Recipe(), models) for _ in range(2))
    assert "second_look" in first.timings_ms
    assert first.cutout.sha256 == again.cutout.sha256


def test_where_neither_look_is_good_the_cutout_is_low(
    sample: Sample, models: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything(photo: npt.NDArray[np.uint8], *_others: object) -> npt.NDArray[np.float32]:
        return np.ones((320, 320), np.float32)

    monkeypatch.setattr(pipeline_module, "first_look", everything)
    monkeypatch.setattr(pipeline_module, "second_look", everything)
    made = cut_out(encoded(sample.image, "JPEG"), Recipe(), models)
    assert made.quality.level == "low"
    assert "the subject fills the whole photo" in made.quality.reasons


def test_a_look_without_a_fault_wins_over_one_that_scores_higher(
    sample: Sample, models: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = iter([Verdict(0.9, ("the subject is very small",)), Verdict(0.8, ())])
    monkeypatch.setattr(pipeline_module, "judge", lambda *_: next(verdicts))
    assert cut_out(encoded(sample.image, "PNG"), Recipe(), models).quality.level == "good"
