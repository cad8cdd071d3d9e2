"""A fresh stack for each incident."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.engine import Engine
from local.paths import Paths
from tests.incidents.program import Edit
from tests.incidents.world import World


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> Iterator[World]:
    """An applied stack whose login works; it has to work afterwards too."""
    paths = Paths(home=tmp_path / "home", cache=Paths.default().cache)
    paths.ensure()
    world = World(paths, engine, tmp_path / "program")
    try:
        done = world.apply(Edit())
        assert done.returncode == 0, done.stdout + done.stderr
        assert world.login() == "bluemoxon"
        yield world
        assert world.login() == "bluemoxon"
    finally:
        world.stop()
