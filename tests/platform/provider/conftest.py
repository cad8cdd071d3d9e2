"""An emulator of the tests' own, and the provider's context for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulator import Emulator
from local.paths import Paths
from local.ports import Ports
from local.processes import Processes
from local.provider.connection import Connection
from local.provider.context import Context
from local.reporting import LogReporter


@pytest.fixture(scope="session")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """An emulator that enforces IAM, stopped at the end."""
    paths = Paths(home=tmp_path_factory.mktemp("provider-home"), cache=Paths.default().cache)
    paths.ensure()
    emulator = Emulator(paths, Processes(paths.run, paths.home), Ports(paths.ports))
    try:
        yield emulator.start(LogReporter())
    finally:
        emulator.stop()


@pytest.fixture
def ctx(connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A configured provider with default tags and a data folder of the test's own."""
    monkeypatch.setenv("BMX_HOME", str(tmp_path))
    return Context.for_connection(connection, {"defaultTags": {"tags": {"project": "test"}}})
