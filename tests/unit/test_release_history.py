"""What a release remembers, whom it asks, and what it advises: without a stack, which `test_release` has."""

import datetime
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from bmx.main import app
from bmx.output import ConfirmationNeeded
from local.engine.cli import Summary
from local.paths import REPO, Paths
from local.reporting import LogReporter
from operations import deploy
from operations.release import source, steps
from operations.release.kept import InFolder
from operations.release.steps import Release, ReleaseStopped, Step
from operations.target import Target
from workers.contracts import Problem

STACK = "staging"


def release_of(application: Any, agree: Any = lambda _: None, kept: Any = None) -> Release:
    """A release to a stack on AWS whose application is another."""
    target = Target(STACK, Paths.default(), (), {}, REPO)
    release = Release(target, LogReporter(), agree, smoke=lambda *_: None)
    release.__dict__.update(application=application, outputs={}, kept=kept)
    return release


def test_a_first_application_that_is_not_whole_is_followed_by_its_schema(tmp_path: Path) -> None:
    """`--from app` would leave the schema out."""

    def fail(*_: Any) -> Any:
        raise Problem("No.")

    release = release_of(SimpleNamespace(can_migrate=lambda: False, deploy=fail), kept=InFolder(tmp_path))
    with pytest.raises(ReleaseStopped) as stopped:
        release.run([Step.MIGRATIONS, Step.APP])
    assert stopped.value.step is Step.APP
    assert stopped.value.fix.endswith("--from migrations`.")
    with pytest.raises(ReleaseStopped, match="no function yet that migrates"):
        release_of(SimpleNamespace(can_migrate=lambda: False)).run([Step.MIGRATIONS])


@pytest.mark.parametrize("step", [Step.MIGRATIONS, Step.APP, Step.MAPPINGS])
def test_a_release_without_the_platform_is_agreed_to_as_well(step: Step) -> None:
    def refuse(plan: Any) -> None:
        assert plan is None
        raise ConfirmationNeeded("Release?")

    with pytest.raises(Problem, match="Release"):
        release_of(None, refuse).run([step])


@pytest.mark.parametrize(("now", "applied"), [("sha256:a", True), ("sha256:b", False)])
def test_what_is_applied_is_what_was_agreed_to_however_long_that_took(
    monkeypatch: pytest.MonkeyPatch, now: str, applied: bool
) -> None:
    """Another release may have come in between."""
    plans = iter(["sha256:a", now])
    done: list[Any] = []

    def planned(_: Target) -> Any:
        return deploy.Plan(changes=cast(Any, ["one"]), report=cast(Any, SimpleNamespace(digest=next(plans))))

    def apply(*_: Any) -> Any:
        done.append("applied")
        return Summary(), {}

    monkeypatch.setattr(steps, "FRESH_SECONDS", -1)
    monkeypatch.setattr(deploy, "plan", planned)
    monkeypatch.setattr(deploy, "apply", apply)
    if applied:
        release_of(None).run([Step.PLATFORM])
    else:
        with pytest.raises(deploy.NotSafe, match="has changed since it was shown"):
            release_of(None).run([Step.PLATFORM])
    assert done == (["applied"] if applied else [])


def test_a_rollback_that_stops_advises_to_roll_back_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another step would release the checkout, whose commit is the bad one."""

    def fail() -> Any:
        raise Problem("No.")

    monkeypatch.setenv(source.ROLLING_BACK, "1")
    with pytest.raises(ReleaseStopped) as stopped:
        release_of(SimpleNamespace(report_batch_failures=fail)).run([Step.MAPPINGS])
    assert stopped.value.fix == f"Then roll back once more: `bmx deploy --stack {STACK} --rollback`."


def test_what_is_half_deployed_goes_back_to_what_ran(tmp_path: Path) -> None:
    kept = InFolder(tmp_path)
    a, b, c = (source.Commit(name * 40, clean=True) for name in "abc")
    noon = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)

    def released(commit: source.Commit, hour: int, *, returning: bool = False) -> None:
        source.note_deploying(kept, returning=returning)
        source.note_deployed(kept, commit)
        assert source.note_good(kept, commit, noon + datetime.timedelta(hours=hour))

    def back() -> source.Good:
        found = source.good_before(kept)
        assert found is not None
        return found

    released(a, 0)
    released(b, 1)
    assert back().commit == a.id
    source.note_deploying(kept, returning=False)
    assert back().commit == b.id, "a new one stopped half way, with its schema or its application"
    source.note_deployed(kept, c)
    assert back().commit == b.id, "it is whole, and bad"
    source.note_returning(kept, back(), noon + datetime.timedelta(hours=2))
    source.note_deploying(kept, returning=True)
    assert back().commit == b.id, "the way back stopped half way"
    source.note_deployed(kept, b)
    assert back().commit == b.id, "it stopped later: another rollback goes on to the same"
    assert source.note_good(kept, b, noon + datetime.timedelta(hours=3))
    assert back().commit == a.id, "it has worked"
    source.note_returning(kept, back(), noon + datetime.timedelta(hours=4))
    source.note_deploying(kept, returning=False)
    assert back().commit == b.id, "a release gave up that way back"
    released(b, 5)
    source.note_returning(kept, back(), noon + datetime.timedelta(hours=6))
    released(a, 7, returning=True)
    assert source.good_before(kept) is None, "what was rolled away from is none to go back to"


def test_a_release_with_uncommitted_changes_is_taken_back_to_its_commit(tmp_path: Path) -> None:
    kept = InFolder(tmp_path)
    now = datetime.datetime.now(datetime.UTC)
    commit = source.Commit("a" * 40, clean=True)
    source.note_deployed(kept, commit)
    source.note_good(kept, commit, now)
    assert source.good_before(kept) is None
    changed = source.Commit("a" * 40, clean=False)
    source.note_deployed(kept, changed)
    source.note_good(kept, changed, now)
    found = source.good_before(kept)
    assert found is not None
    assert found.commit == commit.id


@pytest.mark.parametrize(("code", "exit_code"), [(4, 4), (-9, 1), (77, 1)])
def test_a_rollback_that_failed_does_not_say_that_it_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, exit_code: int
) -> None:
    kept = InFolder(tmp_path)
    source.note_deployed(kept, commit := source.Commit("a" * 40, clean=True))
    source.note_good(kept, commit, datetime.datetime.now(datetime.UTC))
    source.note_deployed(kept, None)
    monkeypatch.setattr("operations.target.open_target", lambda *_, **__: nullcontext())
    monkeypatch.setattr("operations.release.kept.kept_for", lambda _: kept)
    monkeypatch.setattr(source, "deploy_again", lambda *_, **__: code)
    done = CliRunner().invoke(app, ["deploy", "--stack", STACK, "--rollback", "--yes"])
    assert done.exit_code == exit_code
    assert "Not released: commit aaaaaaaaaaaa" in done.output
    assert " runs commit" not in done.output


@pytest.mark.parametrize(
    "options",
    [
        ("--from", "somewhere"),
        ("--from", "smoke", "--to", "app"),
        ("--to", "platform", "--skip", "platform"),
        ("--rollback", "--from", "app"),
    ],
)
def test_steps_that_make_no_release_are_wrong_usage(options: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "bmx", "deploy", "--stack", STACK, "--emulator", *options, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 2
    assert json.loads(done.stdout)["status"] == "usage"
