"""Where incidents are replayed: one ground for all, and plans of edited programs, made two at a time."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import cast

import pytest

from local.engine import Engine
from tests.incidents.ground import Ground, Program, ground
from tests.incidents.lines import Verdict, judge
from tests.incidents.mutants import Mutant
from tests.incidents.replay import UNGUARDED, Harmed
from tests.incidents.safe import Safe
from tests.incidents.sources import DEPLOYED, Edit, applied

WORKERS = 4

Case = Mutant | Safe


class Plans:
    """Verdicts on edited programs, begun together: one for each mutant, and one for safe changes that fit
    together, which says that each of them is safe.
    """

    def __init__(self, stage: Ground, deployed: Program, cases: list[Case]) -> None:
        self._ground, self._deployed = stage, deployed
        self._pool = ThreadPoolExecutor(WORKERS)
        groups: list[Sequence[Case]] = [[case] for case in cases if isinstance(case, Mutant)]
        groups += fitting([case for case in cases if isinstance(case, Safe)])
        self._begun: dict[str, Future[Verdict]] = {}
        for group in groups:
            begun = self._pool.submit(self._judge, group)
            self._begun |= {case.what: begun for case in group}

    def of(self, case: Case) -> Verdict:
        """The verdict on the case, or on the group that it is in; where that one found something, its own."""
        found = self._begun[case.what].result()
        alone = list(self._begun.values()).count(self._begun[case.what]) == 1
        return found if alone or found.clean else self._judge([case])

    def stop(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _judge(self, group: Sequence[Case]) -> Verdict:
        changed = [edit for case in group for edit in edits(case)]
        program = self._ground.program(self._deployed.stack, *changed, like=self._deployed)
        return judge(program.preview_judged())


def edits(case: Case) -> tuple[Edit, ...]:
    return (case.edit,) if isinstance(case, Mutant) else case.edits


def fitting(changes: Sequence[Safe]) -> list[list[Safe]]:
    """The changes in as few groups as may be, in each of which every edit still fits after the others."""
    groups: list[list[Safe]] = []
    for change in changes:
        for group in groups:
            try:
                applied((*DEPLOYED, *(edit for one in (*group, change) for edit in one.edits)))
            except AssertionError:
                continue
            group.append(change)
            break
        else:
            groups.append([change])
    return groups


@pytest.fixture(scope="session")
def stage(engine: Engine) -> Iterator[Ground]:
    """Emulator, backend and providers."""
    with ground(engine) as made:
        yield made


@pytest.fixture(scope="session")
def staging(stage: Ground) -> Program:
    """The real program, deployed, with a database and a login of its own."""
    program = stage.program("staging")
    done = program.apply_under_policies()
    assert done.returncode == 0, done.stdout + done.stderr
    return program


@pytest.fixture(scope="session")
def unguarded(stage: Ground) -> Program:
    """A copy of the program without its guards, deployed."""
    program = stage.program("unguarded", *UNGUARDED)
    done = program.apply()
    assert done.returncode == 0, done.stdout + done.stderr
    return program


@pytest.fixture(scope="session")
def harmed(stage: Ground, unguarded: Program, staging: Program) -> Harmed:
    """The last that is done to the unguarded copy: damage that needs no repair."""
    return Harmed(stage, unguarded, staging)


@pytest.fixture(scope="session")
def plans(request: pytest.FixtureRequest, stage: Ground, staging: Program) -> Iterator[Plans]:
    """Plans of the mutants and safe changes of this run."""
    cases = [
        cast(Case, item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and "case" in item.callspec.params
    ]
    made = Plans(stage, staging, cases)
    try:
        yield made
    finally:
        made.stop()
