"""Runs a rule so that it always ends in a decision, whatever it meets.

The policy SDK turns an unknown value into an advisory note, and the change goes on. Here it does what the
rule states; a value of a strange form, or a fault of the rule itself, is a violation.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rules.model import OnUnknown, Resource, ResourceRule, Rule, Stack, StackRule, Violation
from rules.settings import Parameters
from rules.values import UnknownValue, Unreadable

Found = TypeVar("Found")


def judge_resource(rule: ResourceRule, resource: Resource, parameters: Parameters) -> list[Violation]:
    """The rule's violations on one resource; empty where it does not apply."""
    if not rule.applies_to(resource.type):
        return []

    def violation(detail: str) -> Violation:
        return Violation(detail, resource.urn)

    return list(_decide(rule, lambda: rule.check(resource, parameters), violation, violation))


def judge_stack(rule: StackRule, stack: Stack, parameters: Parameters) -> list[Violation]:
    """The rule's violations on a stack."""
    return list(
        _decide(
            rule,
            lambda: rule.check(stack, parameters),
            lambda found: Violation(found[1], found[0].urn),
            lambda detail: Violation(detail, ""),
        )
    )


def _decide(
    rule: Rule,
    check: Callable[[], Iterable[Found]],
    found: Callable[[Found], Violation],
    undecided: Callable[[str], Violation],
) -> Iterator[Violation]:
    try:
        for one in check():
            yield found(one)
    except UnknownValue as unknown:
        if rule.on_unknown is OnUnknown.BLOCK:
            yield undecided(f"`{unknown.path}` is not known in a preview; it has to be written out.")
    except Unreadable as unreadable:
        yield undecided(f"`{unreadable.path}` has a form that this rule cannot read.")
    except Exception as error:  # noqa: BLE001 - a rule with a fault of its own must not let the change through
        yield undecided(f"The rule itself failed ({type(error).__name__}), so nothing is known about this.")
