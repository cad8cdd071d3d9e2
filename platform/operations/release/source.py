"""Which commit is deployed, which ones ran well, and how one of those is deployed again."""

import datetime
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.release.kept import Kept
from workers.contracts.problem import Problem

RECORD = "releases.json"
REMEMBERED = 20
"""Releases that ran well, newest first; older ones are forgotten."""


@dataclass(frozen=True)
class Commit:
    """What is checked out; `clean` where nothing was changed since."""

    id: str
    clean: bool


@dataclass(frozen=True)
class Good:
    """A release whose smoke test passed."""

    commit: str
    at: str

    def __str__(self) -> str:
        return f"commit {self.commit[:12]}, which worked on {self.at[:16].replace('T', ' ')} UTC"


def commit(repo: Path) -> Commit | None:
    """What the checkout holds; None where it is none of git's."""
    head, changes = (_git(repo, *command) for command in (("rev-parse", "HEAD"), ("status", "--porcelain")))
    if head.returncode:
        return None
    return Commit(head.stdout.strip(), not changes.stdout.strip())


def note_deployed(kept: Kept, what: Commit | None) -> None:
    """The application of this commit is what runs from now on; None where that is no commit, or not known."""
    kept.write(RECORD, {**_record(kept), "deployed": what.id if what and what.clean else None})


def note_good(kept: Kept, what: Commit, now: datetime.datetime) -> None:
    """This commit ran well, if it is what runs: a checkout may be another than the one that was deployed."""
    record = _record(kept)
    if not what.clean or record.get("deployed") != what.id:
        return
    others = [one for one in record["good"] if one["commit"] != what.id]
    good = [{"commit": what.id, "at": now.isoformat(timespec="seconds")}, *others]
    kept.write(RECORD, {**record, "good": good[:REMEMBERED]})


def good_before(kept: Kept) -> Good | None:
    """The newest release that ran well and is not the one that is deployed."""
    record = _record(kept)
    for one in record["good"]:
        if one["commit"] != record.get("deployed"):
            return Good(**one)
    return None


def deploy_again(
    good: Good, repo: Path, folder: Path, home: Path, options: Sequence[str], *, quiet: bool = False
) -> int:
    """Check the commit out into `folder` and run its own `bmx deploy` with `options`; its exit code.

    Its program, policies, images and application are that commit's. The schema stays as it is: an application
    works with the schema of the next release.
    """
    _git(repo, "worktree", "prune")
    if not (folder / "bmx").exists():
        made = _git(repo, "worktree", "add", "--force", "--detach", str(folder), good.commit)
        if made.returncode:
            raise Problem(
                f"Commit {good.commit} cannot be checked out.",
                why=made.stderr.strip().splitlines()[-1] if made.stderr.strip() else "",
                fix="Fetch the whole history (`git fetch --unshallow`), then run this again.",
            )
    try:
        return subprocess.run(
            [str(folder / "bmx"), "deploy", *options],
            cwd=folder,
            # PYTHONPATH would bring modules of this checkout in.
            env={
                **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
                "BMX_HOME": str(home),
            },
            stdout=sys.stderr if quiet else None,
            check=False,
        ).returncode
    finally:
        _git(repo, "worktree", "remove", "--force", str(folder))


def _record(kept: Kept) -> dict[str, Any]:
    return {"good": [], **(kept.read(RECORD) or {})}


def _git(repo: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["git", *arguments], cwd=repo, capture_output=True, text=True, check=False)
