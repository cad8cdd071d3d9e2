"""However a preview is cut, changed or filled, the gate lets nothing unsafe through and shows no value."""

import datetime
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from gate.check import check
from gate.model import NotJudgeable, Op
from gate.report import Report, Verdict, as_data, as_markdown, as_table
from gate.safeguards import SWITCHES
from tests.policies.plans import DATABASE, PASSWORD, SECRET, VALUE, VERSION, Json, document, preview
from tests.policies.test_gate import SAFE, UNSAFE
from tests.policies.wire import places, put

TODAY = datetime.date(2026, 3, 1)
TRIO = {DATABASE, PASSWORD, SECRET, VERSION}
SWITCHED = sorted({switch.path.split(".")[0] for some in SWITCHES.values() for switch in some})
DIFF_KINDS = {"add", "add-replace", "delete", "delete-replace", "update", "update-replace"}
STRANGE: tuple[Any, ...] = (None, True, False, 0, -1, 2.5, "", "x", "same", [], {}, [None], {"x": None}, [[]])

Place = tuple[str | int, ...]


def verdict(text: str | bytes) -> Verdict:
    """What the command would end with."""
    try:
        return check(text, (), TODAY).verdict
    except NotJudgeable:
        return Verdict.UNDECIDED


def without(value: Any, at: Place) -> Any:
    """The value without what is at a path."""
    key, *rest = at
    if rest:
        return put(value, (key,), without(value[key], tuple(rest)))
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if name != key}
    return [inner for index, inner in enumerate(value) if index != key]


def evidence(made: Any, urns: set[str]) -> list[str]:
    """What is unsafe about these resources, or is needed to see it: operations, paths, guards, sources."""
    looked_at = ("protect", "ignoreChanges", "propertyDependencies", "resourceHooks", "retainOnDelete")
    found = []
    for step in made["steps"]:
        states = [
            {key: (step.get(name) or {}).get(key) for key in looked_at} for name in ("oldState", "newState")
        ]
        for state, name in zip(states, ("oldState", "newState"), strict=True):
            inputs = (step.get(name) or {}).get("inputs")
            state["switches"] = (
                {key: inputs.get(key) for key in SWITCHED} if isinstance(inputs, dict) else None
            )
        if step.get("urn") in urns:
            diffs = [
                sorted(step.get("detailedDiff") or ()),
                step.get("diffReasons"),
                step.get("replaceReasons"),
            ]
            found.append(json.dumps([step["urn"], step.get("op"), diffs, states], sort_keys=True))
    return sorted(found)


def well_formed(made: Any) -> bool:
    """Whether every step means something."""
    return all(
        isinstance(step, dict)
        and step.get("op") in set(Op)
        and str(step.get("urn")).startswith("urn:pulumi:x::bluemoxon::")
        and all(diff.get("kind") in DIFF_KINDS for diff in (step.get("detailedDiff") or {}).values())
        for step in made["steps"]
    )


def require_not_safe_unless_another_plan(before: Json, after: Any) -> None:
    """A changed preview may be called safe only where it is another plan, and one that can be read."""
    if verdict(json.dumps(after)) is Verdict.SAFE:
        report = check(json.dumps(before), (), TODAY)
        urns = {finding.urn for finding in report.open} | TRIO
        assert well_formed(after)
        assert evidence(after, urns) != evidence(before, urns)


@pytest.mark.parametrize(
    "steps", [SAFE["a new stack"], UNSAFE["literal password"][0]], ids=["safe", "unsafe"]
)
def test_a_preview_that_is_cut_anywhere_is_not_judged(steps: tuple[Json, ...]) -> None:
    text = preview(*steps).encode()
    for length in range(len(text)):
        assert verdict(text[:length]) is Verdict.UNDECIDED


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_preview_without_some_of_its_bytes_is_not_judged(data: st.DataObject) -> None:
    text = preview(*data.draw(st.sampled_from([steps for steps, _ in UNSAFE.values()]))).encode()
    start = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(1, 4_000))
    cut = text[:start] + text[start + length :]
    try:
        after = json.loads(cut)
    except ValueError:
        assert verdict(cut) is Verdict.UNDECIDED
    else:
        if isinstance(after, dict) and after.get("steps"):
            require_not_safe_unless_another_plan(json.loads(text), after)
        else:
            assert verdict(cut) is Verdict.UNDECIDED


