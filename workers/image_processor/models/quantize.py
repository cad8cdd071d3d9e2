"""Make the int8 network from the fp32 one and check that it still sees the same.

Static quantisation in QDQ form, per channel. Calibration photos come from the project's own generator, so the
same onnxruntime on the same kind of CPU gives the same file; across machines the guarantee is
`MAX_MASK_DIFFERENCE`.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workers.contracts import Problem
from workers.image_processor.cutout.model import MaskModel, model_input
from workers.image_processor.models.fetch import Progress
from workers.samples import generator

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_MASK_DIFFERENCE = 0.02
"""Largest mean absolute difference between an int8 and an fp32 mask that is accepted, on photos not used
before.
"""

_CALIBRATION_SEEDS = range(100, 108)
_CHECK_SEEDS = range(200, 203)
_PHOTO_SIZE = (640, 480)
_OPERATORS = ["Conv", "Relu", "Concat", "MaxPool", "Resize"]
_OPSET = 13  # the first with per-channel quantisation; the published file has 11


class QuantisationError(Problem):
    """The int8 network differs too much from its original."""


def quantise(reference: Path, target: Path, progress: Progress) -> float:
    """Write the int8 form of `reference` to `target` and return the mean mask difference seen.

    Raises `QuantisationError` when that is above `MAX_MASK_DIFFERENCE`; `target` then does not exist.
    """
    import onnx
    from onnx import version_converter
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    photos = [_photo(seed) for seed in _CALIBRATION_SEEDS]

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self._inputs = _feeds(name, photos, progress)

        def get_next(self) -> "dict[str, npt.NDArray[np.float32]] | None":
            return next(self._inputs, None)

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".quantise-", dir=target.parent) as scratch:
        progress("preparing the int8 network", 0.0)
        prepared, made = str(Path(scratch, "prepared.onnx")), Path(scratch, target.name)
        graph = version_converter.convert_version(onnx.load(str(reference)), _OPSET)
        onnx.save(graph, prepared)
        quant_pre_process(prepared, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            str(made),
            Reader(graph.graph.input[0].name),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=_OPERATORS,
        )
        progress("comparing int8 with fp32", 0.9)
        difference = mask_difference(reference, made)
        if difference > MAX_MASK_DIFFERENCE:
            raise QuantisationError(
                f"The int8 network's masks differ by {difference:.4f} from the original's.",
                why=f"At most {MAX_MASK_DIFFERENCE} is accepted.",
                fix="Use fp32 on this machine, or report the CPU and the version of onnxruntime.",
            )
        made.replace(target)
    progress("comparing int8 with fp32", 1.0)
    return difference


def mask_difference(reference: Path, other: Path) -> float:
    """Mean absolute difference of the two networks' masks over generated photos, the worst photo's."""
    first, second = MaskModel(reference), MaskModel(other)
    photos = [_photo(seed) for seed in _CHECK_SEEDS]
    return max(float(np.abs(first.mask(photo) - second.mask(photo)).mean()) for photo in photos)


def _photo(seed: int) -> "npt.NDArray[np.uint8]":
    return generator.generate(seed, size=_PHOTO_SIZE, supersampling=2).image


def _feeds(
    name: str, photos: "Sequence[npt.NDArray[np.uint8]]", progress: Progress
) -> "Iterator[dict[str, npt.NDArray[np.float32]]]":
    for index, photo in enumerate(photos):
        progress("calibrating the int8 network", index / len(photos))
        yield {name: model_input(photo)}
