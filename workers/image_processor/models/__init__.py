"""Model files: which there are (`catalog`), how they are fetched and made, where they lie (`ModelStore`)."""

from workers.image_processor.models.catalog import (
    MODELS,
    DamagedModelError,
    MissingModelError,
    Model,
    UnknownModelError,
)
from workers.image_processor.models.fetch import FetchError, Progress
from workers.image_processor.models.store import ModelStore

__all__ = [
    "MODELS",
    "DamagedModelError",
    "FetchError",
    "MissingModelError",
    "Model",
    "ModelStore",
    "Progress",
    "UnknownModelError",
]
