"""The plan of a pull request's change: `.ci/plan`, against a base that is really deployed on an emulator."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from local.paths import REPO
from tests.delivery.workflows import Step, step

pytestmark = [
    pytest.mark.engine,
    pytest.mark.local,
    pytest.mark.usefixtures("engine"),
    pytest.mark.timeout(1_800),  # the base gets an environment of its own first
]

STACK = "prod"
WARNING = "This change edits what judges it"


def git(*arguments: str, stdin: str | None = None, **variables: str) -> str:
    identity = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return subprocess.run(
        ["git", *arguments],
        cwd=REPO,
        env={**os.environ, **identity, **variables},
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.fixture
def base_with_another_worker(tmp_path: Path) -> str:
    """A commit beside this checkout's: in it the stack has one worker more."""
    file = f"Pulumi.{STACK}.yaml"
    settings = yaml.safe_load((REPO / file).read_text())
    settings["config"]["bluemoxon:workers"].append("tracking_worker")
    index = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    git("read-tree", "HEAD", **index)
    blob = git("hash-object", "-w", "--stdin", stdin=yaml.safe_dump(settings))
    git("update-index", "--cacheinfo", f"100644,{blob},{file}", **index)
    return git("commit-tree", git("write-tree", **index), "-p", "HEAD", "-m", "base")


def test_a_change_that_takes_a_worker_away_is_unsafe_and_the_report_says_what_is_lost(
    base_with_another_worker: str, tmp_path: Path
) -> None:
    line = step("pr.yml", "Plan every stack, on an emulator that holds what the base makes")
    assert line.run == '.ci/plan reports "$BASE"'
    reports = tmp_path / "reports"
    only_one = Step(**{**vars(line), "run": f'cd {REPO}\n.ci/plan {reports} "$BASE" {STACK}'})
    done = only_one.execute(tmp_path, BASE=base_with_another_worker)
    assert done.returncode == 1, done.stdout + done.stderr
    report = (reports / f"{STACK}.md").read_text()
    lost = [row for row in report.splitlines() if row.startswith("| ") and "Queue tracking-worker" in row]
    assert lost, report
    assert all("the messages in the queue would be gone" in row for row in lost)
    assert "image-processing" not in report, "what did not change is no finding"
    assert WARNING not in report


def test_a_change_of_what_judges_it_says_so(tmp_path: Path) -> None:
    """With a stack that nobody has, so that nothing is deployed: the line does not depend on the verdict."""
    index = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    git("read-tree", "HEAD", **index)
    blob = git("hash-object", "-w", "--stdin", stdin="# other approvals\n")
    git("update-index", "--add", "--cacheinfo", f"100644,{blob},policies/approvals.yaml", **index)
    base = git("commit-tree", git("write-tree", **index), "-p", "HEAD", "-m", "base")
    command = [str(REPO / ".ci" / "plan"), str(tmp_path / "reports"), base, "nobodys"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert WARNING in (tmp_path / "reports" / "nobodys.md").read_text()
