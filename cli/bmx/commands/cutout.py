"""`bmx cutout`: the worker's code on files, no stack needed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bmx.models import best_precision, ensured_models
from bmx.output import JsonOption, Outcome, Ui, execute
from workers.contracts.problem import Problem

if TYPE_CHECKING:
    from workers.image_processor.cutout import WrittenCutout

UNEXPECTED = (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)
"""What a photo may raise that nobody has thought of: it costs that photo, not those after it."""


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog="Example: bmx cutout atlas.jpg globe.png -o cutouts --format png")(cutout)


def cutout(
    photos: Annotated[list[Path], typer.Argument(metavar="IN", help="Photo files.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the cutouts.")] = Path("bmx-cutouts"),
    cutout_format: Annotated[
        Literal["webp", "png"], typer.Option("--format", help="Of the cutouts; both keep transparency.")
    ] = "webp",
    model: Annotated[str, typer.Option(help="As `bmx model list` names it.")] = "u2net",
    precision: Annotated[
        Literal["int8", "fp32"] | None, typer.Option(help="int8 is faster, fp32 the reference.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Cut the books out of photo files: OUT/<name>.<format>, RGBA, the photo's size up to 50 megapixels."""

    def action(ui: Ui) -> Outcome:
        from workers.contracts import Recipe
        from workers.image_processor.cutout import ImageFaultError, write_cutout
        from workers.image_processor.heap import keep_freed_memory

        _check_targets(photos, out, cutout_format)
        recipe = Recipe(
            model=model, precision=precision or best_precision(model), cutout_format=cutout_format
        )
        models = ensured_models(ui, recipe)
        keep_freed_memory()
        done, failed = [], []

        def fail(photo: Path, code: str, message: str) -> None:
            failed.append({"source": str(photo), "code": code, "message": message})
            ui.warn(f"{photo}: {message}")

        with ui.progress() as bars:
            task = bars.add_task("Cutting out", total=len(photos))
            for photo in photos:
                try:
                    written = write_cutout(photo, out, recipe, models)
                    done.append((photo, written))
                    if written.quality.reasons:
                        ui.warn(f"{written.path} may be poor: {', '.join(written.quality.reasons)}.")
                except ImageFaultError as fault:
                    fail(photo, fault.code, str(fault))
                except OSError as error:
                    fail(photo, "file_error", f"It cannot be read or written: {error.strerror or error}.")
                except UNEXPECTED as error:
                    fail(photo, "internal", f"{type(error).__name__}: {error}. Please report this photo.")
                bars.advance(task)
        return Outcome(
            data={"cutouts": [_row(photo, written) for photo, written in done], "failed": failed},
            view="\n".join(_line(written) for _, written in done) or None,
            ok=not failed,
        )

    execute("cutout", json_output, action)


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


def _line(written: "WrittenCutout") -> str:
    poor = "" if written.quality.level == "good" else "  (low quality)"
    return f"{written.path}  {written.width} × {written.height}{poor}"


def _row(photo: Path, written: "WrittenCutout") -> dict[str, object]:
    return {
        "source": str(photo),
        "path": str(written.path),
        "width": written.width,
        "height": written.height,
        "bytes": written.bytes,
        "quality": written.quality.model_dump(mode="json"),
        "subject": written.subject.model_dump(),
        "timings_ms": written.timings_ms,
    }
