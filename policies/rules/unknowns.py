"""Runs a rule so that it always ends in a decision, whatever it meets.

The policy SDK turns an unknown value into an advisory note, and the change goes on. Here it does what the
rule states; a value of a strange form, or a fault of the rule itself, is a violation.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from rules.model import ANY, OnUnknown, Resource, ResourceRule, Rule, Stack, StackRule, Violation
from rules.settings import Parameters
from rules.values import UnknownValue, Unreadable


def judge_resource(rule: ResourceRule, resource: Resource, parameters: Parameters) -> list[Violation]:
    """The rule's violations on one resource; empty where it does not apply."""
    if not rule.applies_to(resource.type):
        return []
    return list(_decide(rule, resource, lambda: rule.check(resource, parameters)))


def judge_stack(rule: StackRule, stack: Stack, parameters: Parameters) -> list[Violation]:
    """The rule's violations on a stack. Each resource is decided on its own: one that is not known yet
    hides nothing of another."""
    subjects = stack.resources if ANY in rule.types else stack.of(*rule.types)
    return [
        violation
        for resource in subjects
        for violation in _decide(rule, resource, partial(rule.check, resource, stack, parameters))
    ]


def _decide(rule: Rule, resource: Resource, check: Callable[[], Iterable[str]]) -> Iterator[Violation]:
    def violation(detail: str) -> Violation:
        return Violation(detail, resource.urn)

    try:
        for detail in check():
            yield violation(detail)
    except UnknownValue as unknown:
        if rule.on_unknown is OnUnknown.BLOCK:
            yield violation(f"`{unknown.path}` is not known in a preview; it has to be written out.")
    except Unreadable as unreadable:
        yield violation(f"`{unreadable.path}` has a form that this rule cannot read.")
    except Exception as error:  # noqa: BLE001 - a rule with a fault of its own must not let the change through
        yield violation(f"The rule itself failed ({type(error).__name__}), so nothing is known about this.")
