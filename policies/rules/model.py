"""What a rule is and what it sees."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rules.settings import Parameters
from rules.values import Inputs

ANY = "*"
"""In `ResourceRule.types`: every type."""


class Severity(StrEnum):
    """How bad it is when the rule is broken; also the order of reports."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Level(StrEnum):
    """What a violation does: stops the change, is only shown, or nothing."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"
    OFF = "off"


class OnUnknown(StrEnum):
    """What a rule decides when it meets a value that is not known in a preview."""

    BLOCK = "block"
    """The value has to be written out: not knowing it is a violation."""
    RECHECK = "recheck at up"
    """The value comes from another resource. The rule runs again at up, before the resource is touched."""


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource as a rule sees it: new inputs and options. Policies get no operation and no old state."""

    type: str
    name: str
    urn: str
    inputs: Inputs
    protect: bool = False
    ignore_changes: tuple[str, ...] = ()
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Property to URNs of the resources it is computed from. Filled in the stack view only."""

    def ignores(self, path: str) -> bool:
        """Whether changes of the property are ignored."""
        return path in self.ignore_changes or ANY in self.ignore_changes


class Stack:
    """All resources of a stack, after their operations (at up) or as planned (in a preview)."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = tuple(resources)
        self._by_urn = {resource.urn: resource for resource in self.resources}

    def of(self, *types: str) -> Iterator[Resource]:
        return (resource for resource in self.resources if resource.type in types)

    def sources(self, resource: Resource, *properties: str) -> list[Resource]:
        """The resources that these properties (all, where none is named) are computed from."""
        named = properties or tuple(resource.sources)
        urns = dict.fromkeys(urn for name in named for urn in resource.sources.get(name, ()))
        return [self._by_urn[urn] for urn in urns if urn in self._by_urn]

    def users(self, resource: Resource, type_: str, *properties: str) -> list[Resource]:
        """The resources of a type that have a property computed from this one."""
        return [user for user in self.of(type_) if resource in self.sources(user, *properties)]


@dataclass(frozen=True)
class Violation:
    """What is wrong, by property path and threshold; never a value of the program."""

    detail: str
    urn: str


@dataclass(frozen=True)
class _Rule:
    id: str
    severity: Severity
    summary: str
    why: str
    remedy: str
    on_unknown: OnUnknown
    level: Level = Level.MANDATORY


ResourceCheck = Callable[[Resource, Parameters], Iterable[str]]
StackCheck = Callable[[Stack, Parameters], Iterable[tuple[Resource, str]]]


@dataclass(frozen=True)
class ResourceRule(_Rule):
    """Judges one resource before it is created or updated: stops `up` as well as `preview`."""

    types: tuple[str, ...] = ()
    check: ResourceCheck = field(default=lambda _resource, _parameters: ())

    def applies_to(self, type_: str) -> bool:
        return type_ in self.types or ANY in self.types


@dataclass(frozen=True)
class StackRule(_Rule):
    """Judges how resources fit together. It fails a preview, but in an `up` it runs after the operations."""

    check: StackCheck = field(default=lambda _stack, _parameters: ())


Rule = ResourceRule | StackRule


@dataclass
class Area:
    """Collects the rules of a module as they are declared."""

    name: str
    rules: list[Rule] = field(default_factory=list)

    def resource(
        self,
        id: str,  # noqa: A002 - the field's word for it
        *types: str,
        severity: Severity,
        summary: str,
        why: str,
        remedy: str,
        on_unknown: OnUnknown = OnUnknown.RECHECK,
        level: Level = Level.MANDATORY,
    ) -> Callable[[ResourceCheck], ResourceCheck]:
        """Declare a rule on single resources; its check yields what is wrong."""

        def declare(check: ResourceCheck) -> ResourceCheck:
            self.rules.append(
                ResourceRule(id, severity, summary, why, remedy, on_unknown, level, types=types, check=check)
            )
            return check

        return declare

    def stack(
        self,
        id: str,  # noqa: A002
        *,
        severity: Severity,
        summary: str,
        why: str,
        remedy: str,
        on_unknown: OnUnknown = OnUnknown.RECHECK,
        level: Level = Level.MANDATORY,
    ) -> Callable[[StackCheck], StackCheck]:
        """Declare a rule on a whole stack; its check yields resources and what is wrong with each."""

        def declare(check: StackCheck) -> StackCheck:
            self.rules.append(StackRule(id, severity, summary, why, remedy, on_unknown, level, check=check))
            return check

        return declare


def names(resources: Sequence[Resource]) -> str:
    """Resource names for a message."""
    return ", ".join(sorted({resource.name for resource in resources}))
