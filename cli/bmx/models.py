"""The model files of this machine, with progress for whoever waits for them."""

from typing import TYPE_CHECKING

from bmx.output import Ui

if TYPE_CHECKING:
    from rich.progress import TaskID

    from workers.contracts import Recipe
    from workers.image_processor.models import ModelStore


def ensured_models(ui: Ui, recipe: "Recipe") -> "ModelStore":
    """The store in the user's cache, holding the recipe's model: fetched and checked on first use."""
    from local.paths import Paths
    from workers.image_processor.models import ModelStore

    store = ModelStore(Paths.default().models)
    with ui.progress() as bars:
        tasks: dict[str, TaskID] = {}

        def show(step: str, share: float) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=100)
            bars.update(tasks[step], completed=round(share * 100))

        store.ensure(recipe.model, recipe.precision, show)
    return store
