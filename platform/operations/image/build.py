"""Build a container worker's image from its Dockerfile."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.naming import dashed
from infra.workers import Container, container_of
from local.paths import Paths
from local.reporting import Reporter
from operations.image import pip_settings
from operations.image.base import KEPT_DAYS, base_of
from operations.image.tools import Build, ImageConfig, Tool
from workers.contracts.messages import HeldModel

_MODELS = "made-models"

SBOM = "/opt/sbom.cdx.json"
"""Where the image says what it holds."""


@dataclass(frozen=True)
class Built:
    """An image that is here now."""

    reference: str
    config: ImageConfig
    seconds: float


def reference_of(worker: str) -> str:
    """The name that a worker's image has on this machine."""
    return f"localhost/bluemoxon/{dashed(worker)}:latest"


def build(
    tool: Tool, worker: str, report: Reporter, *, base: str | None = None, fresh_base: bool = False
) -> Built:
    """Build from the checkout. What did not change since the last time is taken from there."""
    begun = time.monotonic()
    chosen = base_of(tool, base, report, fresh=fresh_base)
    reference = reference_of(worker)
    report.say(f"Building {reference} with {tool.name}")
    file = dockerfile(tool.paths, container_of(worker))
    models = container_of(worker).models
    with pip_settings.as_secrets() as secrets, _folders(file, tool.paths, models, report) as folders:
        tool.build(
            Build(
                dockerfile=file,
                context=tool.paths.repo,
                arguments={"BASE_IMAGE": chosen.runtime, "BUILD_IMAGE": chosen.build},
                secrets=secrets,
                folders=folders,
                tag=reference,
            )
        )
    tool.forget_older(KEPT_DAYS)
    return Built(reference, tool.config(reference), time.monotonic() - begun)


@contextmanager
def _folders(
    dockerfile: Path, paths: Paths, models: Sequence[HeldModel], report: Reporter
) -> Iterator[dict[str, Path]]:
    """The worker's models, for a Dockerfile with a stage for them: the very files that all else on this
    machine uses, made now if there are none."""
    if f" AS {_MODELS}\n" not in dockerfile.read_text(encoding="utf-8"):
        yield {}
        return
    from workers.image_processor.models import ModelStore

    store = ModelStore(paths.models)
    files = [store.ensure(it.model, it.precision, lambda step, _share: report.detail(step)) for it in models]
    with TemporaryDirectory(prefix="bmx-models-") as folder:
        for path in (one for model in files for one in (model, model.with_suffix(".json"))):
            if path.exists():  # a fetched model has no record
                shutil.copy(path, folder)
        yield {_MODELS: Path(folder)}


def dockerfile(paths: Paths, container: Container) -> Path:
    """In the worker's folder, which its handler names."""
    package, worker = container.handler.split(".")[:2]
    return paths.repo / package / worker / "Dockerfile"
