"""From photo to cutout with the real model."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage import data as photographs

from tests.worker.conftest import encoded
from workers.contracts import ErrorCode, Recipe
from workers.image_processor.cutout import Cutout, ImageFaultError, cut_out, extract, write_cutout
from workers.image_processor.cutout.compose import display, measure
from workers.image_processor.cutout.matte import Matte, foreground, refine
from workers.image_processor.models import ModelStore
from workers.samples.bad_inputs import BAD_INPUTS
from workers.samples.generator import BACKGROUNDS, POSES, Sample, generate


def _mae(alpha: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8]) -> float:
    return float(np.abs(alpha.astype(np.float32) - truth).mean()) / 255


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("pose", POSES)
def test_alpha_is_near_the_truth(background: str, pose: str, models: ModelStore) -> None:
    sample = generate(60, size=(1600, 1200), background=background, pose=pose, supersampling=2)  # type: ignore[arg-type]
    assert _mae(extract(sample.image, Recipe(), models).alpha, sample.alpha) < 0.0015


def test_the_three_outputs_are_what_they_say(jpeg: bytes, models: ModelStore) -> None:
    result = cut_out(jpeg, Recipe(cutout_format="png"), models)
    for output, image_format, mode in (
        (result.cutout, "PNG", "RGBA"),
        (result.display, "WEBP", "RGB"),
        (result.thumbnail, "WEBP", "RGB"),
    ):
        image = Image.open(io.BytesIO(output.content))
        assert (image.format, image.mode, image.size) == (image_format, mode, (output.width, output.height))
        assert output.content_type == f"image/{image_format.lower()}"
    assert (result.cutout.width, result.cutout.height) == (640, 480)
    assert max(result.thumbnail.width, result.thumbnail.height) == 400
    assert set(result.timings_ms) == {
        "decode",
        "model",
        "shrink",
        "infer",
        "refine",
        "judge",
        "compose",
        "encode",
    }


def test_the_subject_is_measured(sample: Sample, jpeg: bytes, models: ModelStore) -> None:
    subject = cut_out(jpeg, Recipe(), models).subject
    rows, columns = np.nonzero(sample.alpha > 127)
    truth = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert np.abs(np.subtract(subject.box, truth)).max() <= 3
    assert subject.coverage == pytest.approx(float(sample.alpha.mean()) / 255, abs=0.01)
    assert 0 <= subject.luminance <= 1


def test_equal_photos_give_equal_bytes(jpeg: bytes, models: ModelStore) -> None:
    first, second = (cut_out(jpeg, Recipe(), models) for _ in range(2))
    assert first.cutout.sha256 == second.cutout.sha256
    assert first.display.sha256 == second.display.sha256


def test_a_display_image_has_at_most_2000_pixels_a_side(models: ModelStore) -> None:
    photo = generate(5, size=(2600, 1300), background="table", supersampling=1)
    shown = cut_out(encoded(photo.image, "JPEG"), Recipe(), models).display
    assert (shown.width, shown.height) == (2000, 1000)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_the_cutouts_of_real_photographs_agree_in_both_precisions(name: str, models: ModelStore) -> None:
    """The last is a cat's portrait that is cut off by the frame."""
    photo = np.asarray(getattr(photographs, name)(), np.uint8)
    int8, fp32 = (
        extract(photo, Recipe.model_validate({"precision": precision}), models).alpha > 127
        for precision in ("int8", "fp32")
    )
    assert 0.05 < int8.mean() < 0.95
    assert (int8 & fp32).sum() / (int8 | fp32).sum() >= 0.98


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_every_bad_input_ends_as_a_cutout_or_its_code(name: str, models: ModelStore) -> None:
    expected = {
        "text.jpg": ErrorCode.NOT_AN_IMAGE,
        "empty.jpg": ErrorCode.SOURCE_EMPTY,
        "truncated.jpg": ErrorCode.CORRUPT_IMAGE,
        "bomb.png": ErrorCode.SOURCE_TOO_LARGE,
        "blank.jpg": ErrorCode.NO_SUBJECT,
    }
    data = BAD_INPUTS[name]()
    if name in expected:
        with pytest.raises(ImageFaultError) as caught:
            cut_out(data, Recipe(), models)
        assert caught.value.code is expected[name]
    else:
        assert 0.1 < cut_out(data, Recipe(), models).subject.coverage < 0.6


def test_a_file_is_written_upright_at_full_size(tmp_path: Path, sample: Sample, models: ModelStore) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(sample.image)).save(tmp_path / "my book.jpg", exif=exif, quality=92)
    written = write_cutout(tmp_path / "my book.jpg", tmp_path / "out", Recipe(), models)
    assert written.path == tmp_path / "out" / "my book.webp"
    image = Image.open(written.path)
    assert (image.mode, image.size) == ("RGBA", (640, 480))
    assert _mae(np.asarray(image)[..., 3], sample.alpha) < 0.01
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["my book.webp"]


@pytest.mark.parametrize("softness", [3, 8])
def test_no_old_background_shines_through(softness: int) -> None:
    """A grey disc photographed on red, with its exact alpha: its soft edge is grey, not reddish."""
    y, x = np.mgrid[0:400, 0:400].astype(np.float32)
    alpha = np.clip((120 - np.hypot(x - 200, y - 200)) / softness + 0.5, 0, 1).astype(np.float32)
    red = np.array([230, 20, 20])
    photo = np.round(alpha[..., None] * 120 + (1 - alpha[..., None]) * red).astype(np.uint8)
    soft = (alpha > 0.15) & (alpha < 0.98)
    assert soft.sum() > 1000
    clean = foreground(photo, alpha)
    assert _redness(photo[soft]) > 80
    assert _redness(clean[soft]) < 5
    refined = refine(photo, alpha)
    assert _redness(refined.colour[soft & (refined.alpha > 0)]) < 30


def _redness(pixels: npt.NDArray[np.uint8]) -> float:
    return float(np.abs(pixels[:, 0].astype(int) - pixels[:, 1]).mean())


@pytest.mark.parametrize(("tone", "ground"), [(40, 255), (250, 18)], ids=["dark-on-white", "light-on-black"])
def test_the_ground_follows_the_subjects_luminance(tone: int, ground: int) -> None:
    alpha = np.zeros((60, 80), np.uint8)
    alpha[10:50, 10:70] = 255
    matte = Matte(np.where(alpha[..., None] > 0, tone, 0).astype(np.uint8).repeat(3, axis=2), alpha)
    shown = display(matte, measure(matte))
    assert shown[0, 0].tolist() == [ground] * 3
    assert shown[30, 30].tolist() == [tone] * 3


def test_hidden_pixels_hold_nothing(sample: Sample, models: ModelStore) -> None:
    matte = extract(sample.image, Recipe(), models)
    assert matte.colour[matte.alpha == 0].max() == 0


def test_a_cutout_of_a_cutout_keeps_its_soft_edges(models: ModelStore, sample: Sample) -> None:
    """Alpha that came with the photo is a hint: where both see the same edge, it is not made harder twice."""
    given = np.dstack([sample.image, sample.alpha])
    found = _alpha(cut_out(encoded(given, "PNG"), Recipe(cutout_format="png"), models))
    plain = _alpha(cut_out(encoded(sample.image, "PNG"), Recipe(cutout_format="png"), models))
    assert _mae(found, sample.alpha) <= _mae(plain, sample.alpha)


def _alpha(made: Cutout) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(made.cutout.content)).getchannel("A"))
