"""Which commit is deployed, which ones ran well, and how one of those is deployed again."""

import datetime
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.release.kept import Kept
from workers.contracts.problem import Problem

RECORD = "releases.json"
ROLLING_BACK = "BMX_ROLLING_BACK"
"""Set for the commit that is brought back: its advice then is to roll back again."""
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


def note_deploying(kept: Kept, *, returning: bool) -> None:
    """Schema or application are about to change, and may be left half so: what runs is not known until it is
    whole. Where this is no rollback (`returning`), one that stopped is given up.
    """
    record = {**_record(kept), "deployed": None}
    if not returning:
        record.pop("returning_to", None)
    kept.write(RECORD, record)


def note_returning(kept: Kept, good: Good, now: datetime.datetime) -> None:
    """A rollback to this release begins: until it has worked again, another one goes on to the same."""
    kept.write(RECORD, {**_record(kept), "returning_to": {"commit": good.commit, "since": _second(now)}})


def note_deployed(kept: Kept, what: Commit | None) -> None:
    """The application of this commit is what runs from now on; None where that is no commit, or not known."""
    kept.write(RECORD, {**_record(kept), "deployed": what.id if what and what.clean else None})


def deployed(kept: Kept) -> str | None:
    """The commit that is known to run."""
    found: str | None = _record(kept).get("deployed")
    return found


def note_unchanged(kept: Kept, before: str | None) -> None:
    """What was about to change did not: this commit runs on."""
    kept.write(RECORD, {**_record(kept), "deployed": before})


def note_good(kept: Kept, what: Commit, now: datetime.datetime) -> bool:
    """This commit ran well, if it is what runs: a checkout may be another than the one that was deployed.
    Returns whether it is kept.
    """
    record = _record(kept)
    if not what.clean or record.get("deployed") != what.id:
        return False
    others = [one for one in record["good"] if one["commit"] != what.id]
    returning = record.pop("returning_to", None) or {}
    if returning.get("commit") == what.id:
        # What was rolled away from is none to go back to.
        after = [one["commit"] for one in record["good"]].index(what.id) + 1
        others = record["good"][after:]
    good = [{"commit": what.id, "at": _second(now)}, *others]
    kept.write(RECORD, {**record, "good": good[:REMEMBERED]})
    return True


def good_before(kept: Kept) -> Good | None:
    """The newest release that ran well and is not the one that is deployed; where a rollback has not come to
    its end, the one that it goes to.
    """
    record = _record(kept)
    good = [Good(**one) for one in record["good"]]
    returning = record.get("returning_to") or {}
    for one in good:
        if one.commit == returning.get("commit") and one.at <= returning["since"]:
            return one
    return next((one for one in good if one.commit != record.get("deployed")), None)


def deploy_again(
    good: Good, repo: Path, folder: Path, home: Path, options: Sequence[str], *, quiet: bool = False
) -> int:
    """Check the commit out into `folder` and run its own `bmx deploy` with `options`; its exit code.

    Its program, policies, images and application are that commit's. The schema stays as it is: an application
    works with the schema of the next release. Interrupted, it comes to its own end before its checkout goes.
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
        with subprocess.Popen(
            [str(folder / "bmx"), "deploy", *options],
            cwd=folder,
            # PYTHONPATH would bring modules of this checkout in.
            env={
                **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
                "BMX_HOME": str(home),
                ROLLING_BACK: "1",
            },
            stdout=sys.stderr if quiet else None,
        ) as release:
            return _ended(release)
    finally:
        _git(repo, "worktree", "remove", "--force", str(folder))


def _ended(process: "subprocess.Popen[bytes]") -> int:
    """The exit code of a process that the terminal interrupts as it does this one; `kill` reaches only this
    one, so the other is told.
    """
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:  # it has come, see bmx.main
                process.send_signal(signal.SIGINT)  # which older releases know, too


def _record(kept: Kept) -> dict[str, Any]:
    return {"good": [], **(kept.read(RECORD) or {})}


def _git(repo: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["git", *arguments], cwd=repo, capture_output=True, text=True, check=False)


def _second(now: datetime.datetime) -> str:
    return now.astimezone(datetime.UTC).isoformat(timespec="seconds")
