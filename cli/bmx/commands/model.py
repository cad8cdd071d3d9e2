"""`bmx model`: the networks' files on this machine."""

from typing import Annotated, Literal

import typer

from bmx.models import best_precision, ensured_models, model_progress, model_store
from bmx.output import JsonOption, Outcome, Ui, execute

ModelArgument = Annotated[str, typer.Argument(metavar="[MODEL]", help="As `bmx model list` names it.")]
PrecisionOption = Annotated[
    Literal["int8", "fp32"] | None, typer.Option(help="int8 is faster, fp32 the reference; the default's.")
]

model = typer.Typer(
    name="model",
    help="The networks that find the book in a photo.",
    no_args_is_help=True,
    epilog="Example: bmx model list",
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(model)


@model.command(epilog="Example: bmx model fetch u2netp")
def fetch(
    name: ModelArgument = "u2net",
    precision: PrecisionOption = None,
    json_output: JsonOption = False,
) -> None:
    """Fetch a model and check it, also one that is here; an int8 one is made from its fp32 original."""

    def action(ui: Ui) -> Outcome:
        from workers.contracts import Recipe

        recipe = Recipe(model=name, precision=precision or best_precision(name))
        path = ensured_models(ui, recipe, verified=True).path(recipe.model, recipe.precision)
        return Outcome(data={"path": str(path)}, view=str(path))

    execute("model fetch", json_output, action)


@model.command(epilog="Example: bmx model quantize")
def quantize(name: ModelArgument = "u2net", json_output: JsonOption = False) -> None:
    """Make a model's int8 form once more and say whether it is the same."""

    def action(ui: Ui) -> Outcome:
        with model_progress(ui) as show:
            made = model_store().remake(name, "int8", show)
        same = "the bytes that this release makes" if made.as_released else "other bytes than this release's"
        return Outcome(
            data={
                "path": str(made.path),
                "sha256": made.sha256,
                "mask_difference": made.mask_difference,
                "as_before": made.as_before,
                "as_released": made.as_released,
            },
            view=f"{made.path}\n{same}; masks differ from fp32 by {made.mask_difference:.4f} on average",
        )

    execute("model quantize", json_output, action)


@model.command("list", epilog="Example: bmx model list --json")
def list_models(json_output: JsonOption = False) -> None:
    """List the models: what they are for, their sizes and checksums, and which of them are here."""

    def action(_ui: Ui) -> Outcome:
        from rich.table import Table

        rows = _models(verified=False)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("model", "precision", "here", "MB", "sha256", "for"):
            table.add_column(column)
        for row in rows:
            here = "yes" if row["current"] else "outdated" if row["here"] else "–"
            size = f"{int(str(row['bytes'])) / 1e6:.0f}" if row["bytes"] else "–"
            checksum = str(row["sha256"])[:12] if row["sha256"] else "–"
            table.add_row(str(row["model"]), str(row["precision"]), here, size, checksum, str(row["use"]))
        return Outcome(data={"models": rows}, view=table)

    execute("model list", json_output, action)


@model.command(epilog="Example: bmx model verify")
def verify(json_output: JsonOption = False) -> None:
    """Check the files that are here against their checksums."""

    def action(ui: Ui) -> Outcome:
        rows = [row for row in _models(verified=True) if row["here"]]
        for row in rows:
            if not row["verified"]:
                ui.warn(f"{row['path']} is damaged. Run: {row['command']}")
            elif not row["as_released"]:
                ui.warn(
                    f"{row['path']} is whole, but of other bytes than this release makes; when it was made "
                    "its masks were near enough to fp32's."
                )
            elif not row["current"]:
                ui.warn(f"{row['path']} was made in an older way. Run: {row['command']}")
        good = sum(bool(row["verified"]) for row in rows)
        view = f"{good} of {len(rows)} models here are as they were fetched or made."
        return Outcome(data={"models": rows}, view=view, ok=all(row["verified"] for row in rows))

    execute("model verify", json_output, action)


def _models(*, verified: bool) -> list[dict[str, object]]:
    from workers.image_processor.models import MODELS

    store = model_store()
    rows: list[dict[str, object]] = []
    for entry in MODELS:
        path = store.folder / entry.file_name
        row: dict[str, object] = {
            "model": entry.name,
            "precision": entry.precision,
            "use": entry.use,
            "command": entry.command,
            "here": path.is_file(),
            "current": store.is_current(entry),
            "bytes": path.stat().st_size if path.is_file() else entry.source and entry.source.bytes,
            "sha256": store.checksum(entry) or entry.made_sha256,
        }
        if path.is_file():
            row["path"] = str(path)
            if verified:
                row["as_released"] = entry.made_sha256 in (None, store.checksum(entry))
                row["verified"] = store.verify(entry.name, entry.precision)
        rows.append(row)
    return rows
