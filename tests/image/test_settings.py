"""What of this machine's own settings reaches a build, and where it stays."""

import configparser
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local.paths import Paths
from local.reporting import LogReporter
from operations.image import pip_settings
from operations.image.base import base_of
from operations.image.tools import Tool
from workers.contracts import Problem


def read(text: str) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return dict(parser["global"])


def test_a_build_gets_the_index_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:p%40ss@index.invalid/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://a.invalid/s\nhttps://b.invalid/s")
    monkeypatch.setenv("PIP_FIND_LINKS", "/opt/wheels https://files.invalid/ file:///srv")
    monkeypatch.setenv("PIP_TARGET", "/somewhere")
    monkeypatch.setenv("PIP_CACHE_DIR", "/home/me/.cache/pip")
    found = read(pip_settings.as_text(pip_settings.effective(), with_certificates=True))
    assert found["index-url"] == "https://user:p%40ss@index.invalid/simple"
    assert found["extra-index-url"] == "https://a.invalid/s\nhttps://b.invalid/s"
    assert found["find-links"] == "https://files.invalid/"
    assert found["cert"] == "/run/secrets/ca.pem"
    assert not {"target", "cache-dir"} & set(found)


def test_pip_reads_what_is_written(tmp_path: Path) -> None:
    text = pip_settings.as_text(
        {
            "extra-index-url": "https://a.invalid/s\nhttps://b.invalid/s",
            "proxy": "http://u:p%40@proxy.invalid:1",
        },
        with_certificates=False,
    )
    (tmp_path / "pip.conf").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env={"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "global.extra-index-url='https://a.invalid/s\\nhttps://b.invalid/s'" in done.stdout
    assert "global.proxy='http://u:p%40@proxy.invalid:1'" in done.stdout


def test_the_files_are_this_user_s_and_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "authorities.pem").write_text("certificates")
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "authorities.pem"))
    with pip_settings.as_secrets() as secrets:
        assert secrets["ca.pem"].read_text() == "certificates"
        assert not stat.S_IMODE(secrets["pip.conf"].parent.stat().st_mode) & 0o077
        kept = list(secrets.values())
    assert not any(path.exists() for path in kept)


@pytest.mark.parametrize("name", ["python:3.11-slim-bookworm", "python@sha256:12", "x y@sha256:" + "0" * 64])
def test_a_base_without_a_digest_is_refused(name: str) -> None:
    tool = Tool("docker", "docker", Paths.default())
    with pytest.raises(Problem, match="a tag can move"):
        base_of(tool, name, LogReporter())


def test_a_base_with_a_digest_is_taken_as_it_is() -> None:
    name = "python:3.11-slim-bookworm@sha256:" + "0" * 64
    base = base_of(Tool("docker", "docker", Paths.default()), name, LogReporter())
    assert (base.runtime, base.build) == (name, name)
