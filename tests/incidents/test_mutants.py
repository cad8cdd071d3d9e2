"""No unsafe edit of the real program gets through, and no safe change is held up."""

from collections.abc import Callable

import pytest

from tests.incidents.conftest import Plans
from tests.incidents.mutants import Mutant, all_mutants
from tests.incidents.safe import SAFE, Safe
from tests.incidents.summary import STOPPED_BY

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.timeout(1800)]

MUTANTS = tuple(all_mutants())


@pytest.mark.parametrize("case", MUTANTS, ids=[mutant.what for mutant in MUTANTS])
def test_an_unsafe_edit_is_stopped(
    case: Mutant, plans: Plans, record_property: Callable[[str, object], None]
) -> None:
    verdict = plans.of(case)
    record_property(STOPPED_BY, " ".join(verdict.lines))
    assert verdict.lines == case.lines, verdict
    assert case.program in verdict.refusal
    assert not case.policies or case.policies in verdict.policies
    assert not case.gate or case.gate in verdict.gate


@pytest.mark.parametrize("case", SAFE, ids=[change.what for change in SAFE])
def test_a_safe_change_passes_without_a_finding(case: Safe, plans: Plans) -> None:
    verdict = plans.of(case)
    assert verdict.changes, "nothing is planned, so nothing was judged"
    assert verdict.clean, verdict


def test_there_are_enough_of_both() -> None:
    assert len({mutant.what for mutant in MUTANTS}) == len(MUTANTS) >= 60
    assert len({change.what for change in SAFE}) == len(SAFE) >= 25
