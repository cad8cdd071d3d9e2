"""rembg's models behind the worker's interface, where rembg is installed (requirements/worker-rembg.txt).

A recipe names them `rembg-` and rembg's own name: `rembg-isnet-general-use`. rembg keeps their files and
fetches them by its own checksums on first use; where it may not (a read-only file system, no network), they
are put beforehand where `REMBG_HOME` or `U2NET_HOME` says.
"""

from functools import lru_cache
from threading import Lock
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from workers.image_processor.models.catalog import MissingModelError, UnknownModelError

PREFIX = "rembg-"
_SIDE = 1024
"""rembg's larger networks look at so many cells a side."""
_UNFIT = ("sam", "u2net_cloth_seg")
"""The first wants points, the second finds several things."""
_LOCK = Lock()


class RembgModel:
    """A session of rembg. Its masks reach from 0 to 1 in every photo: rembg stretches them."""

    side = _SIDE

    def __init__(self, session: Any) -> None:
        self._session = session

    def mask(self, photo: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """The session's mask of the photo."""
        from PIL import Image

        small = cv2.resize(photo, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        (mask,) = self._session.predict(Image.fromarray(small))
        return np.asarray(np.asarray(mask, np.float32) / 255, np.float32)


def load(model: str, precision: str) -> RembgModel:
    """The session of `model` (with its prefix), made once per process.

    Raises `MissingModelError` where rembg or the model's file is not to be had, and `UnknownModelError` for a
    name or precision that it does not have.
    """
    if precision != "fp32":
        raise UnknownModelError(f"There is no model {model} in {precision}.", fix="rembg's models are fp32.")
    with _LOCK:
        return _loaded(model.removeprefix(PREFIX))


@lru_cache(maxsize=1)
def _loaded(name: str) -> RembgModel:
    try:
        from rembg.session_factory import new_session
        from rembg.sessions import sessions_class
    except ImportError as error:
        raise MissingModelError(
            f"The model {PREFIX}{name} comes with rembg, which is not installed here.",
            why=f"{error}.",
            fix="Install requirements/worker-rembg.txt in the place of requirements/worker.txt.",
        ) from error
    known = sorted(kind.name() for kind in sessions_class if _is_fit(kind))
    if name not in known:
        raise UnknownModelError(
            f"rembg has no model {name} that cuts out a photo's subject on this machine.",
            fix=f"Choose one of: {', '.join(PREFIX + other for other in known)}.",
        )
    try:
        return RembgModel(new_session(name))
    except (OSError, ValueError) as error:
        raise MissingModelError(
            f"rembg could not provide its model {name}.",
            why=f"{error}"[:300],
            fix="Put its file where REMBG_HOME or U2NET_HOME says, or let rembg reach its releases.",
        ) from error


def _is_fit(kind: Any) -> bool:
    """Whether it finds one subject, here, and needs nothing but the photo."""
    return (
        kind.is_local()
        and not kind.requires_credentials()
        and not kind.name().endswith("_custom")
        and kind.name() not in _UNFIT
    )
