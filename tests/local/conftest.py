"""A data folder of the test's own; what runs in it ends with the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.paths import Paths
from local.processes import Processes


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    """An empty home; the cache is the user's, so that nothing is fetched twice."""
    paths = Paths(home=tmp_path / "home", cache=Paths.default().cache)
    paths.ensure()
    yield paths
    processes = Processes(paths.run, paths.home)
    for name in processes.names():
        processes.stop(name)
    processes.sweep()


@pytest.fixture
def processes(paths: Paths) -> Processes:
    """The services of that home."""
    return Processes(paths.run, paths.home)
