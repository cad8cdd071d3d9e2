"""Rules as policies of the Pulumi policy SDK: the only module here that imports it."""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy import Severity as PolicySeverity
from pulumi_policy.proxy import UnknownValueError

from rules import unknowns
from rules.model import Level, Resource, ResourceRule, Rule, Severity, Stack, StackRule, Violation
from rules.settings import PackSettings, stack_of
from rules.unpacking import REMEMBERED
from rules.values import UNKNOWN, Inputs, Value

Today = Callable[[], datetime.date]

_SEVERITIES = {
    Severity.CRITICAL: PolicySeverity.CRITICAL,
    Severity.HIGH: PolicySeverity.HIGH,
    Severity.MEDIUM: PolicySeverity.MEDIUM,
    Severity.LOW: PolicySeverity.LOW,
}
_LEVELS = {Level.MANDATORY: EnforcementLevel.MANDATORY, Level.ADVISORY: EnforcementLevel.ADVISORY}

EXCEPTIONS = "stack-exceptions"
"""Name, before the level, of the policies that report what a stack's exception moved to another level."""


def policies(
    rules: Sequence[Rule], settings: PackSettings, today: Today = datetime.date.today
) -> list[Policy]:
    """A policy for each rule, and where there are exceptions two for each level they can move a violation to.

    The SDK fixes a policy's level before it knows the stack, so a violation whose level an exception changes
    is reported by the policy of that other level.
    """
    moved = settings.moved()
    built: list[Policy] = [
        _policy(rule.id, rule.summary, rule.level, (rule,), settings, today)
        for rule in rules
        if rule.level in _LEVELS
    ]
    for level in _LEVELS:
        kept = [rule for rule in rules if rule.id in moved and rule.level is not level]
        for kind in (ResourceRule, StackRule):
            some = [rule for rule in kept if isinstance(rule, kind)]
            if some:
                scope = "resources" if kind is ResourceRule else "stack"
                summary = f"Rules that policies/settings.yaml makes {level} for this stack"
                built.append(_policy(f"{EXCEPTIONS}-{level}-{scope}", summary, level, some, settings, today))
    return built


def _policy(
    name: str, summary: str, level: Level, rules: Sequence[Rule], settings: PackSettings, today: Today
) -> Policy:
    of_resources = [rule for rule in rules if isinstance(rule, ResourceRule)]
    of_stacks = [rule for rule in rules if isinstance(rule, StackRule)]
    severity = _SEVERITIES[rules[0].severity]
    remedy = rules[0].remedy if len(rules) == 1 else None

    def report(rule: Rule, violations: Iterable[Violation], report_violation: ReportViolation) -> None:
        for violation in violations:
            if settings.level(rule.id, rule.level, violation.urn, today()) == level:
                report_violation(message(rule, violation), violation.urn or None)

    def validate_resource(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        applying = [rule for rule in of_resources if rule.applies_to(args.resource_type)]
        if not applying:
            return
        resource = _resource(args)
        parameters = settings.stack(stack_of(args.urn)).parameters
        for rule in applying:
            report(rule, unknowns.judge_resource(rule, resource, parameters), report_violation)

    def validate_stack(args: StackValidationArgs, report_violation: ReportViolation) -> None:
        stack = Stack(_resource(resource) for resource in args.resources)
        name = stack_of(args.resources[0].urn) if args.resources else ""
        for rule in of_stacks:
            report(rule, unknowns.judge_stack(rule, stack, settings.stack(name).parameters), report_violation)

    if of_stacks:
        return StackValidationPolicy(
            name, summary, validate_stack, _LEVELS[level], severity=severity, remediation_steps=remedy
        )
    return ResourceValidationPolicy(
        name, summary, validate_resource, _LEVELS[level], severity=severity, remediation_steps=remedy
    )


def message(rule: Rule, violation: Violation) -> str:
    """What is wrong, why it matters, what to do instead."""
    return f"{violation.detail} {rule.why}\nInstead: {rule.remedy}\nRule: {rule.id} (docs/policies.md)"


_RESOURCES: dict[int, tuple[object, Resource]] = {}


def _resource(given: ResourceValidationArgs | PolicyResource) -> Resource:
    """A resource as rules see it, read once however many policies ask (`unpacking` gives all the same)."""
    known = _RESOURCES.get(id(given.props))
    if known is None:
        if len(_RESOURCES) >= REMEMBERED:
            _RESOURCES.clear()
        known = _RESOURCES[id(given.props)] = (given.props, _read(given))
    return known[1]


def _read(given: ResourceValidationArgs | PolicyResource) -> Resource:
    sources: dict[str, tuple[str, ...]] = {}
    if isinstance(given, PolicyResource):
        sources = {
            name: tuple(source.urn for source in found) for name, found in given.property_dependencies.items()
        }
    return Resource(
        type=given.resource_type,
        name=given.name,
        urn=given.urn,
        inputs=Inputs(_mapping(given.props)),
        protect=bool(given.opts.protect),
        ignore_changes=tuple(_camel(path) for path in given.opts.ignore_changes),
        sources=sources,
    )


def _camel(path: str) -> str:
    """A property as inputs name it; programs may write it as Python does."""
    head, *rest = path.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def _mapping(values: Mapping[str, object]) -> dict[str, Value]:
    """The SDK's view as plain values; what it refuses to show is `UNKNOWN`."""
    return {key: _plain(lambda key=key: values[key]) for key in values}  # type: ignore[misc]


def _plain(read: Callable[[], object]) -> Value:
    try:
        value = read()
    except UnknownValueError:
        return UNKNOWN
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, Sequence):
        return [_plain(lambda index=index: value[index]) for index in range(len(value))]  # type: ignore[misc]
    return {}  # an asset or archive: its content is no matter of these rules
