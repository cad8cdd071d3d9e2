"""Measure how far the network's values reach, and their means, over generated books and photographs.

Run: python -m workers.image_processor.models.calibrate PHOTOGRAPHS --folder MODELS [--model u2netp]

Writes `<model>-calibration.json`, from which `quantize` makes the int8 network. docs/worker.md says which
photographs the files in the source were measured on; none of them is used to judge the result.
"""

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from workers.image_processor.cutout.model import model_input
from workers.image_processor.models.catalog import find
from workers.image_processor.models.quantize import OPERATORS, prepared
from workers.image_processor.models.store import ModelStore
from workers.samples import generator

if TYPE_CHECKING:
    import numpy.typing as npt

_SEEDS = range(100, 112)
_SIDE = 900
_MOST = 95
"""Per cent of the photos whose values are to be held; the few that reach farther would cost all the others
resolution.
"""


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--model", default="u2net")
    parser.add_argument("--folder", type=Path, required=True, help="Of the models.")
    arguments = parser.parse_args()
    reference = ModelStore(arguments.folder).ensure(arguments.model, "fp32")
    found = measured(reference, arguments.photographs)
    find(arguments.model, "fp32").calibration.write_text(
        json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8"
    )


def measured(reference: Path, photographs: Path) -> dict[str, dict[str, list[float]]]:
    """`ranges`: the lowest and the highest value of each tensor that may be quantised, zero included;
    `means`: each channel's mean of the input, the activations and the sums.
    """
    import onnx
    import onnxruntime

    network = prepared(reference)
    start = network.graph.input[0].name
    made = {node.output[0]: node.op_type for node in network.graph.node if node.op_type in OPERATORS}
    known = {output.name for output in network.graph.output}
    network.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in made
        if name not in known
    )
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [start, *made]
    lows: dict[str, list[float]] = {name: [] for name in names}
    highs: dict[str, list[float]] = {name: [] for name in names}
    sums: dict[str, npt.NDArray[np.float64]] = {}
    photos = 0
    for photo in _photos(photographs):
        given = model_input(photo)
        photos += 1
        for name, values in zip(names, [given, *session.run(list(made), {start: given})], strict=True):
            lows[name].append(float(values.min()))
            highs[name].append(float(values.max()))
            if made.get(name, "Relu") in ("Relu", "Add"):
                mean = values[0].mean(axis=(1, 2), dtype=np.float64)
                sums[name] = sums[name] + mean if name in sums else mean
    return {
        "ranges": {
            name: [0.0 - _reach(-np.array(lows[name])), _reach(np.array(highs[name]))] for name in names
        },
        "means": {name: [float(f"{mean:.3g}") for mean in total / photos] for name, total in sums.items()},
    }


def _photos(folder: Path) -> "Iterator[npt.NDArray[np.uint8]]":
    for seed in _SEEDS:
        yield generator.generate(seed, size=(640, 480), supersampling=2).image
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            image.thumbnail((_SIDE, _SIDE))
            yield np.asarray(image.convert("RGB"), np.uint8)


def _reach(extremes: "npt.NDArray[np.float64]") -> float:
    """What most photos' extremes stay within, not below zero; to three figures, rounded up."""
    value = float(np.percentile(extremes, _MOST))
    if value <= 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{math.ceil(value / unit) * unit:.6g}")


if __name__ == "__main__":
    main()
