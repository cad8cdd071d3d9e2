"""Every right of every role is used, and the lack of any single one is noticed."""

import pytest

from tests.platform.iam.calls import place
from tests.platform.iam.delivering import REMOVALS
from tests.platform.iam.proof import refused_with_all_rights, table
from tests.platform.iam.run import Run
from tests.platform.iam.summary import KILLED

pytestmark = [pytest.mark.engine, pytest.mark.local]


def test_nothing_that_the_system_does_is_refused(each: Run) -> None:
    refused = [
        place(call)
        for subject in each.subjects.values()
        for call in subject.calls
        if not call.allowed and call.session != REMOVALS
    ]
    assert refused == []


def test_the_lack_of_any_single_right_is_noticed(each: Run, request: pytest.FixtureRequest) -> None:
    request.node.user_properties.append((KILLED, "\n".join(table(each.proofs))))
    survived = [f"{proof.policy}: {mutant}" for proof in each.proofs for mutant in proof.survived]
    assert survived == []
    assert refused_with_all_rights(each.killers(), each.session) == []
