"""The model folder: fetched once, verified, safe for several processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workers.image_processor.models import FetchError, MissingModelError, ModelStore, UnknownModelError
from workers.image_processor.models import fetch as fetching
from workers.image_processor.models.catalog import U2NETP
from workers.image_processor.models.quantize import MAX_MASK_DIFFERENCE, mask_difference


def test_a_missing_model_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError, match="bmx model fetch"):
        ModelStore(tmp_path).path("u2net", "int8")


def test_an_unknown_model_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="u2net int8, u2net fp32, u2netp fp32"):
        ModelStore(tmp_path).ensure("u2netp", "int8")


def test_several_processes_fetch_one_file(tmp_path: Path) -> None:
    """Each ends well, and nothing but the verified file is left."""
    command = [sys.executable, "-m", "workers.image_processor.models", "--folder", str(tmp_path), "u2netp"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    assert [process.wait(120) for process in running] == [0, 0]
    store = ModelStore(tmp_path)
    assert store.verify("u2netp", "fp32")
    assert {path.name for path in tmp_path.iterdir()} - {".lock"} == {"u2netp-fp32.onnx"}
    store.path("u2netp", "fp32").write_bytes(b"damaged")
    assert not store.verify("u2netp", "fp32")


def test_a_wrong_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert U2NETP.source is not None
    other = type(U2NETP.source)(**{**vars(U2NETP.source), "sha256": "0" * 64})
    with pytest.raises(FetchError, match="not the expected file"):
        fetching.fetch(other, tmp_path / "u2netp-fp32.onnx", lambda _step, _share: None)
    assert list(tmp_path.iterdir()) == []


def test_int8_sees_what_fp32_sees(models: ModelStore) -> None:
    assert models.verify("u2net", "int8")
    assert models.verify("u2net", "fp32")
    difference = mask_difference(models.path("u2net", "fp32"), models.path("u2net", "int8"))
    assert difference <= MAX_MASK_DIFFERENCE


def test_loading_a_model_leaves_nothing_in_the_users_folders(models: ModelStore, tmp_path: Path) -> None:
    """onnxruntime keeps an id and a database of events there when its reporting is on."""
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import sys; from pathlib import Path; from workers.image_processor.cutout.model import load; "
        "load(Path(sys.argv[1]))"
    )
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    subprocess.run(
        [sys.executable, "-c", code, str(models.path("u2net", "int8"))], env=environment, check=True
    )
    assert [path for path in home.rglob("*") if path.is_file()] == []
