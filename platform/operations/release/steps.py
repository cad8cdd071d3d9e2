"""The steps of a release, in their order, and where a stopped one goes on.

Each step finds what is done already, so a release is simply run again, from any step. The schema comes before
the application, whose release before works with it as well; at the first one there is no function yet that
migrates, so the schema follows the application.
"""

import datetime
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from local.emulated import EmulatedStack
from local.engine.project import Project
from local.functions import ensure_models
from local.reporting import Reporter
from local.schema import MigrationFailed
from operations import api_key, deploy
from operations.release import source
from operations.release.application import Application, Deployed
from operations.release.kept import Kept, kept_for
from operations.target import Target
from workers.contracts.problem import Problem


class Step(StrEnum):
    """One of them, in the order of the class."""

    PLATFORM = "platform"
    """Planned under the policies, judged by the gate, agreed to, applied."""
    MIGRATIONS = "migrations"
    """The database's schema, by the function of the application for it, which gets the new code alone."""
    APP = "app"
    """The application, by Chalice, from the stack's outputs."""
    MAPPINGS = "mappings"
    """What Chalice leaves out: functions that a queue feeds report which messages of a batch failed, and no
    log is kept for ever."""
    SMOKE = "smoke"
    """A photo in, its cutout out."""


STEPS = tuple(Step)
FRESH_SECONDS = 10.0
"""A plan that was agreed to later than that is made again before it is applied."""

Smoke = Callable[[str, str], Any]
"""Tries a stack by its API's address and key; what it saw, in words by `str`. Raises `Problem`."""


class ReleaseStopped(Problem):
    """A step failed. `step` says which."""

    def __init__(self, step: Step, problem: Problem, how_to_go_on: str) -> None:
        self.step = step
        super().__init__(
            f"{step}: {problem.what}", why=problem.why, fix=f"{problem.fix} {how_to_go_on}".strip()
        )


