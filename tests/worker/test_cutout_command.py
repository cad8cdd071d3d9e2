"""`bmx cutout` on files as people have them."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.worker.conftest import encoded
from workers.contracts import Recipe
from workers.image_processor.cutout import write_cutout
from workers.image_processor.models import ModelStore
from workers.samples.generator import Sample

_BMX = Path(__file__).parents[2] / "bmx"


@pytest.mark.usefixtures("models")
def test_a_photo_that_fails_costs_no_other(tmp_path: Path, jpeg: bytes) -> None:
    (tmp_path / "a-broken.jpg").write_bytes(jpeg[:2000])
    (tmp_path / "b-large.jpg").write_bytes(b"\xff\xd8\xff" + bytes(51 << 20))
    (tmp_path / "c-good.jpg").write_bytes(jpeg)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "d-taken.webp").mkdir()
    (tmp_path / "d-taken.jpg").write_bytes(jpeg)
    photos = sorted(str(path) for path in tmp_path.glob("*.jpg"))
    done = subprocess.run(
        [_BMX, "cutout", *photos, "-o", tmp_path / "out", "--json"],
        check=False,
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stdout)["data"]
    assert done.returncode == 1
    assert [failed["code"] for failed in told["failed"]] == [
        "corrupt_image",
        "source_too_large",
        "file_error",
    ]
    (cutout,) = told["cutouts"]
    assert cutout["quality"] == {"level": "good", "reasons": []}
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["c-good.webp", "d-taken.webp"]


@pytest.mark.usefixtures("models")
def test_a_poor_cutout_is_called_poor(tmp_path: Path, sample: Sample) -> None:
    """A detail of a book, as far as there is a subject at all."""
    photo = tmp_path / "detail.png"
    photo.write_bytes(encoded(sample.image[150:330, 200:440], "PNG"))
    done = subprocess.run(
        [_BMX, "cutout", photo, "-o", tmp_path / "out", "--json"], check=True, capture_output=True, text=True
    )
    told = json.loads(done.stdout)
    (cutout,) = told["data"]["cutouts"]
    assert cutout["quality"]["level"] == "low"
    (warning,) = told["warnings"]
    assert cutout["quality"]["reasons"]
    assert all(reason in warning for reason in cutout["quality"]["reasons"])


def test_an_oversized_file_is_refused_unread(tmp_path: Path) -> None:
    """A file of holes: to read it would take its size in memory."""
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(Exception, match="At most 52 MB"):
        write_cutout(large, tmp_path, Recipe(), ModelStore(tmp_path))
