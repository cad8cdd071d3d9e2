"""Switches that guard data, as the gate reads them: turned on is safe, turned off is not, unread is not."""

import json
from collections import defaultdict
from typing import Any

import pytest
from rich.console import Console

from gate.report import Verdict, as_data, as_markdown, as_table
from gate.safeguards import SWITCHES, Switch
from rules import types
from tests.policies.plans import PROJECT, Json, judged, step
from tests.policies.test_gate import ids

BUCKET = f"{PROJECT}{types.BUCKET}::images"
VERSIONING = f"{PROJECT}{types.BUCKET_VERSIONING}::images"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
LEFT_OUT = object()
ON_BY_DEFAULT: dict[str, set[str]] = defaultdict(
    set,
    {
        types.DATABASE: {"skipFinalSnapshot", "publiclyAccessible"},
        types.DATABASE_CLUSTER: {"skipFinalSnapshot", "backupRetentionPeriod"},
        types.BUCKET: {"forceDestroy"},
        types.BUCKET_V2: {"forceDestroy"},
        types.SECRET: {"recoveryWindowInDays"},
        types.KEY: {"isEnabled", "bypassPolicyLockoutSafetyCheck"},
        types.REPOSITORY: {"forceDelete"},
        types.EVENT_SOURCE: {"enabled"},
    },
)
ALL = [(type_, switch) for type_, some in SWITCHES.items() for switch in some]


def inputs(switch: Switch, value: object) -> Json:
    """Inputs in which the switch has this value."""
    made: Any = value
    for key in reversed(switch.path.split(".")):
        made = {} if made is LEFT_OUT else {key: made}
    return {"inputs": made}


def off(switch: Switch) -> object:
    """A value that guards nothing."""
    if isinstance(switch.guards, bool):
        return not switch.guards
    return "Other" if isinstance(switch.guards, str) else switch.guards - 1


def turned(type_: str, switch: Switch, before: object, after: object, *paths: str) -> Json:
    return step(
        "update", f"{PROJECT}{type_}::thing", *paths, old=inputs(switch, before), new=inputs(switch, after)
    )


@pytest.mark.parametrize(("type_", "switch"), ALL, ids=lambda one: getattr(one, "path", one))
def test_a_switch_is_judged_by_its_direction(type_: str, switch: Switch) -> None:
    on, away = switch.guards, off(switch)
    assert ids(judged(turned(type_, switch, on, away, switch.path))) == {"safeguard-off"}
    assert ids(judged(turned(type_, switch, on, away, "tags"))) == {"safeguard-off"}, "also unnamed"
    assert judged(turned(type_, switch, away, on, switch.path)).verdict is Verdict.SAFE
    assert judged(turned(type_, switch, away, away, "tags")).verdict is Verdict.SAFE, "it was off before"
    expected = set() if switch.path in ON_BY_DEFAULT[type_] else {"safeguard-off"}
    assert ids(judged(turned(type_, switch, on, LEFT_OUT, switch.path))) == expected


@pytest.mark.parametrize("value", [UNKNOWN, "[secret]", "false", [], {}, [False], {"x": False}])
@pytest.mark.parametrize(("type_", "switch"), ALL, ids=lambda one: getattr(one, "path", one))
def test_a_switch_that_cannot_be_read_is_not_let_through(type_: str, switch: Switch, value: object) -> None:
    report = judged(turned(type_, switch, switch.guards, value, switch.path))
    assert report.verdict is Verdict.UNSAFE
    assert ids(report) <= {"safeguard-unread", "safeguard-off"}
    assert all(finding.remedy for finding in report.open)


def test_what_a_plan_does_not_show_of_the_state_is_not_let_through() -> None:
    report = judged(
        step("update", f"{PROJECT}{types.DATABASE}::thing", "deletionProtection", new={"inputs": None})
    )
    assert ids(report) == {"safeguard-unread"}


def test_a_switch_stays_secret_without_a_finding() -> None:
    switch = SWITCHES[types.DATABASE][0]
    assert judged(turned(types.DATABASE, switch, "[secret]", "[secret]", "tags")).verdict is Verdict.SAFE


def test_a_buckets_switches_may_go_with_the_bucket_only() -> None:
    of_bucket = {"propertyDependencies": {"bucket": [BUCKET]}}
    alone = judged(step("delete", VERSIONING, old=of_bucket))
    assert ids(alone) == {"safeguard-off"}
    both = judged(step("delete", VERSIONING, old=of_bucket), step("delete", BUCKET))
    assert ids(both) == {"data-delete"}


def test_no_report_shows_what_a_switch_was_turned_to() -> None:
    switch = SWITCHES[types.BUCKET_VERSIONING][0]
    report = judged(turned(types.BUCKET_VERSIONING, switch, "kV7Before4Zq", "kV7After4Zq", switch.path))
    console = Console(record=True, width=200, quiet=True)
    console.print(as_table(report))
    assert ids(report) == {"safeguard-off"}
    for text in (console.export_text(), as_markdown(report), json.dumps(as_data(report), default=str)):
        assert "kV7" not in text
