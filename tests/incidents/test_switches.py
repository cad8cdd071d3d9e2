"""Which way a real preview turns what AWS guards data by: the gate alone, as it judges a file."""

import pytest

from tests.incidents.ground import Ground, Program
from tests.incidents.lines import judge
from tests.incidents.replay import UNGUARDED
from tests.incidents.sources import infra

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.timeout(1200)]

PROTECTION = "deletion_protection=True,"
NEW_GROUP = 'rds.ParameterGroup("new", family="postgres16").arn'
SWITCHES = ("deletion_protection", "skip_final_snapshot")


def test_a_switch_that_is_turned_on_is_no_finding(stage: Ground, unguarded: Program) -> None:
    """The other way round: the mutants."""
    turned = tuple(edit for edit in UNGUARDED if not edit.old.startswith(SWITCHES))
    assert len(turned) == len(UNGUARDED) - len(SWITCHES)
    verdict = judge(stage.program("unguarded", *turned, like=unguarded).preview_judged())
    assert verdict.changes
    assert not {found for found in verdict.gate if found.startswith("safeguard")}, verdict


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("pulumi.Output.secret(False)", "safeguard-unread"),
        (f"{NEW_GROUP}.apply(lambda arn: False)", "safeguard-unread"),
        (f"{NEW_GROUP}.apply(lambda arn: True)", "safeguard-unread"),
    ],
    ids=["secret", "not known yet: off", "not known yet: on"],
)
def test_a_switch_that_a_plan_does_not_show_is_one(
    value: str, found: str, stage: Ground, staging: Program
) -> None:
    edit = infra("database.py", PROTECTION, f"deletion_protection={value},")
    verdict = judge(stage.program("staging", edit, like=staging).preview_judged())
    assert verdict.gate == {found}
