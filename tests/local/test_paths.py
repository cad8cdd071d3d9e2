"""The data folder is made, or the person is told why not."""

from pathlib import Path

import pytest

from local.paths import REPO, Paths
from workers.contracts import Problem


def test_a_data_folder_that_cannot_be_made_is_a_problem_with_the_way_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Problem, match="Not a directory") as found:
        Paths(home=tmp_path / "file" / "home", cache=tmp_path).ensure()
    assert "BMX_HOME" in found.value.fix


def test_the_environment_moves_home_and_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BMX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BMX_CACHE", str(tmp_path / "cache"))
    paths = Paths.default()
    assert paths.run == tmp_path / "home" / "run"
    assert paths.models == tmp_path / "cache" / "models"
    monkeypatch.delenv("BMX_HOME")
    assert Paths.default().home == REPO / ".bmx"
