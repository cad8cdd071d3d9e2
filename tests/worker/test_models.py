"""The model folder: fetched once, verified, safe for several processes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from workers.contracts import Problem, Recipe
from workers.image_processor.cutout import cut_out
from workers.image_processor.models import (
    DamagedModelError,
    FetchError,
    MissingModelError,
    ModelStore,
    UnknownModelError,
    catalog,
)
from workers.image_processor.models import fetch as fetching
from workers.image_processor.models.catalog import U2NET_INT8, U2NETP
from workers.image_processor.models.quantize import MAX_MASK_DIFFERENCE, correct_biases, mask_difference
from workers.image_processor.models.store import Remade


def test_a_missing_model_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError, match="bmx model fetch"):
        ModelStore(tmp_path).path("u2net", "int8")


def test_an_unknown_model_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="u2net int8, u2net fp32, u2netp int8, u2netp fp32"):
        ModelStore(tmp_path).ensure("silueta", "int8")


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


@pytest.fixture(scope="module")
def remade(models: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelStore, Remade]:
    """An int8 network made anew, in a folder with an outdated one and what a killed process left."""
    store = ModelStore(tmp_path_factory.mktemp("models"))
    (store.folder / "u2net-fp32.onnx").symlink_to(models.path("u2net", "fp32"))
    (store.folder / "u2net-int8.onnx").write_bytes(b"of an older release")
    (store.folder / "u2net-int8.json").write_text('{"sha256": "0", "mask_difference": 0.01}')
    (store.folder / ".quantize-killed").mkdir()
    assert not store.is_current(U2NET_INT8)
    return store, store.remake("u2net", "int8")


def test_the_same_original_gives_the_same_bytes(remade: tuple[ModelStore, Remade]) -> None:
    store, made = remade
    assert made.sha256 == U2NET_INT8.made_sha256
    assert (made.as_released, made.as_before) == (True, False)
    assert made.mask_difference <= MAX_MASK_DIFFERENCE
    assert store.is_current(U2NET_INT8)
    assert store.verify("u2net", "int8")
    assert {path.name for path in store.folder.iterdir()} == {
        ".lock",
        "u2net-fp32.onnx",
        "u2net-int8.onnx",
        "u2net-int8.json",
    }


def test_the_small_network_in_int8_is_that_of_the_release(models: ModelStore) -> None:
    made = models.remake("u2netp", "int8")
    assert made.as_released
    assert made.mask_difference <= MAX_MASK_DIFFERENCE


def test_a_damaged_file_is_fetched_anew(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    path = store.ensure("u2netp", "fp32")
    path.write_bytes(b"damaged")
    assert store.ensure("u2netp", "fp32") == path
    assert path.read_bytes() == b"damaged", "what is looked at for each photo is not read whole"
    store.ensure("u2netp", "fp32", verified=True)
    assert store.verify("u2netp", "fp32")


def test_a_damaged_original_makes_no_int8_network(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.ensure("u2netp", "fp32").write_bytes(b"damaged")
    assert store.remake("u2netp", "int8").as_released
    assert store.verify("u2netp", "fp32")


def test_a_damaged_network_is_named(tmp_path: Path, jpeg: bytes) -> None:
    (tmp_path / "u2net-fp32.onnx").write_bytes(b"damaged")
    with pytest.raises(DamagedModelError, match="bmx model verify"):
        cut_out(jpeg, Recipe(precision="fp32"), ModelStore(tmp_path))


def test_a_model_made_in_an_older_way_is_made_again(
    remade: tuple[ModelStore, Remade], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = remade
    made = []
    monkeypatch.setattr(ModelStore, "_make", lambda _self, entry, *_others: made.append(entry))
    store.ensure("u2net", "int8")
    assert made == []
    monkeypatch.setattr(catalog, "_METHOD", "next")
    assert not store.is_current(U2NET_INT8)
    store.ensure("u2net", "int8")
    assert made == [U2NET_INT8]


def test_a_fetched_model_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="is fetched, not made"):
        ModelStore(tmp_path).remake("u2net", "fp32")


def test_int8_sees_what_fp32_sees(models: ModelStore) -> None:
    assert models.verify("u2net", "int8")
    assert models.verify("u2net", "fp32")
    difference = mask_difference(models.path("u2net", "fp32"), models.path("u2net", "int8"))
    assert difference <= MAX_MASK_DIFFERENCE


def test_no_sum_of_two_products_leaves_sixteen_bits(models: ModelStore) -> None:
    """Processors without VNNI add two products of a byte and a weight in 16 bits and cut off what is more."""
    graph = onnx.load(str(models.path("u2net", "int8"))).graph
    weights = [onnx.numpy_helper.to_array(constant) for constant in graph.initializer]
    largest = [
        int(np.abs(values.astype(int)).max())
        for values in weights
        if values.dtype == np.int8 and values.ndim == 4
    ]
    assert len(largest) > 100
    assert 2 * 255 * max(largest) < 1 << 15


def test_a_corrected_bias_takes_the_rounding_back() -> None:
    """Of a convolution of one channel whose weights of 1 and 0.51 become 1 and 33/64."""
    weights = np.array([[[[1.0, 0.51]]]], np.float32)
    node = onnx.helper.make_node("Conv", ["x", "weights", "bias"], ["y"], name="conv")
    constants = [
        onnx.numpy_helper.from_array(values, name)
        for name, values in (("weights", weights), ("bias", np.zeros(1, np.float32)))
    ]
    graph = onnx.helper.make_graph([node], "one", [], [], constants)
    correct_biases(graph, (), {"x": np.array([2.0])})
    assert onnx.numpy_helper.to_array(graph.initializer[1]) == pytest.approx(
        [-2 * (33 / 64 - 0.51)], rel=1e-5
    )
    before = onnx.numpy_helper.to_array(graph.initializer[1])
    correct_biases(graph, ("conv",), {"x": np.array([2.0])})
    assert onnx.numpy_helper.to_array(graph.initializer[1]) == before


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
