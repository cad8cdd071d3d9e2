"""A fresh stack for each incident."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.engine import find_engine
from local.paths import Paths
from tests.incidents.program import Edit
from tests.incidents.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An applied stack whose login works; it has to work afterwards too."""
    engine = find_engine(Paths.default())
    if engine is None:
        pytest.skip("needs: the Pulumi engine (`bmx engine install` or `bmx engine build`)")
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
