"""Make the int8 network from the fp32 one and check that it still sees the same.

Static quantisation in QDQ form, per channel. How far each tensor's values reach, and each channel's mean,
stand in a file of the source (`<model>-calibration.json`, measured by `calibrate`), so that nothing is
measured here: the same fp32 file gives the same bytes with the locked versions, and with others a network
within `MAX_MASK_DIFFERENCE`.

- Weights have 7 bits. With 8, processors without VNNI add up products in 16 bits that do not hold them, and
  the mask of a furry subject was wrong by 0.06 on them; now every processor finds the same sums.
- Rounded weights shift the mean of what a convolution gives; its bias takes the shift back (Nagel et al.,
  "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019). Without it the masks are
  four times as far from those of fp32.
- The side outputs and what joins them stay in fp32: they are the mask, one channel each, and cost nothing.
"""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from workers.contracts import Problem
from workers.image_processor.cutout.model import MaskModel
from workers.image_processor.models.fetch import Progress
from workers.samples import generator

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy.typing as npt

    Values: TypeAlias = npt.NDArray[np.float64]

MAX_MASK_DIFFERENCE = 0.004
"""Largest mean absolute difference between an int8 and an fp32 mask that is accepted, on photos not used
before. The catalog's have 0.0008 and 0.0020; an earlier way of making u2net's had 0.0069.
"""

OPERATORS = ("Conv", "Relu", "Concat", "MaxPool", "Resize", "Add")
_CHECK_SEEDS = range(200, 203)
_PHOTO_SIZE = (640, 480)
_WEIGHT_LEVELS = 64
"""On each side of zero: onnxruntime's range of 7 bits."""
_OPSET = 13  # the first with per-channel quantisation; the published file has 11


class QuantizationError(Problem):
    """The int8 network differs too much from its original."""


def quantize(reference: Path, calibration: Path, target: Path, progress: Progress) -> float:
    """Write the int8 form of `reference` to `target` and return the mean mask difference seen.

    `calibration` is what `calibrate` measured of that network.

    Raises `QuantizationError` when that is above `MAX_MASK_DIFFERENCE`; `target` then does not exist.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.calibrate import TensorsData, save_tensors_data

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".quantize-", dir=target.parent) as scratch:
        progress("preparing the int8 network", 0.0)
        ready, made = Path(scratch, "ready.onnx"), Path(scratch, "made.onnx")
        network = prepared(reference)
        kept = side_outputs(network.graph)
        measured = json.loads(calibration.read_text(encoding="utf-8"))
        correct_biases(
            network.graph, kept, {name: np.array(mean) for name, mean in measured["means"].items()}
        )
        onnx.save(network, str(ready))
        reach = {
            name: (np.float32(low), np.float32(high)) for name, (low, high) in measured["ranges"].items()
        }
        ranges = Path(scratch, "ranges.json")
        save_tensors_data(TensorsData(CalibrationMethod.MinMax, reach), ranges)
        progress("making the int8 network", 0.3)
        quantize_static(
            str(ready),
            str(made),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=list(OPERATORS),
            nodes_to_exclude=kept,
            calibration_cache_path=str(ranges),
        )
        progress("comparing int8 with fp32", 0.9)
        difference = mask_difference(reference, made)
        if difference > MAX_MASK_DIFFERENCE:
            raise QuantizationError(
                f"The int8 network's masks differ by {difference:.4f} from the original's.",
                why=f"At most {MAX_MASK_DIFFERENCE} is accepted.",
                fix="Use fp32 on this machine, or report the CPU and the version of onnxruntime.",
            )
        made.replace(target)
    progress("comparing int8 with fp32", 1.0)
    return difference


def prepared(reference: Path) -> Any:
    """The network that is quantised: opset raised, shapes known, constants folded."""
    import onnx
    from onnx import version_converter
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as scratch:
        path = str(Path(scratch, "prepared.onnx"))
        onnx.save(version_converter.convert_version(onnx.load(str(reference)), _OPSET), path)
        quant_pre_process(path, path, skip_symbolic_shape=True)
        return onnx.load(path)


def correct_biases(graph: Any, kept: "Collection[str]", means: "Mapping[str, Values]") -> None:
    """Take from each bias what rounding the weights adds to the convolution's mean; nodes in `kept` stay.

    `means` has each channel's mean of the network's input and of each activation and sum; pooled, enlarged
    and joined tensors follow from them.
    """
    from onnx import numpy_helper

    means = dict(means)
    constants = {constant.name: constant for constant in graph.initializer}
    for node in graph.node:
        if node.op_type in ("MaxPool", "Resize") and node.input[0] in means:
            means[node.output[0]] = means[node.input[0]]
        elif node.op_type == "Concat" and all(name in means for name in node.input):
            means[node.output[0]] = np.concatenate([means[name] for name in node.input])
        elif node.op_type == "Conv" and node.name not in kept:
            weights = numpy_helper.to_array(constants[node.input[1]]).astype(np.float64)
            step = np.abs(weights).max(axis=(1, 2, 3), keepdims=True) / _WEIGHT_LEVELS
            step[step == 0] = 1
            added = (np.round(weights / step) * step - weights).sum(axis=(2, 3)) @ means[node.input[0]]
            bias = numpy_helper.to_array(constants[node.input[2]]) - added
            constants[node.input[2]].CopyFrom(numpy_helper.from_array(bias.astype(np.float32), node.input[2]))


def side_outputs(graph: Any) -> list[str]:
    """The nodes that make masks: convolutions of one channel, and what enlarges and joins their results."""
    shapes = {weights.name: weights.dims for weights in graph.initializer}
    one_channel = {
        node.output[0]: node.name
        for node in graph.node
        if node.op_type == "Conv" and shapes[node.input[1]][0] == 1
    }
    masks, names = set(one_channel), list(one_channel.values())
    for node in graph.node:
        if node.op_type in ("Resize", "Concat") and node.input[0] in masks:
            masks.add(node.output[0])
            names.append(node.name)
    return names


def mask_difference(reference: Path, other: Path) -> float:
    """Mean absolute difference of the two networks' masks over generated photos, the worst photo's."""
    first, second = MaskModel(reference), MaskModel(other)
    photos = [_photo(seed) for seed in _CHECK_SEEDS]
    return max(float(np.abs(first.mask(photo) - second.mask(photo)).mean()) for photo in photos)


def _photo(seed: int) -> "npt.NDArray[np.uint8]":
    return generator.generate(seed, size=_PHOTO_SIZE, supersampling=2).image
