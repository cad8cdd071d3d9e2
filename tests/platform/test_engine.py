"""Finding, preparing and driving the Pulumi engine."""

import importlib.metadata
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from local.engine import Engine, Origin, build, find, find_engine
from local.engine.cli import Pulumi
from local.engine.launchers import write_launchers
from local.engine.project import Project, ensure_passphrase
from local.paths import REPO, Paths
from local.provider.connection import Connection
from local.reporting import LogReporter
from workers.contracts import Problem


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(home=tmp_path / "home", cache=tmp_path / "cache")
    paths.ensure()
    return paths


def put_engine(folder: Path, version: str) -> Path:
    """A program that answers `version` as pulumi does."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\necho v{version}\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with one folder of the test's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("BMX_PULUMI", raising=False)
    return folder


def test_no_engine_is_found_where_there_is_none(paths: Paths, bare_path: Path) -> None:
    assert find_engine(paths) is None


def test_an_engine_on_the_path_is_found(paths: Paths, bare_path: Path) -> None:
    program = put_engine(bare_path, "3.300.1")
    assert find_engine(paths) == Engine(program, "3.300.1", Origin.PATH)


def test_an_engine_that_is_too_old_is_not_taken(paths: Paths, bare_path: Path) -> None:
    put_engine(bare_path, "3.99.0")
    assert find_engine(paths) is None


def test_the_cache_comes_before_the_path(paths: Paths, bare_path: Path) -> None:
    put_engine(bare_path, "3.300.1")
    program = put_engine(find.folder(paths, Origin.BUILT) / "bin", find.pinned_version())
    found = find_engine(paths)
    assert found == Engine(program, find.pinned_version(), Origin.BUILT)


def test_the_go_module_names_the_version_of_the_locked_sdk() -> None:
    wanted = importlib.metadata.version("pulumi")
    required = re.findall(r"pulumi/(?:pkg|sdk)/v3 v(\S+)", (build.MODULES / "go.mod").read_text())
    assert required == [wanted, wanted]
    sums = (build.MODULES / "go.sum").read_text()
    for module in (build.PACKAGE, build.SDK):
        assert re.search(rf"^{re.escape(module)} v{re.escape(wanted)} h1:", sums, re.M)


def test_building_without_go_is_a_problem_with_the_way_on(paths: Paths, bare_path: Path) -> None:
    with pytest.raises(Problem, match="Go was not found") as found:
        build.build(paths, LogReporter())
    assert "engine install" in found.value.fix


def test_a_built_engine_is_taken_from_the_cache_while_it_fits_its_record(
    paths: Paths, bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = find.folder(paths, Origin.BUILT)
    program = put_engine(home / "bin", find.pinned_version())
    with pytest.raises(Problem, match="Go was not found"):  # no record: whose it is, nobody knows
        build.build(paths, LogReporter())
    build.write_record(home)
    assert build.build(paths, LogReporter()) == Engine(program, find.pinned_version(), Origin.BUILT)
    program.write_text("#!/bin/sh\necho of somebody else\n")
    with pytest.raises(Problem, match="Go was not found"):
        build.build(paths, LogReporter())
    build.write_record(home)
    assert build.intact(paths)
    other = paths.home / "sources"
    other.mkdir()
    (other / "go.mod").write_text("module other\n")
    (other / "go.sum").write_text("")
    monkeypatch.setattr(build, "MODULES", other)
    assert not build.intact(paths)


def test_launchers_bring_a_language_host_only_where_the_engine_has_none(paths: Paths) -> None:
    program = put_engine(paths.cache / "official" / "bin", "3.300.1")
    engine = Engine(program, "3.300.1", Origin.INSTALLED)
    folder = write_launchers(paths.run / "engine-bin", engine)
    assert (folder / "pulumi-language-python").exists()
    (program.parent / "pulumi-language-python").touch()
    write_launchers(folder, engine)
    assert {path.name for path in folder.iterdir()} == {"pulumi-resource-aws", "pulumi-resource-random"}


def test_the_engine_works_on_a_copy_and_keeps_its_salt_there(paths: Paths) -> None:
    project = Project(REPO, paths.state / "project", "local")
    project.write()
    settings = yaml.safe_load(project.settings.read_text())
    project.settings.write_text(yaml.safe_dump({**settings, "encryptionsalt": "v1:abc", "stale": 1}))
    project.write()
    assert yaml.safe_load(project.settings.read_text()) == {**settings, "encryptionsalt": "v1:abc"}
    copy = yaml.safe_load((project.folder / "Pulumi.yaml").read_text())
    assert Path(copy["main"]) == REPO / "platform"
    assert "encryptionsalt" not in (REPO / "Pulumi.local.yaml").read_text()


def test_a_program_without_engine_gets_the_same_settings(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(
        "name: shop\nconfig:\n  aws:region:\n    value: us-west-2\n  size:\n    default: small\n"
    )
    (tmp_path / "Pulumi.local.yaml").write_text(
        "config:\n  shop:list: [a, b]\n  shop:on: true\n  shop:n: 3\n"
    )
    assert Project(tmp_path, tmp_path / "copy", "local").config() == {
        "aws:region": "us-west-2",
        "shop:size": "small",
        "shop:list": '["a", "b"]',
        "shop:on": "true",
        "shop:n": "3",
    }


def test_the_passphrase_is_made_once_and_for_this_user_only(paths: Paths) -> None:
    first = ensure_passphrase(paths).read_text()
    assert ensure_passphrase(paths).read_text() == first
    assert len(first) >= 32
    assert paths.passphrase.stat().st_mode & 0o077 == 0


@pytest.fixture
def pulumi(engine: Engine, paths: Paths, tmp_path: Path) -> Pulumi:
    """The real engine on a small project that needs no provider."""
    source = tmp_path / "source"
    (source / "program").mkdir(parents=True)
    (source / "Pulumi.yaml").write_text("name: small\nmain: program/\nruntime: python\n")
    (source / "Pulumi.local.yaml").write_text("config:\n  small:word: hello\n")
    write_program(source, "pulumi.export('word', pulumi.Config().require('word'))")
    return Pulumi(engine, paths, Connection("http://127.0.0.1:1"), source=source)


def write_program(source: Path, *lines: str) -> None:
    (source / "program" / "__main__.py").write_text("\n".join(("import pulumi", *lines, "")))


@pytest.mark.engine
def test_a_program_is_applied_and_its_outputs_are_read(pulumi: Pulumi) -> None:
    assert pulumi.up(LogReporter()).changes == {"create": 1}
    assert pulumi.outputs() == {"word": "hello"}
    assert not pulumi.preview(LogReporter()).changed


@pytest.mark.engine
def test_the_checkout_s_settings_stay_as_they_are(pulumi: Pulumi) -> None:
    assert pulumi.source
    before = (pulumi.source / "Pulumi.local.yaml").read_text()
    pulumi.up(LogReporter())
    assert (pulumi.source / "Pulumi.local.yaml").read_text() == before


@pytest.mark.engine
def test_a_failing_program_is_a_sentence_and_its_traceback_is_kept(pulumi: Pulumi) -> None:
    assert pulumi.source
    write_program(pulumi.source, "raise ValueError('the queue has no name')")
    with pytest.raises(Problem, match="ValueError: the queue has no name") as found:
        pulumi.up(LogReporter())
    assert "Traceback" not in str(found.value)
    assert "__main__.py" in pulumi.log.read_text()


@pytest.mark.engine
def test_a_lock_left_by_a_killed_engine_is_dropped(pulumi: Pulumi) -> None:
    pulumi.up(LogReporter())
    lock = pulumi.paths.state / ".pulumi" / "locks" / "organization" / "small" / "local" / "left.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(
        json.dumps({"pid": 1, "username": "x", "hostname": "x", "timestamp": "2020-01-01T00:00:00Z"})
    )
    with pytest.raises(Problem, match="lock"):
        pulumi.up(LogReporter())
    assert pulumi.unlock()
    assert not pulumi.up(LogReporter()).changed


@pytest.mark.engine
def test_plain_pulumi_works_with_the_printed_environment(pulumi: Pulumi) -> None:
    pulumi.up(LogReporter())
    done = subprocess.run(
        ["pulumi", "stack", "output", "word", "--stack", "local"],
        env={**pulumi.env(), "PULUMI_OPTION_CWD": str(pulumi.project.folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "hello"