@dataclass
class Release:
    """A release of the checkout to one stack. `agree` is asked once before anything is changed, with the plan
    where the platform changes.
    """

    target: Target
    report: Reporter
    agree: Callable[[deploy.Plan | None], None]
    smoke: Smoke
    emulated: EmulatedStack | None = None
    done: dict[Step, Any] = field(default_factory=dict)
    """What each step that ran has to say, as JSON values."""
    _agreed: bool = False
    _deploys_app: bool = False
    _schema_follows: bool = False
    """Whether the first application has to be there before the schema."""

    @cached_property
    def kept(self) -> Kept:
        """What is known of the releases before."""
        return kept_for(self.target)

    @cached_property
    def application(self) -> Application:
        """The application of the stack."""
        return Application(self.target, self.kept)

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """What the stack exports."""
        return self.target.outputs()

    def run(self, steps: Sequence[Step]) -> None:
        """Run them; raises `ReleaseStopped` where one fails, and what `agree` raises."""
        self._deploys_app = Step.APP in steps
        for step in steps:
            if step not in (Step.PLATFORM, Step.SMOKE):
                self._ask(None)
            self._take(step)
            if step is Step.APP and self._schema_follows:
                self._take(Step.MIGRATIONS)
            if step is Step.PLATFORM and self.waits_for_image and step is not steps[-1]:
                if self.target.emulator is None:
                    break
                self._stand_in()

    def _take(self, step: Step) -> None:
        actions = {
            Step.PLATFORM: self._platform,
            Step.MIGRATIONS: self._migrations,
            Step.APP: self._app,
            Step.MAPPINGS: self._mappings,
            Step.SMOKE: self._smoke,
        }
        try:
            actions[step]()
        except deploy.NotSafe:
            raise
        except Problem as problem:
            if step is Step.PLATFORM:
                raise  # nothing but this step to go on with: the plain error says it all
            raise ReleaseStopped(step, problem, self._how_to_go_on(step)) from problem

    @cached_property
    def waits_for_image(self) -> list[str]:
        """The workers whose first image is not there yet; only the platform is deployed to AWS then."""
        settings = self.target.settings
        images = settings.images if settings else {}
        return [name for name, image in images.items() if image.awaiting_first_image]

    def _platform(self) -> None:
        self.report.say(f"Planning stack {self.target.stack}")
        plan = deploy.plan(self.target)
        if plan.changes:
            asked = time.monotonic()
            self._ask(plan)
            if time.monotonic() - asked > FRESH_SECONDS:
                self.report.say("Planning once more: another release may have come in between")
                deploy.require_same(self.target, plan)
        summary, outputs = deploy.apply(self.target, self.report)
        self.outputs = outputs
        before = self.done.get(Step.PLATFORM, {"operations": {}, "changed": False})
        self.done[Step.PLATFORM] = {
            "operations": dict(Counter(before["operations"]) + Counter(summary.changes)),
            "changed": before["changed"] or summary.changed,
        }

    def _ask(self, plan: deploy.Plan | None) -> None:
        if not self._agreed:
            self.agree(plan)
        self._agreed = True

    def _stand_in(self) -> None:
        """Go on as if the first images had been pushed: an emulator runs none. The checkout is left alone."""
        target, workers = self.target, ", ".join(self.waits_for_image)
        self.report.say(
            f"A stand-in takes the place of the first image of {workers}: an emulator runs no image. "
            "On AWS this release would end here until one is pushed; "
            f"Pulumi.{target.stack}.yaml stays as it is"
        )
        if Project(target.paths.repo, target.folder, target.stack).stand_in():
            self._platform()
        self.done[Step.PLATFORM]["stand_ins"] = self.waits_for_image

    def _app(self) -> None:
        self.report.say("Deploying the application")
        self._note_deploying()
        deployed = self.application.deploy(self.outputs, self.report)
        self._start_functions()
        source.note_deployed(self.kept, source.commit(self.target.paths.repo))
        self.done[Step.APP] = {"url": deployed.url, "functions": dict(deployed.functions)}

    def _migrations(self) -> None:
        if not self.application.can_migrate():
            if not self._deploys_app:
                raise Problem(
                    "There is no function yet that migrates.",
                    why="It is a part of the application, which is not there.",
                )
            self.report.say("The schema follows the application, which is new: a function of it migrates")
            self._schema_follows = True
            return
        self.report.say("Migrating the database")
        self.application.prepare_migration(self.outputs, self.report)
        if self._schema_follows:
            self.done[Step.MIGRATIONS] = self.application.migrate()
            return
        runs = source.deployed(self.kept)
        self._note_deploying()
        try:
            self.done[Step.MIGRATIONS] = done = self.application.migrate()
        except MigrationFailed:
            source.note_unchanged(self.kept, runs)
            raise
        if done["before"] == done["after"]:
            source.note_unchanged(self.kept, runs)

    def _note_deploying(self) -> None:
        source.note_deploying(self.kept, returning=source.ROLLING_BACK in os.environ)

    def _mappings(self) -> None:
        self.done[Step.MAPPINGS] = {"changed": self.application.report_batch_failures()}
        settings = self.target.settings
        if settings is not None:
            self.application.keep_logs(settings.logs.retention_days)

    def _smoke(self) -> None:
        deployed: Deployed = self.application.deployed()
        self._start_functions()
        seen = self.smoke(deployed.url, api_key.read(self.target, self.outputs))
        commit = source.commit(self.target.paths.repo)
        now = datetime.datetime.now(datetime.UTC)
        if commit is None or not source.note_good(self.kept, commit, now):
            self.report.warn(
                "This release is not kept as one to go back to: what runs is not what is committed here "
                "(`git status` shows what is changed)."
            )
        self.done[Step.SMOKE] = seen

    def _start_functions(self) -> None:
        """An emulator runs no images: processes here stand behind the image functions."""
        if self.emulated is not None and self.target.emulator is not None:
            ensure_models(self.target.paths, self.report)
            self.emulated.functions.start(self.outputs["functions"], self.target.emulator, self.report)

    def _how_to_go_on(self, step: Step) -> str:
        if source.ROLLING_BACK in os.environ:
            # From here, another step would release the checkout's commit, not the one that comes back.
            return f"Then roll back once more: `{self._command('--rollback')}`."
        if step is Step.APP and self._schema_follows:
            step = Step.MIGRATIONS
        if step is not Step.SMOKE:
            return f"Then go on with `{self._command(f'--from {step}')}`."
        # What a smoke test finds is seldom mended without deploying something.
        again = f"Then release again: `{self._command('--from migrations')}`, or all of it."
        good = source.good_before(self.kept)
        if good is None:
            return f"{again} No release before it is known to have worked."
        return f"{again} Or `{self._command('--rollback')}` brings back {good}."

    def _command(self, options: str) -> str:
        return f"bmx deploy {self.target.options} {options}"


def between(first: Step | None, last: Step | None, left_out: Sequence[Step] = ()) -> list[Step]:
    """The steps from one to another, without some; raises `ValueError` where none is left."""
    start = STEPS.index(first) if first else 0
    end = STEPS.index(last) if last else len(STEPS) - 1
    chosen = [step for step in STEPS[start : end + 1] if step not in left_out]
    if not chosen:
        raise ValueError("no step is left")
    return chosen
