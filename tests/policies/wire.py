"""Resources as the engine sends them to the policy SDK's own server, and what the server answers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from rules.adapter import Today, policies
from rules.model import Resource, Rule, Stack
from rules.settings import PackSettings
from rules.unpacking import once
from rules.values import UNKNOWN, Value
from tests.policies.case_parts import TODAY


def server(rules: Sequence[Rule], settings: PackSettings | None = None, today: Today = lambda: TODAY) -> Any:
    """The server that the engine talks to, with these rules."""
    once()
    return _PolicyAnalyzerServicer(
        "bluemoxon", "0.0.1", policies(rules, settings or PackSettings(), today), EnforcementLevel.MANDATORY
    )


def analyze(answering: Any, subject: Resource | Stack) -> Any:
    """The server's diagnostics on a resource or a stack."""
    if isinstance(subject, Stack):
        members = [_member(one) for one in subject.resources]
        answer = answering.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=members), None)
    else:
        request = analyzer_pb2.AnalyzeRequest(**_common(subject))
        request.properties.update(sent(subject.inputs.values))
        answer = answering.Analyze(request, None)
    return answer.diagnostics


def _member(resource: Resource) -> Any:
    made = analyzer_pb2.AnalyzerResource(**_common(resource))
    made.properties.update(sent(resource.inputs.values))
    for name, urns in resource.sources.items():
        made.propertyDependencies[name].urns.extend(urns)
    return made


def _common(resource: Resource) -> dict[str, Any]:
    options = analyzer_pb2.AnalyzerResourceOptions(
        protect=resource.protect, ignoreChanges=resource.ignore_changes
    )
    return {"type": resource.type, "urn": resource.urn, "name": resource.name, "options": options}


def sent(value: Any, unknown: str = UNKNOWN_STRING_VALUE) -> Any:
    """A value as it goes over the wire."""
    if value is UNKNOWN:
        return unknown
    if isinstance(value, Mapping):
        return {key: sent(inner, unknown) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [sent(inner, unknown) for inner in value]
    return value


def places(value: Value, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every value in another one, containers included."""
    items: Any = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for key, inner in items:
        yield (*at, key)
        yield from places(inner, (*at, key))


def put(value: Any, at: tuple[str | int, ...], new: Any) -> Any:
    """The value with another one at a path."""
    if not at:
        return new
    key, *rest = at
    if isinstance(value, Mapping):
        return {**value, key: put(value[str(key)], tuple(rest), new)}
    return [put(inner, tuple(rest), new) if index == key else inner for index, inner in enumerate(value)]
