"""`bmx cutout` and `bmx model`: the worker's code on files, no stack needed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bmx.models import ensured_models
from bmx.output import JsonOption, Outcome, Ui, execute
from workers.contracts.problem import Problem

if TYPE_CHECKING:
    from workers.image_processor.cutout import WrittenCutout

model = typer.Typer(
    name="model",
    help="The networks that find the book in a photo.",
    no_args_is_help=True,
    epilog="Example: bmx model list",
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog="Example: bmx cutout atlas.jpg globe.png -o cutouts --format png")(cutout)
    app.add_typer(model)


def cutout(
    photos: Annotated[list[Path], typer.Argument(metavar="IN", help="Photo files.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the cutouts.")] = Path("bmx-cutouts"),
    cutout_format: Annotated[
        Literal["webp", "png"], typer.Option("--format", help="Of the cutouts; both keep transparency.")
    ] = "webp",
    json_output: JsonOption = False,
) -> None:
    """Cut the books out of photo files: OUT/<name>.<format>, RGBA, the photo's full size."""

    def action(ui: Ui) -> Outcome:
        from workers.contracts import Recipe
        from workers.image_processor.cutout import ImageFaultError, write_cutout

        _check_targets(photos, out, cutout_format)
        recipe = Recipe(cutout_format=cutout_format)
        models = ensured_models(ui, recipe)
        done, failed = [], []
        with ui.progress() as bars:
            task = bars.add_task("Cutting out", total=len(photos))
            for photo in photos:
                try:
                    written = write_cutout(photo, out, recipe, models)
                    done.append((photo, written))
                except ImageFaultError as fault:
                    failed.append({"source": str(photo), "code": fault.code, "message": str(fault)})
                    ui.warn(f"{photo}: {fault}")
                bars.advance(task)
        return Outcome(
            data={"cutouts": [_row(photo, written) for photo, written in done], "failed": failed},
            view="\n".join(f"{written.path}  {written.width} × {written.height}" for _, written in done)
            or None,
            ok=not failed,
        )

    execute("cutout", json_output, action)


@model.command(epilog="Example: bmx model fetch")
def fetch(json_output: JsonOption = False) -> None:
    """Fetch the default model, check it, and make its int8 form."""

    def action(ui: Ui) -> Outcome:
        from workers.contracts import Recipe

        recipe = Recipe()
        path = ensured_models(ui, recipe).path(recipe.model, recipe.precision)
        return Outcome(data={"path": str(path)}, view=str(path))

    execute("model fetch", json_output, action)


@model.command("list", epilog="Example: bmx model list --json")
def list_models(json_output: JsonOption = False) -> None:
    """List the models and which of them are here."""

    def action(_ui: Ui) -> Outcome:
        from rich.table import Table

        rows = _models(verified=False)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("model", "precision", "here"):
            table.add_column(column)
        for row in rows:
            table.add_row(str(row["model"]), str(row["precision"]), "yes" if row["here"] else "–")
        return Outcome(data={"models": rows}, view=table)

    execute("model list", json_output, action)


@model.command(epilog="Example: bmx model verify")
def verify(json_output: JsonOption = False) -> None:
    """Check the files that are here against their checksums."""

    def action(ui: Ui) -> Outcome:
        rows = [row for row in _models(verified=True) if row["here"]]
        for row in rows:
            if not row["verified"]:
                ui.warn(f"{row['path']} is damaged: delete it and run `bmx model fetch`.")
        good = sum(bool(row["verified"]) for row in rows)
        view = f"{good} of {len(rows)} models here are as they were fetched or made."
        return Outcome(data={"models": rows}, view=view, ok=all(row["verified"] for row in rows))

    execute("model verify", json_output, action)


def _models(*, verified: bool) -> list[dict[str, object]]:
    from local.paths import Paths
    from workers.image_processor.models import ModelStore
    from workers.image_processor.models.catalog import MODELS

    store = ModelStore(Paths.default().models)
    rows: list[dict[str, object]] = []
    for entry in MODELS:
        path = store.folder / entry.file_name
        row: dict[str, object] = {"model": entry.name, "precision": entry.precision, "here": path.is_file()}
        if path.is_file():
            row["path"] = str(path)
            if verified:
                row["verified"] = store.verify(entry.name, entry.precision)
        rows.append(row)
    return rows


def _check_targets(photos: list[Path], out: Path, cutout_format: str) -> None:
    """Refuse, before any work, what would overwrite a source or let two photos share one cutout."""
    targets: dict[Path, Path] = {}
    for photo in photos:
        if not photo.is_file():
            raise Problem(f"{photo} is no file.", fix="Name photo files; `bmx import FOLDER` takes a folder.")
        target = out / f"{photo.stem}.{cutout_format}"
        if target in targets:
            raise Problem(
                f"{targets[target]} and {photo} would both become {target}.",
                fix="Rename one, or cut them out into different folders.",
            )
        if target.exists() and any(target.samefile(source) for source in photos):
            raise Problem(f"{target} is one of the photos.", fix="Choose another folder with -o.")
        targets[target] = photo


def _row(photo: Path, written: "WrittenCutout") -> dict[str, object]:
    return {
        "source": str(photo),
        "path": str(written.path),
        "width": written.width,
        "height": written.height,
        "bytes": written.bytes,
        "subject": written.subject.model_dump(),
        "timings_ms": written.timings_ms,
    }
