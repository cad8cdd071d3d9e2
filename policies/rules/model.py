"""What a rule is and what it sees."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar, cast

from rules.settings import Parameters
from rules.types import SECRET_MAKERS
from rules.values import Inputs

Found = TypeVar("Found")

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

    def gives(self, path: str) -> bool:
        """Whether the program gives the property.

        The view of a stack also holds what the provider read; there, what is given has an entry in `sources`.
        """
        return path in self.sources if self.sources else self.inputs.has(path)

    def ignores(self, path: str) -> bool:
        """Whether changes of the property are ignored."""
        return path in self.ignore_changes or ANY in self.ignore_changes


class Stack:
    """All resources of a stack, after their operations (at up) or as planned (in a preview)."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = tuple(resources)
        self._by_urn = {resource.urn: resource for resource in self.resources}
        self._by_type: dict[str, list[Resource]] = {}
        self._users: dict[str, list[tuple[str, Resource]]] = {}
        self._found: dict[object, object] = {}
        for resource in self.resources:
            self._by_type.setdefault(resource.type, []).append(resource)
            for name, urns in resource.sources.items():
                for urn in urns:
                    self._users.setdefault(urn, []).append((name, resource))

    def once(self, find: "Callable[[Stack], Found]") -> Found:
        """What a function finds out about the whole stack, asked once."""
        if find not in self._found:
            self._found[find] = find(self)
        return cast(Found, self._found[find])

    def of(self, *types: str) -> Iterator[Resource]:
        return (resource for type_ in types for resource in self._by_type.get(type_, ()))

    def sources(self, resource: Resource, *properties: str) -> list[Resource]:
        """The resources that these properties (all, where none is named) are computed from."""
        named = properties or tuple(resource.sources)
        urns = dict.fromkeys(urn for name in named for urn in resource.sources.get(name, ()))
        return [self._by_urn[urn] for urn in urns if urn in self._by_urn]

    def is_typed(self, resource: Resource, name: str) -> bool:
        """Whether somebody wrote out a property that has to be secret: nothing that it is computed from makes
        or holds a secret. One that is not known yet, and is computed from nothing here, is not judged.
        """
        sources = self.sources(resource, name)
        if any(source.type in SECRET_MAKERS for source in sources):
            return False
        return resource.inputs.is_known(name) or (bool(sources) and resource.inputs.has(name))

    def users(self, resource: Resource, type_: str, *properties: str) -> list[Resource]:
        """The resources of a type that have a property (any, where none is named) computed from this one."""
        return [
            user
            for name, user in self._users.get(resource.urn, ())
            if user.type == type_ and (not properties or name in properties)
        ]


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
    types: tuple[str, ...] = ()

    def applies_to(self, type_: str) -> bool:
        return type_ in self.types or ANY in self.types


ResourceCheck = Callable[[Resource, Parameters], Iterable[str]]
StackCheck = Callable[[Resource, Stack, Parameters], Iterable[str]]


@dataclass(frozen=True)
class ResourceRule(_Rule):
    """Judges one resource before it is created or updated: stops `up` as well as `preview`."""

    check: ResourceCheck = field(default=lambda _resource, _parameters: ())


@dataclass(frozen=True)
class StackRule(_Rule):
    """Judges how a resource fits into its stack. It fails a preview; in an `up` it runs after everything."""

    check: StackCheck = field(default=lambda _resource, _stack, _parameters: ())


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
        *types: str,
        severity: Severity,
        summary: str,
        why: str,
        remedy: str,
        on_unknown: OnUnknown = OnUnknown.RECHECK,
        level: Level = Level.MANDATORY,
    ) -> Callable[[StackCheck], StackCheck]:
        """Declare a rule on resources within their stack; its check yields what is wrong with one of them."""

        def declare(check: StackCheck) -> StackCheck:
            self.rules.append(
                StackRule(id, severity, summary, why, remedy, on_unknown, level, types=types, check=check)
            )
            return check

        return declare


def names(resources: Sequence[Resource]) -> str:
    """Resource names for a message."""
    return ", ".join(sorted({resource.name for resource in resources}))
