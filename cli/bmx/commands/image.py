"""`bmx image`: a container worker's image, from its Dockerfile to a stack's settings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bmx.output import JsonOption, Outcome, Ui, execute
from infra.naming import LOCAL

if TYPE_CHECKING:
    from operations.image.tools import Tool

image = typer.Typer(
    name="image",
    help="A container worker's image: build it, try it, push it, and let a stack run it.",
    no_args_is_help=True,
    epilog="Example: bmx image build",
)

WorkerOption = Annotated[
    str, typer.Option("--worker", "-w", help="The worker whose image it is.", metavar="NAME")
]
ToolOption = Annotated[
    str | None,
    typer.Option("--tool", help="docker, podman or buildah; else the first that answers.", metavar="NAME"),
]
DEFAULT = "image_processing"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(image)


@image.command(epilog="Example: bmx image build --base python:3.11-slim-bookworm@sha256:...")
def build(
    worker: WorkerOption = DEFAULT,
    base: Annotated[
        str | None,
        typer.Option(
            help="The base image, by its digest; on Debian it can be made from packages instead.",
            metavar="IMAGE@sha256:...",
            envvar="BMX_BASE_IMAGE",
        ),
    ] = None,
    fresh_base: Annotated[
        bool, typer.Option("--fresh-base", help="Make the base from packages again, with today's updates.")
    ] = False,
    sbom: Annotated[
        Path | None, typer.Option(help="Where to write what is in it (CycloneDX).", metavar="FILE")
    ] = None,
    tool: ToolOption = None,
    json_output: JsonOption = False,
) -> None:
    """Build a worker's image; what did not change since the last time is taken from there."""
    if base is not None and fresh_base:
        raise typer.BadParameter("--base names a base, --fresh-base makes one; leave one out.")

    def action(ui: Ui) -> Outcome:
        from operations.image import build as builds

        found = _tool(tool)
        built = builds.build(found, worker, ui, base=base, fresh_base=fresh_base)
        if sbom is not None:
            sbom.parent.mkdir(parents=True, exist_ok=True)
            sbom.write_bytes(found.file(built.reference, builds.SBOM))
        data = {
            "image": built.reference,
            "id": built.config.id,
            "bytes": built.config.bytes,
            "seconds": round(built.seconds, 1),
            "tool": found.name,
            "sbom": sbom,
        }
        view = f"{built.reference}  {built.config.bytes / 1e6:.0f} MB, built in {built.seconds:.0f} s"
        return Outcome(data=data, view=view)

    execute("image build", json_output, action)


@image.command(epilog="Example: bmx image run atlas.jpg")
def run(
    photo: Annotated[
        Path | None, typer.Argument(help="A photo of yours; else a generated one.", show_default=False)
    ] = None,
    tool: ToolOption = None,
    json_output: JsonOption = False,
) -> None:
    """Start the image worker's image as Lambda would, and let it cut out a photo.

    Read-only root, 512 MB of /tmp, its role's session; an emulator plays S3 and SQS.
    """

    def action(ui: Ui) -> Outcome:
        from local.paths import Paths
        from operations.image import trial
        from operations.image.build import reference_of

        data = photo.read_bytes() if photo else trial.sample_photo()
        tried = trial.trial(_tool(tool), reference_of(trial.WORKER), Paths.default(), ui, data)
        succeeded = tried.result.status == "succeeded"
        view = (
            f"{tried.result.status}: ready {tried.ready:.2f} s after the start, first result after "
            f"{tried.first_result:.2f} s"
        )
        if tried.result.error is not None:
            view += f"\n{tried.result.error.code}: {tried.result.error.message}"
        return Outcome(
            data={
                "ready_seconds": round(tried.ready, 3),
                "first_result_seconds": round(tried.first_result, 3),
                "result": tried.result.model_dump(mode="json"),
            },
            view=view,
            ok=succeeded,
        )

    execute("image run", json_output, action)


@image.command(epilog="Example: bmx image push --stack staging")
def push(
    stack: Annotated[
        str | None, typer.Option("--stack", "-s", help="Push to this stack's repository.", metavar="STACK")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="Or to this one, with docker's or podman's login.", metavar="REPOSITORY"),
    ] = None,
    tag: Annotated[
        str | None, typer.Option(help="One that is not taken; else made of commit and image.", metavar="TAG")
    ] = None,
    worker: WorkerOption = DEFAULT,
    tool: ToolOption = None,
    json_output: JsonOption = False,
) -> None:
    """Push a worker's image to a registry, and print the digest that it has there."""
    if (stack is None) == (to is None):
        raise typer.BadParameter("say where: --stack STACK or --to REPOSITORY.")
    if stack == LOCAL:
        raise typer.BadParameter("the local stack runs the code as a process.", param_hint="--stack")

    def action(ui: Ui) -> Outcome:
        from operations.image import release
        from operations.image.build import reference_of

        found = _tool(tool)
        where = str(to) if stack is None else release.repository_of(worker, stack, found.paths)
        tagged = tag or release.tag_of(found.paths, found.config(reference_of(worker)).id)
        ui.say(f"Pushing {reference_of(worker)} as {tagged}")
        pushed = release.push(found, worker, where, tagged)
        return Outcome(
            data={"image": pushed.target, "digest": pushed.digest}, view=f"{pushed.target}\n{pushed.digest}"
        )

    execute("image push", json_output, action)


@image.command(epilog="Example: bmx image digest --stack staging")
def digest(
    given: Annotated[
        str | None,
        typer.Argument(metavar="sha256:...", help="Else that of the last push.", show_default=False),
    ] = None,
    stack: Annotated[
        str | None,
        typer.Option("--stack", "-s", help="Write it into this stack's settings.", metavar="STACK"),
    ] = None,
    worker: WorkerOption = DEFAULT,
    json_output: JsonOption = False,
) -> None:
    """Print the digest of the image that was pushed last; with --stack, let that stack run it.

    Only the settings file changes (comments stay); `bmx deploy` applies it.
    """
    if stack == LOCAL:
        raise typer.BadParameter("the local stack runs the code as a process.", param_hint="--stack")

    def action(_ui: Ui) -> Outcome:
        from bmx.scaffold import stacks
        from local.engine.project import require_settings
        from local.files import write_atomic
        from local.paths import Paths
        from operations.image.release import last_pushed

        paths = Paths.default()
        found = given or last_pushed(paths, worker).digest
        changed = False
        if stack is not None:
            require_settings(paths.repo, stack)
            file = paths.repo / stacks.file_of(stack)
            before = file.read_text(encoding="utf-8")
            after = stacks.with_digest(stack, before, worker, found)
            changed = after != before
            if changed:
                write_atomic(file, after, mode=0o644)
        data = {"digest": found, "stack": stack, "changed": changed}
        return Outcome(data=data, view=found)

    execute("image digest", json_output, action)


def _tool(name: str | None) -> "Tool":
    from local.paths import Paths
    from operations.image.tools import NAMES, find_tool

    if name is not None and name not in NAMES:
        raise typer.BadParameter(f"one of {', '.join(NAMES)}.", param_hint="--tool")
    return find_tool(Paths.default(), name)
