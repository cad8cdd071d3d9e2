"""The model files of this machine, with progress for whoever waits for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from bmx.output import Ui

if TYPE_CHECKING:
    from rich.progress import TaskID

    from workers.contracts import Recipe
    from workers.image_processor.models import ModelStore, Progress


def model_store() -> "ModelStore":
    """The store in the user's cache."""
    from local.paths import Paths
    from workers.image_processor.models import ModelStore

    return ModelStore(Paths.default().models)


def best_precision(name: str) -> "Literal['int8', 'fp32']":
    """The first in which the catalog has the model; fp32 for one that it does not have."""
    from workers.image_processor.models import MODELS

    return next((entry.precision for entry in MODELS if entry.name == name), "fp32")


def ensured_models(ui: Ui, recipe: "Recipe", *, verified: bool = False) -> "ModelStore":
    """The store in the user's cache, holding the recipe's model: fetched and checked on first use.

    `verified` also checks a file that is there, and gets a damaged one anew. rembg keeps its own models.
    """
    from workers.image_processor.cutout.rembg_model import PREFIX

    store = model_store()
    if recipe.model.startswith(PREFIX):
        return store
    with model_progress(ui) as show:
        store.ensure(recipe.model, recipe.precision, show, verified=verified)
    return store


@contextmanager
def model_progress(ui: Ui) -> "Iterator[Progress]":
    """A bar for each step that is reported."""
    with ui.progress() as bars:
        tasks: dict[str, TaskID] = {}

        def show(step: str, share: float) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=100)
            bars.update(tasks[step], completed=round(share * 100))

        yield show
