"""What limits each resource type, by its token. A type has an entry in one of the modules below."""

import functools
import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from local.provider.checks import common, documents
from local.provider.checks.documents import Document
from local.provider.checks.rules import Refused, Rule
from local.provider.values import Properties

MODULES = ("compute", "database", "identity", "messaging", "network", "observation", "storage")


@dataclass(frozen=True)
class Api:
    """The operation that makes a thing. `names` maps a dotted path of properties to the dotted path of the
    operation's parameter (`passwordPolicy` to `Policies.PasswordPolicy`); below it, names are equal again.
    """

    service: str
    operation: str
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """A type's checks: the operation whose model limits its values, its JSON documents, its own rules."""

    api: Api | None = None
    documents: Mapping[str, Document] = field(default_factory=dict)
    rules: Sequence[Rule] = ()

    def refusals(self, inputs: Properties) -> Iterator[Refused]:
        """Everything that is wrong with `inputs`, whose names and kinds are right."""
        yield from common.refusals(inputs)
        for rule in self.rules:
            yield from rule(inputs)
        yield from documents.refusals(self.documents, inputs)
        if self.api is not None:
            # Here: who only makes random values needs no botocore.
            from local.provider.checks import model

            yield from model.refusals(self.api, inputs)


@functools.cache
def all_limits() -> Mapping[str, Limits]:
    """The limits of every AWS type, by token."""
    found: dict[str, Limits] = {}
    for name in MODULES:
        found.update(importlib.import_module(f"local.provider.checks.{name}").LIMITS)
    return found


def limits_of(token: str) -> Limits:
    """A type's limits; none beyond the schema for a type of another package."""
    return all_limits().get(token, Limits()) if token.startswith("aws:") else Limits()