@pytest.mark.parametrize("name", UNSAFE)
def test_nothing_that_is_left_out_makes_an_unsafe_plan_safe(name: str) -> None:
    made = document(*UNSAFE[name][0])
    for place in places(made):
        require_not_safe_unless_another_plan(made, without(made, place))


@settings(max_examples=600, deadline=None)
@given(
    steps=st.sampled_from([steps for steps, _ in UNSAFE.values()]),
    where=st.integers(0, 10_000),
    value=st.sampled_from(STRANGE),
    twice=st.booleans(),
)
def test_no_change_of_a_preview_makes_an_unsafe_plan_safe(
    steps: tuple[Json, ...], where: int, value: Any, twice: bool
) -> None:
    made = document(*steps)
    after: Any = made
    for turn in range(1 + twice):
        found = list(places(after))
        after = put(after, found[(where * (turn + 1)) % len(found)], value)
    if isinstance(after.get("steps"), list) and all(isinstance(step, dict) for step in after["steps"]):
        require_not_safe_unless_another_plan(made, after)
    else:
        assert verdict(json.dumps(after)) is Verdict.UNDECIDED


def test_a_key_that_is_given_twice_is_not_judged() -> None:
    """Which of the two a reader takes is its own affair; here the second ones would be safe."""
    unsafe, safe = preview(*UNSAFE["literal password"][0]), preview()
    assert json.loads(twice := f"{unsafe[:-1]}, {safe[1:]}") == json.loads(safe)
    assert verdict(twice) is Verdict.UNDECIDED


@pytest.mark.parametrize(
    "more",
    [{"version": True}, {"version": 1.0}, {"version": "1"}, {"version": None}, {"schemaVersion": 2}],
    ids=json.dumps,
)
def test_a_version_that_is_not_1_is_not_judged(more: Json) -> None:
    assert verdict(preview(**more)) is Verdict.UNDECIDED


@pytest.mark.parametrize(
    "counts", [{"same": -6}, {"same": "6"}, {"same": True}, {"same": 6.0}], ids=json.dumps
)
def test_a_count_that_is_none_is_not_judged(counts: Json) -> None:
    assert verdict(preview(changeSummary=counts)) is Verdict.UNDECIDED


SHOWN = ("urn", "diffReasons", "replaceReasons", "ignoreChanges")
"""Names of resources and properties; they are shown, and they are no values."""


@pytest.mark.parametrize("name", [*UNSAFE, *SAFE])
def test_no_value_is_ever_shown(name: str) -> None:
    steps = UNSAFE[name][0] if name in UNSAFE else SAFE[name]
    made = document(*steps, diagnostics=[{"severity": "error", "urn": DATABASE, "message": "no"}])
    for place in places(made):
        if not any(part in SHOWN for part in place):
            for text in said(json.dumps(put(made, place, VALUE))):
                assert VALUE not in text


def said(text: str) -> Iterator[str]:
    """Everything the gate says about a preview."""
    try:
        report = check(text, (), TODAY)
    except NotJudgeable as refusal:
        yield str(refusal)
        return
    yield as_markdown(report)
    yield json.dumps(as_data(report), default=str)


def test_no_value_is_shown_on_a_terminal() -> None:
    report: Report = check(preview(*UNSAFE["unprotected and replaced"][0]), (), TODAY)
    console = Console(record=True, width=200, quiet=True)
    console.print(as_table(report))
    assert report.open
    assert VALUE not in console.export_text()
