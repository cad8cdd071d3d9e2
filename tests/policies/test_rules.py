"""Each rule is broken by what it forbids, kept by what it wants, and decides on what is not known."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import types, unknowns
from rules.catalogue import BY_ID, RESOURCE_RULES, RULES
from rules.guess import credential_in, is_guessable, names_a_secret
from rules.model import OnUnknown, Resource, ResourceRule, Rule, Stack, StackRule, Violation
from rules.settings import Parameters
from rules.values import UNKNOWN, Inputs, Value
from tests.policies.case_parts import STRONG, resource
from tests.policies.cases import CASES

PARAMETERS = Parameters()


def judge(rule: Rule, subject: Resource | Stack) -> list[Violation]:
    if isinstance(rule, ResourceRule):
        assert isinstance(subject, Resource)
        return unknowns.judge_resource(rule, subject, PARAMETERS)
    assert isinstance(rule, StackRule)
    assert isinstance(subject, Stack)
    return unknowns.judge_stack(rule, subject, PARAMETERS)


def test_every_rule_has_a_case_that_breaks_it_and_one_that_keeps_it() -> None:
    assert set(CASES) == set(BY_ID)
    assert all(case.bad and case.good for case in CASES.values())
    assert len(RULES) == len(BY_ID) >= 45


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_broken_by_what_it_forbids(rule: Rule) -> None:
    for subject in CASES[rule.id].bad:
        found = judge(rule, subject)
        assert found
        assert all("rule itself failed" not in violation.detail for violation in found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_kept_by_what_it_wants(rule: Rule) -> None:
    for subject in CASES[rule.id].good:
        assert judge(rule, subject) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_does_what_it_states_with_unknown_values(rule: Rule) -> None:
    for subject in CASES[rule.id].unknown:
        found = judge(rule, subject)
        assert all("rule itself failed" not in violation.detail for violation in found)
        assert bool(found) == (rule.on_unknown is OnUnknown.BLOCK)


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.on_unknown is OnUnknown.BLOCK], ids=lambda r: r.id
)
def test_a_rule_that_blocks_on_unknown_values_has_such_a_case(rule: Rule) -> None:
    assert CASES[rule.id].unknown


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_why_and_what_to_do_instead(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]{4,48}", rule.id)
    for text in (rule.why, rule.remedy):
        assert len(text) > 20
        assert text.endswith(".")
    assert rule.summary
    assert not rule.summary.endswith(".")


_CANARY = "kV7Canary4Zq"


def _with_canaries(value: Value) -> Value:
    """Every known text replaced by one that can be recognised, lists and objects kept."""
    if isinstance(value, dict):
        return {key: _with_canaries(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_canaries(inner) for inner in value]
    return f"{_CANARY}{value}" if isinstance(value, str) else value


@pytest.mark.parametrize("rule", RESOURCE_RULES, ids=lambda rule: rule.id)
def test_no_message_shows_a_value(rule: ResourceRule) -> None:
    for subject in (*CASES[rule.id].bad, *CASES[rule.id].good):
        assert isinstance(subject, Resource)
        values = {
            key: subject.inputs.raw(key) for key in subject.inputs.properties() if _known(subject.inputs, key)
        }
        inputs = _with_canaries({**values, "password": "pw", "secretString": "pw"})
        assert isinstance(inputs, dict)
        changed = resource(subject.type, inputs)
        for violation in unknowns.judge_resource(rule, changed, PARAMETERS):
            assert _CANARY not in violation.detail
        secrets = [text for path, text in subject.inputs.known_texts() if len(text) > 5 and "assword" in path]
        for violation in unknowns.judge_resource(rule, subject, PARAMETERS):
            assert not [text for text in secrets if text in violation.detail]


def _known(inputs: Inputs, key: str) -> bool:
    return all(key != path.split(".", 1)[0] for path in inputs.unknown_paths())


_VALUES: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_PROPERTIES = sorted(
    {
        key
        for case in CASES.values()
        for subject in (*case.bad, *case.good)
        if isinstance(subject, Resource)
        for key in subject.inputs.properties()
    }
)


@settings(max_examples=60, deadline=None)
@given(inputs=st.dictionaries(st.sampled_from(_PROPERTIES), _VALUES, max_size=6))
def test_no_rule_fails_on_strange_values(inputs: dict[str, Value]) -> None:
    for rule in RESOURCE_RULES:
        type_ = types.QUEUE if "*" in rule.types else rule.types[0]
        for violation in unknowns.judge_resource(rule, resource(type_, inputs), PARAMETERS):
            assert "rule itself failed" not in violation.detail


def test_a_rule_with_a_fault_of_its_own_lets_nothing_through() -> None:
    def broken(subject: Resource, parameters: Parameters) -> list[str]:
        raise KeyError(STRONG)

    rule = ResourceRule(
        "broken", RULES[0].severity, "s", "w", "r", OnUnknown.RECHECK, types=(types.QUEUE,), check=broken
    )
    (found,) = unknowns.judge_resource(rule, resource(types.QUEUE), PARAMETERS)
    assert "KeyError" in found.detail
    assert STRONG not in found.detail


@pytest.mark.parametrize(
    "text", ["Password1!", "changeme", "bluemoxon-staging", "qwertyuiop", "1111111111111111"]
)
def test_made_up_passwords_are_recognised(text: str) -> None:
    assert is_guessable(text)


@given(st.text("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!#$%&*()-_=+[]{}<>:?", min_size=32))
def test_drawn_passwords_of_full_length_are_not_called_guessable(text: str) -> None:
    if len(set(text)) >= 16:
        assert not is_guessable(text)


def test_environment_variables_that_name_a_place_may_be_called_after_a_secret() -> None:
    assert names_a_secret("DB_PASSWORD")
    assert names_a_secret("API_KEY")
    assert not names_a_secret("BMX_API_KEY_SECRET_ARN")
    assert not names_a_secret("BMX_QUEUES")


def test_credentials_in_the_open_are_named_by_kind() -> None:
    assert credential_in("-----BEGIN RSA PRIVATE KEY-----") == "a private key"
    assert credential_in("Login of the BlueMoxon database. Change it with bmx credentials rotate.") is None
