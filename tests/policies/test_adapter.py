"""The rules as the engine meets them: through the policy SDK's own server."""

import datetime
from typing import Any

import pytest
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import policy as sdk
from pulumi_policy.proxy import UNKNOWN_BOOLEAN_VALUE, UNKNOWN_STRING_VALUE

from rules import types
from rules.adapter import EXCEPTIONS
from rules.catalogue import RULES
from rules.settings import PackSettings
from tests.policies import wire
from tests.policies.case_parts import STRONG, TODAY, urn

SECRET_SIGNATURE = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def server(settings: PackSettings | None = None) -> Any:
    return wire.server(RULES, settings)


def request(type_: str, properties: dict[str, Any], **options: Any) -> Any:
    made = analyzer_pb2.AnalyzeRequest(
        type=type_,
        urn=urn(type_, "thing"),
        name="thing",
        options=analyzer_pb2.AnalyzerResourceOptions(**options),
    )
    made.properties.update(properties)
    return made


def found(
    type_: str, properties: dict[str, Any], settings: PackSettings | None = None, **options: Any
) -> Any:
    """Rule to level of what is reported."""
    answer = server(settings).Analyze(request(type_, properties, **options), None)
    return {one.policyName: one.enforcementLevel for one in answer.diagnostics}


def test_a_violation_is_mandatory_and_says_what_to_do() -> None:
    answer = server().Analyze(request(types.QUEUE, {"name": "work"}), None)
    (one,) = [one for one in answer.diagnostics if one.policyName == "queue-has-dlq"]
    assert one.enforcementLevel == analyzer_pb2.MANDATORY
    assert "Instead: " in one.message


def test_a_secret_is_seen_and_never_shown() -> None:
    secret = {**SECRET_SIGNATURE, "value": "changeme-please"}
    answer = server().Analyze(request(types.DATABASE, {"password": secret}), None)
    assert "password-guessable" in {one.policyName for one in answer.diagnostics}
    assert "changeme-please" not in str(answer)


@pytest.mark.parametrize("rule", ["database-encrypted", "database-deletion-protection"])
def test_an_unknown_value_blocks_where_the_rule_says_so(rule: str) -> None:
    unknown = {"storageEncrypted": UNKNOWN_BOOLEAN_VALUE, "deletionProtection": UNKNOWN_BOOLEAN_VALUE}
    assert found(types.DATABASE, unknown)[rule] == analyzer_pb2.MANDATORY


def test_an_unknown_value_is_judged_at_up_where_the_rule_says_so() -> None:
    assert "password-guessable" not in found(types.DATABASE, {"password": UNKNOWN_STRING_VALUE})
    assert "password-guessable" in found(types.DATABASE, {"password": "changeme"})


def test_no_unknown_value_ever_becomes_a_note() -> None:
    for rule in RULES:
        for type_ in getattr(rule, "types", ()):
            kind = types.QUEUE if type_ == "*" else type_
            everything = dict.fromkeys(
                ("name", "policy", "tags", "password", "redrivePolicy", "environment"), UNKNOWN_STRING_VALUE
            )
            answer = server().Analyze(request(kind, everything), None)
            assert not [one for one in answer.diagnostics if "during preview" in one.message]


def test_ignore_changes_may_be_written_as_python_does() -> None:
    given = {"secretString": STRONG}
    assert "secret-version-guarded" in found(types.SECRET_VERSION, given)
    assert "secret-version-guarded" not in found(types.SECRET_VERSION, given, ignoreChanges=["secret_string"])


def test_an_exception_turns_a_violation_into_advice_for_its_stack() -> None:
    exception = {
        "rule": "queue-has-dlq",
        "urn": "*",
        "reason": "Its producer is being retired.",
        "expires": "2026-04-01",
    }
    settings = PackSettings.model_validate({"stacks": {"x": {"exceptions": [exception]}}})
    levels = found(types.QUEUE, {"name": "work"}, settings)
    assert "queue-has-dlq" not in levels
    assert levels[f"{EXCEPTIONS}-advisory-resources"] == analyzer_pb2.ADVISORY
    other = PackSettings.model_validate({"stacks": {"y": {"exceptions": [exception]}}})
    assert found(types.QUEUE, {"name": "work"}, other)["queue-has-dlq"] == analyzer_pb2.MANDATORY


def test_a_stack_rule_follows_what_a_property_is_computed_from() -> None:
    def member(type_: str, properties: dict[str, Any], **sources: str) -> Any:
        one = analyzer_pb2.AnalyzerResource(type=type_, urn=urn(type_, "thing"), name="thing")
        one.properties.update(properties)
        for name, source in sources.items():
            one.propertyDependencies[name].urns.append(source)
        return one

    password = member(types.RANDOM_PASSWORD, {"length": 32})
    literal = member(types.DATABASE, {"password": STRONG})
    generated = member(types.DATABASE, {"password": STRONG}, password=password.urn)
    for database, expected in ((literal, True), (generated, False)):
        answer = server().AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=[password, database]), None)
        assert ("database-password-source" in {one.policyName for one in answer.diagnostics}) == expected


def test_an_expired_exception_bites() -> None:
    def levels(expires: datetime.date) -> Any:
        exception = {
            "rule": "queue-has-dlq",
            "urn": "*",
            "level": "off",
            "reason": "Its producer is being retired.",
            "expires": expires,
        }
        settings = PackSettings.model_validate({"stacks": {"x": {"exceptions": [exception]}}})
        return found(types.QUEUE, {"name": "work"}, settings)

    assert not {name for name in levels(TODAY + datetime.timedelta(days=1)) if name == "queue-has-dlq"}
    assert levels(TODAY)["queue-has-dlq"] == analyzer_pb2.MANDATORY


def test_a_stack_can_make_a_rule_stricter() -> None:
    settings = PackSettings.model_validate(
        {"stacks": {"x": {"levels": {"function-tracing": "advisory", "mapping-concurrency": "mandatory"}}}}
    )
    assert "function-tracing" not in str(server().Analyze(request(types.FUNCTION, {}), None))
    traced = server(settings).Analyze(request(types.FUNCTION, {}), None).diagnostics
    (advice,) = [one for one in traced if "function-tracing" in one.message]
    assert advice.enforcementLevel == analyzer_pb2.ADVISORY
    bound = found(types.EVENT_SOURCE, {}, settings)
    assert "mapping-concurrency" not in bound
    assert bound[f"{EXCEPTIONS}-mandatory-resources"] == analyzer_pb2.MANDATORY


def test_a_resource_is_unpacked_once_for_all_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    answering = server()
    once = vars(sdk)["unknown_checking_proxy"]
    unpacked: list[object] = []

    def counted(properties: object) -> object:
        unpacked.append(properties)
        return original(properties)

    original = once.function
    monkeypatch.setattr(once, "function", counted)
    answering.Analyze(request(types.QUEUE, {"name": "work"}), None)
    assert len(unpacked) == 1


def test_unpacking_once_leaves_the_rest_of_the_sdk_as_it_is() -> None:
    """The engine asks for remediations too, which the SDK unpacks in another way; there are none."""
    asked = request(types.QUEUE, {"name": {**SECRET_SIGNATURE, "value": "work"}})
    answering = server()
    assert not answering.Remediate(asked, None).remediations
    assert answering.Analyze(asked, None) == answering.Analyze(asked, None)
