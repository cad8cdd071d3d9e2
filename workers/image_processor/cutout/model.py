"""The network: one session per file, a photo in, a coarse mask out."""

import os
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from workers.image_processor.models.catalog import DamagedModelError

SIDE = 320
"""The network's input is SIDE x SIDE, whatever the photo's shape."""

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
_LOCK = Lock()


def model_input(photo: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The network's input (1, 3, SIDE, SIDE) of a photo (height, width, 3): scaled by its brightest value, as
    trained.
    """
    small = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    scaled = small / max(float(small.max()), 1.0)
    return np.ascontiguousarray(((scaled - _MEAN) / _DEVIATION).transpose(2, 0, 1)[None], np.float32)


class Network(Protocol):
    """Finds the subject. Safe to use from several threads."""

    side: int
    """Its masks have side x side cells."""

    def mask(self, photo: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """How much each cell of an upright sRGB photo (height, width, 3) belongs to the subject, 0 to 1."""


class MaskModel:
    """A U²-Net loaded from a file. Safe to use from several threads."""

    side = SIDE

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = usable_cpus()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Planning all buffers as one block takes more memory at the peak, and no less time.
        options.enable_mem_pattern = False
        # Waiting threads sleep: beside other processes, spinning ones would take their time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's have no ancestor of their own
            raise DamagedModelError(
                f"{path} is no network.",
                why="Its file is damaged.",
                fix="Check all that are here: bmx model verify",
            ) from error
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name

    def mask(self, photo: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """How much each of SIDE x SIDE cells belongs to the subject, 0 to 1, as the network says it."""
        (mask,) = self._session.run([self._output], {self._input: model_input(photo)})
        return np.asarray(mask[0, 0], np.float32)


def load(path: Path) -> MaskModel:
    """The network of a file, made once per process; raises `DamagedModelError`."""
    with _LOCK:
        return _loaded(path.resolve())


@lru_cache(maxsize=4)
def _loaded(path: Path) -> MaskModel:
    return MaskModel(path)


def usable_cpus() -> int:
    """CPUs this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
