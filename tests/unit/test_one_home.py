"""Facts that two files have to state agree."""

import io
import json
import re

import pytest
from rich.console import Console

from bmx.commands import deploy
from bmx.commands.stack import _view
from infra.workers import WORKERS, Container, container_of
from local.infrastructure import FALLBACK
from local.paths import REPO
from local.processes import ServiceStatus, State
from local.provider.registry import resource_types
from local.stack import StackStatus
from operations.release.steps import Step


@pytest.mark.parametrize(
    "worker", [worker for worker in WORKERS if isinstance(worker.consumer, Container)], ids=lambda it: it.name
)
def test_an_image_runs_the_handler_that_its_worker_declares(worker: object) -> None:
    consumer = getattr(worker, "consumer", None)
    assert isinstance(consumer, Container)
    folder = REPO / "workers" / consumer.handler.split(".")[1]
    command = re.search(r"^CMD (\[.*\])$", (folder / "Dockerfile").read_text(), re.M)
    assert command
    assert json.loads(command[1]) == [consumer.handler]


def test_the_image_holds_the_models_that_its_worker_declares() -> None:
    file = (REPO / "workers" / "image_processor" / "Dockerfile").read_text()
    made = re.search(r"-m workers\.image_processor\.models --folder /models (.*?) \\$", file, re.M)
    assert made
    assert made[1].split() == [str(model) for model in container_of("image_processing").models]


def test_the_docs_claim_of_the_provider_is_true() -> None:
    """Every type is made in the emulator: a module that only records would be named in the docs."""
    count = len(resource_types("aws"))
    assert f"the {count} types that the program uses" in (REPO / "docs" / "local.md").read_text()


def test_the_help_names_the_steps_of_a_release() -> None:
    """Importing them would slow every command."""
    assert ", ".join(Step) == deploy.STEPS


@pytest.mark.parametrize("engine", ["pulumi", "in-process"])
def test_the_status_says_which_engine_made_the_stack(engine: str) -> None:
    status = StackStatus(State.RUNNING, (ServiceStatus("emulator", State.RUNNING),), engine=engine)
    text = io.StringIO()
    console = Console(width=100, file=text)
    console.print(_view(status))
    assert engine in text.getvalue()


def test_the_fallback_is_one_short_line_with_the_way_on() -> None:
    assert len(FALLBACK) < 160
    assert "bmx engine build" in FALLBACK
    assert "bmx engine install" in FALLBACK
