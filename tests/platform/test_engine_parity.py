"""Two engines, one provider: the real one and the in-process one leave the same things in an emulator."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import infrastructure
from local.emulator import Emulator
from local.engine import Engine
from local.engine.cli import Pulumi
from local.infrastructure import Infrastructure, Outputs
from local.paths import Paths
from local.ports import Ports
from local.postgres import instances
from local.processes import Processes
from local.provider.connection import Aws
from local.reporting import LogReporter
from operations.state import Resource, resources
from tests.platform.emulated import Found, collect, differing
from tests.platform.inventory import review

pytestmark = [pytest.mark.local, pytest.mark.engine]


@contextmanager
def emulator_in(home: Path) -> Iterator[tuple[Paths, Aws]]:
    """A fresh emulator; it and the databases made on it end with the body."""
    paths = Paths(home=home, cache=Paths.default().cache)
    paths.ensure()
    processes = Processes(paths.run, paths.home)
    emulator = Emulator(paths, processes, Ports(paths.ports))
    try:
        yield paths, Aws(emulator.start(LogReporter()))
    finally:
        for database in instances(paths.postgres):
            database.drop()
        emulator.stop()
        processes.sweep()


@dataclass(frozen=True)
class Applied:
    """An emulator that runs, what an engine left in it and exported, and its state; the in-process one keeps
    another.
    """

    paths: Paths
    aws: Aws
    found: Found
    outputs: Outputs
    state: list[Resource]


@pytest.fixture(scope="module")
def applied(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Applied]]:
    """What each engine leaves after applying stack `local` to an emulator of its own."""
    choices: dict[str, Callable[[Paths], Engine | None]] = {
        infrastructure.ENGINE: lambda _paths: engine,
        infrastructure.IN_PROCESS: lambda _paths: None,
    }
    found: dict[str, Applied] = {}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for kind, choose in choices.items():
            patch.setattr(infrastructure, "find_engine", choose)
            paths, aws = stack.enter_context(emulator_in(tmp_path_factory.mktemp(kind)))
            made = Infrastructure(paths, aws)
            outputs = made.apply(LogReporter())
            assert made.kind() == kind
            real = kind == infrastructure.ENGINE
            state = Pulumi(engine, paths, aws.connection).export() if real else None
            found[kind] = Applied(paths, aws, collect(aws), outputs, resources(state) if state else [])
        yield found


def test_the_inventory_of_stack_local_is_the_one_that_was_reviewed(applied: dict[str, Applied]) -> None:
    review("local", applied[infrastructure.ENGINE].state)


def test_both_make_the_same_resources(applied: dict[str, Applied]) -> None:
    real, fallback = (set(applied[kind].found) for kind in (infrastructure.ENGINE, infrastructure.IN_PROCESS))
    assert real - fallback == set()
    assert fallback - real == set()
    assert {"sqs/queue/bluemoxon-local-image-processing", "iam/role/bluemoxon-local-api"} <= real


def test_each_resource_has_the_same_settings(applied: dict[str, Applied]) -> None:
    real, fallback = (applied[kind].found for kind in (infrastructure.ENGINE, infrastructure.IN_PROCESS))
    different = {name: differing(real[name], fallback[name]) for name in real.keys() & fallback.keys()}
    assert {name: fields for name, fields in different.items() if fields} == {}


def test_both_export_the_same_names(applied: dict[str, Applied]) -> None:
    real, fallback = (applied[kind].outputs for kind in (infrastructure.ENGINE, infrastructure.IN_PROCESS))
    assert _shape(real) == _shape(fallback)


def test_applying_again_changes_nothing(engine: Engine, applied: dict[str, Applied]) -> None:
    first = applied[infrastructure.ENGINE]
    pulumi = Pulumi(engine, first.paths, first.aws.connection)
    assert not pulumi.preview(LogReporter()).changed
    assert not pulumi.up(LogReporter(), refresh=True).changed
    assert collect(first.aws) == first.found


def _shape(value: object) -> object:
    """Names of outputs, all the way down; values are addresses of one emulator or the other."""
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in sorted(value.items())}
    return type(value).__name__
