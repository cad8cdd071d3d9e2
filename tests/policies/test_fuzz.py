"""No value, whatever it is and wherever it stands, makes a rule fail, fade to a note or show it.

Through the policy SDK's own server, as the engine asks: each rule with each of its cases, in which every
place in turn is unknown, of another type, empty or huge.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import proxy

from rules import types, unknowns
from rules.catalogue import RESOURCE_RULES, RULES, STACK_RULES
from rules.model import Level, OnUnknown, Resource, ResourceRule, Rule, Stack
from rules.settings import PackSettings, Parameters
from rules.values import UNKNOWN, Inputs, Value
from tests.policies.case_parts import resource
from tests.policies.cases import CASES
from tests.policies.wire import analyze, places, put, server

UNKNOWNS = tuple(
    value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_") and isinstance(value, str)
)
DEEP: Any = json.loads("[" * 40 + "]" * 40)
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, "", " ", "\0", "not json", "{}", "[]", "null",
    '{"Statement": [1]}', '{"Statement": {"Effect": []}}', "[" * 5_000, "💣" * 1_000, [], {}, [None], [[]],
    {"": None}, {"Statement": "x"}, [{}], DEEP,
)  # fmt: skip
HUGE: tuple[Any, ...] = (
    "a" * 200_000,
    "a.b-c+" * 30_000,
    "password " * 20_000,
    '{"name":"PASSWORD"' * 10_000,
    "x://a:" * 30_000,
    "-----BEGIN " * 20_000,
    [*range(50_000)],
    {f"key{number}": "value" for number in range(20_000)},
)
EVERY_LEVEL = PackSettings.model_validate(
    {"stacks": {"x": {"levels": {rule.id: "mandatory" for rule in RULES if rule.level is Level.OFF}}}}
)
TYPES = sorted(
    {
        value
        for name, value in vars(types).items()
        if name.isupper() and isinstance(value, str) and "::" not in value
    }
    & {type_ for rule in RULES for type_ in rule.types}
)


def with_each_place(subject: Resource | Stack, values: tuple[Any, ...]) -> Iterator[Resource | Stack]:
    """The subject with every place of its inputs in turn set to each of the values."""
    members = subject.resources if isinstance(subject, Stack) else (subject,)
    for index, member in enumerate(members):
        for at in places(member.inputs.values):
            for value in values:
                changed = replace(member, inputs=Inputs(put(member.inputs.values, at, value)))
                if isinstance(subject, Stack):
                    yield Stack((*members[:index], changed, *members[index + 1 :]))
                else:
                    yield changed


def require_decisions(rule: Rule, found: Any) -> None:
    """Each answer is the rule's own, at its own level; none is the SDK's note on what it could not do."""
    wanted = analyzer_pb2.ADVISORY if rule.level is Level.ADVISORY else analyzer_pb2.MANDATORY
    for one in found:
        assert "during preview" not in one.message
        assert "rule itself failed" not in one.message
        assert one.enforcementLevel == wanted


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_decides_whatever_stands_anywhere(rule: Rule) -> None:
    answering = server([rule], EVERY_LEVEL)
    for subject in (*CASES[rule.id].bad, *CASES[rule.id].good):
        for changed in with_each_place(subject, (*UNKNOWNS, *STRANGE)):
            require_decisions(rule, analyze(answering, changed))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_bears_huge_values(rule: Rule) -> None:
    """Within the suite's limit on a test's time: no pattern takes time that grows with a square."""
    subject = CASES[rule.id].bad[0]
    for changed in with_each_place(subject, HUGE):
        if isinstance(changed, Stack):
            assert isinstance(rule, type(STACK_RULES[0]))
            found = unknowns.judge_stack(rule, changed, Parameters())
        else:
            assert isinstance(rule, ResourceRule)
            found = unknowns.judge_resource(rule, changed, Parameters())
        assert all("rule itself failed" not in violation.detail for violation in found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_what_is_unknown_elsewhere_hides_no_violation(rule: Rule) -> None:
    answering = server([rule], EVERY_LEVEL)
    unknown_elsewhere: dict[str, Value] = {
        "zzz": UNKNOWN,
        "zzzList": [UNKNOWN],
        "zzzObject": {"inner": UNKNOWN},
    }
    for subject in CASES[rule.id].bad:
        before = {(one.urn, one.message) for one in analyze(answering, subject)}
        assert before
        if isinstance(subject, Resource):
            changed: Resource | Stack = replace(
                subject, inputs=Inputs({**unknown_elsewhere, **subject.inputs.values})
            )
        else:
            changed = Stack((*(_all_unknown(type_) for type_ in TYPES), *subject.resources))
        assert before <= {(one.urn, one.message) for one in analyze(answering, changed)}


def _all_unknown(type_: str) -> Resource:
    """A resource of which nothing is known that any rule looks at."""
    return resource(type_, dict.fromkeys(PROPERTIES, UNKNOWN), name="unknown")


PROPERTIES = sorted(
    {
        key
        for case in CASES.values()
        for subject in (*case.bad, *case.good)
        for member in (subject.resources if isinstance(subject, Stack) else (subject,))
        for key in member.inputs.values
    }
)


@pytest.mark.parametrize("rule", RESOURCE_RULES, ids=lambda rule: rule.id)
def test_a_rule_that_blocks_on_unknown_values_blocks_when_nothing_is_known(rule: ResourceRule) -> None:
    answering = server([rule], EVERY_LEVEL)
    for type_ in TYPES if "*" in rule.types else rule.types:
        found = analyze(answering, _all_unknown(type_))
        require_decisions(rule, found)
        assert found or rule.on_unknown is not OnUnknown.BLOCK


_ANY: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**50), 2**50)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(UNKNOWNS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None)
@given(
    type_=st.sampled_from(TYPES),
    inputs=st.dictionaries(st.sampled_from(PROPERTIES) | st.text(max_size=8), _ANY, max_size=8),
)
def test_no_resource_makes_any_rule_fail_or_fade(type_: str, inputs: dict[str, Any]) -> None:
    subject = resource(type_, inputs)
    for found in (analyze(ALL, subject), analyze(ALL, Stack([subject]))):
        for one in found:
            assert "during preview" not in one.message
            assert "rule itself failed" not in one.message


ALL = server(RULES, EVERY_LEVEL)
CANARY = "kV7Canary4Zq"
RULES_OWN = " ".join(f"{rule.summary} {rule.why} {rule.remedy}" for rule in RULES)


def canaries(value: Any, key: str = "") -> Any:
    """The value with a canary in every text, also within JSON documents; types and keys are kept."""
    if isinstance(value, dict):
        return {name: canaries(inner, name) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [canaries(inner, key) for inner in value]
    if not isinstance(value, str) or key in ("Effect", "aws:SecureTransport"):
        return value
    try:
        inner = json.loads(value)
    except ValueError:
        return f"{CANARY}{value}{CANARY}"
    return json.dumps(canaries(inner)) if isinstance(inner, dict | list) else f"{CANARY}{value}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_answer_holds_a_value(rule: Rule) -> None:
    for subject in (*CASES[rule.id].bad, *CASES[rule.id].good):
        members = subject.resources if isinstance(subject, Stack) else (subject,)
        planted = [replace(one, inputs=Inputs(canaries(dict(one.inputs.values)))) for one in members]
        everything = Stack(planted) if isinstance(subject, Stack) else planted[0]
        answers = [*analyze(ALL, everything), *analyze(ALL, Stack(planted))]
        assert CANARY not in str(answers)
        for secret in _texts_of(members):
            assert all(secret not in one.message for one in analyze(ALL, subject) if secret not in RULES_OWN)


def _texts_of(members: tuple[Resource, ...]) -> set[str]:
    """What stands where secrets stand."""
    places_of_secrets = ("assword", "secretString", "environment", "userData", "policy")
    return {
        text
        for one in members
        for path, text in one.inputs.known_texts()
        if len(text) > 5 and any(place in path for place in places_of_secrets)
    }
