"""The workflows: linted, pinned, with no more rights than they need."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from typer.main import get_command

from bmx.main import app
from local.paths import REPO, Paths
from tests.delivery.workflows import FOLDER, Step, step, steps, workflow

ACTIONLINT = "v1.7.7"
WORKFLOWS = sorted(file.name for file in FOLDER.glob("*.yml"))
SCRIPTS = sorted(file for file in (REPO / ".ci").iterdir() if file.is_file())


@pytest.fixture(scope="session")
def actionlint() -> Path:
    """The linter, built from its Go module once for this machine."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("needs: Go, which builds actionlint")
    folder = Paths.default().cache / "tools" / f"actionlint-{ACTIONLINT}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        if not (folder / "actionlint").exists():
            command = [go, "install", f"github.com/rhysd/actionlint/cmd/actionlint@{ACTIONLINT}"]
            environment = {"GOBIN": str(folder), "GOFLAGS": "-buildvcs=false"}
            _run(["env", *(f"{name}={value}" for name, value in environment.items()), *command])
    return folder / "actionlint"


@pytest.fixture(scope="session")
def shellcheck() -> str:
    found = shutil.which("shellcheck")
    if found is None:
        pytest.skip("needs: shellcheck (Debian's package of that name)")
    return found


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_finds_nothing(actionlint: Path, shellcheck: str) -> None:
    _run([str(actionlint), "-shellcheck", shellcheck, *(str(FOLDER / name) for name in WORKFLOWS)])


def test_actionlint_looks_at_the_lines(actionlint: Path, shellcheck: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text((FOLDER / "pr.yml").read_text().replace('cat reports/*.md >>"$', "cat $NO >>$"))
    done = subprocess.run([str(actionlint), "-shellcheck", shellcheck, str(wrong)], check=False)
    assert done.returncode == 1


def test_shellcheck_finds_nothing(shellcheck: str) -> None:
    assert len(SCRIPTS) >= 4
    _run([shellcheck, *map(str, SCRIPTS)])


def test_every_action_is_pinned_by_commit_and_names_its_version() -> None:
    used = [
        line for name in WORKFLOWS for line in (FOLDER / name).read_text().splitlines() if "uses:" in line
    ]
    assert len(used) >= 10
    for line in used:
        assert re.search(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_read_and_each_job_says_what_more(name: str) -> None:
    document = workflow(name)
    assert document["permissions"] == {"contents": "read"}
    granted = {
        (job, right)
        for job, content in document["jobs"].items()
        for right, level in content.get("permissions", {}).items()
        if level == "write"
    }
    allowed = {
        "pr.yml": {("comment", "pull-requests")},
        "drift.yml": {("drift", "id-token")},
        "image.yml": {("image", "id-token"), ("propose", "contents"), ("propose", "pull-requests")},
        "deploy.yml": {("deploy", "id-token")},
    }
    assert granted == allowed[name]
    assert all("timeout-minutes" in content for content in document["jobs"].values())
    assert document["defaults"] == {"run": {"shell": "bash"}}, "only this has pipefail"


def test_pull_requests_get_no_secret() -> None:
    text = (FOLDER / "pr.yml").read_text()
    assert "secrets." not in text
    assert "pull_request_target" not in text
    jobs = workflow("pr.yml")["jobs"]
    assert "id-token" not in text
    with_token = {one.job for one in steps() if one.workflow == "pr.yml" and "github.token" in str(one)}
    assert with_token == {"comment"}
    assert "head.repo.full_name == github.repository" in jobs["comment"]["if"]
    assert jobs["comment"]["steps"][0]["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"


def test_no_line_takes_an_expression_of_github() -> None:
    """An expression in a script is code that a title or a branch's name can write."""
    assert [one.name for one in steps() if "${{" in one.run] == []


def test_the_checks_of_pull_requests_are_those_of_ci() -> None:
    (check,) = [one for one in steps() if one.workflow == "pr.yml" and one.job == "check" and one.run]
    assert check.run == "bash .ci/run"


COMMANDS = [
    (one, found)
    for one in steps()
    for found in re.findall(r"\./bmx ((?:[a-z]+ ?)+)((?:--?[a-z-]+|\"?\$\w+\"?|[\w./*]+| )*)", one.run)
]


@pytest.mark.parametrize(("one", "found"), COMMANDS, ids=lambda value: getattr(value, "name", ""))
def test_a_command_in_a_workflow_exists(one: Step, found: tuple[str, str]) -> None:
    command = get_command(app)
    for word in found[0].split():
        command = command.commands[word]  # type: ignore[attr-defined]
    known = {name for parameter in command.params for name in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", found[1])) <= known


def test_the_workflows_run_commands() -> None:
    assert {found[0].split()[0] for _, found in COMMANDS} >= {"deploy", "dev"}


def test_a_deployment_is_the_command_that_a_person_types() -> None:
    """What it asks of AWS, `tests.platform.iam.delivering` does under the role."""
    lines = [one.run for one in steps() if one.workflow == "deploy.yml" and "bmx" in one.run]
    assert lines == ['./bmx deploy --stack "$STACK" --yes', './bmx deploy --stack "$STACK" --rollback --yes']


def test_a_pipe_fails_with_what_is_before_it(tmp_path: Path) -> None:
    piped = replace(step("drift.yml", "Compare"), run="false | tee out.txt")
    assert piped.execute(tmp_path).returncode == 1
    assert replace(piped, shell=None).execute(tmp_path).returncode == 0, (
        "as GitHub does without `shell: bash`"
    )
