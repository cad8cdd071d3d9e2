"""`bmx package`: the application as an archive and a template for CloudFormation."""

from pathlib import Path
from typing import Annotated

import typer

from bmx.commands.config import OutputsOption, refuse_local
from bmx.options import OtherStackOption
from bmx.output import JsonOption, Outcome, Ui, execute


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog="Example: bmx package --stack staging --out dist")(package)


def package(
    stack: OtherStackOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where both files go.", metavar="FOLDER")],
    outputs: OutputsOption = None,
    json_output: JsonOption = False,
) -> None:
    """Pack the application for Lambda: deployment.zip, and sam.json for `aws cloudformation package`.

    Its dependencies are the locked ones by their hashes, and queues get partial batch failures.
    """
    refuse_local(stack)

    def action(ui: Ui) -> Outcome:
        import shutil

        from local import package as packages
        from local.paths import Paths
        from operations.outputs import outputs_of

        paths = Paths.default()
        found = outputs_of(stack, outputs, ui, paths)
        built = packages.build(paths, stack, found, ui, packages.Target.LAMBDA)
        out.mkdir(parents=True, exist_ok=True)
        archive, template = (
            Path(shutil.copy(file, out / file.name)) for file in (built.archive, built.template)
        )
        data = {
            "archive": str(archive),
            "template": str(template),
            "stack": stack,
            "checksum": built.checksum,
        }
        return Outcome(data=data, view=f"{archive}\n{template}")

    execute("package", json_output, action)
