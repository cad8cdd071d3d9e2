"""The application before the newest migration, by its own tests, on the schema after it.

So it runs while a release is rolled out, which migrates first, and after a rollback, which leaves the schema.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.paths import REPO
from tests.conftest import WITHOUT_HISTORY

MIGRATIONS = "app/chalicelib/db/migrations"
ITS_TESTS = ("test_importing", "test_images", "test_results", "test_sweep", "test_editing", "test_calls")
"""Every way in which the application reads and writes its tables."""


def _git(*arguments: str) -> str:
    if shutil.which("git") is None:
        return ""
    done = subprocess.run(["git", *arguments], cwd=REPO, capture_output=True, text=True, check=False)
    return done.stdout.strip()


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The checkout before the newest migration, with the migrations of now."""
    newest = max((REPO / MIGRATIONS / "versions").glob("*.py")).relative_to(REPO)
    if _git("rev-parse", "--show-prefix", "--is-shallow-repository").split() != ["false"]:
        pytest.skip(f"{WITHOUT_HISTORY}: `git fetch --unshallow` brings it")
    added = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", str(newest))
    commit = f"{added}^" if added else "HEAD"
    checkout = tmp_path / "before"
    checkout.mkdir()
    archive = subprocess.run(["git", "archive", commit], cwd=REPO, capture_output=True, check=True)
    subprocess.run(["tar", "-x"], cwd=checkout, input=archive.stdout, check=True)
    assert not (checkout / newest).exists()
    shutil.rmtree(checkout / MIGRATIONS)
    shutil.copytree(REPO / MIGRATIONS, checkout / MIGRATIONS)
    return checkout


def test_the_application_of_the_release_before_works_on_this_schema(before: Path) -> None:
    """It runs with today's dependencies. Where one of these is what breaks it, it has nothing to say until
    there is another migration: mark it as expected to fail, with that reason.
    """
    roots = [str(before / it) for it in ("app", "cli", "platform", "policies", ".")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"]
    done = subprocess.run(
        [*command, *(f"tests/app/{name}.py" for name in ITS_TESTS)],
        cwd=before,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "PYTHONPATH": os.pathsep.join(roots),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed[1]) > 50
