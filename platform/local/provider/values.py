"""Between Pulumi's wire values and plain Python.

Resource types see `Properties`: dicts with camelCase names and plain values. A value that is not known yet
is `UNKNOWN`; numbers that are whole are ints; assets and archives stay Pulumi's own, and are `Elided` where
only their hash is known. Which top-level properties are secret travels beside the values, in `Bag.secrets`,
so that no resource type can lose the mark or print a wrapper."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
from pulumi.provider.experimental.property_value import Computed, PropertyValue, ResourceReference
from pulumi.runtime import rpc

from local.provider import elided
from local.provider.elided import Elided


class Unknown:
    """A value that the engine does not know before an update has run."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()

Value = Any
"""None, bool, int, float, str, list, dict, `Unknown`, `Elided`, Pulumi's `Asset`, `Archive`; recursively."""

Properties = dict[str, Value]

DEFAULTS: Final = "__defaults"
"""The input that lists which others the provider filled in itself, as the real one does."""


@dataclass(frozen=True)
class Bag:
    """Properties and the names of those that are secret."""

    values: Properties = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()

    def with_secrets(self, names: Iterable[str]) -> "Bag":
        """The same values, with `names` (those that are there) secret too."""
        return Bag(self.values, self.secrets | (frozenset(names) & self.values.keys()))


def from_wire(properties: Mapping[str, PropertyValue]) -> Bag:
    """Plain values out of a request's properties."""
    values = {name: _plain(value) for name, value in properties.items()}
    return Bag(values, frozenset(name for name, value in properties.items() if _holds_secret(value)))


def to_wire(bag: Bag) -> dict[str, PropertyValue]:
    """Properties for a reply; the secret ones are marked."""
    return {
        name: _wrap(value).with_secret(name in bag.secrets)
        for name, value in bag.values.items()
        if value is not None
    }


def contains_unknown(value: Value) -> bool:
    """Whether an unknown lies anywhere in `value`."""
    if isinstance(value, Unknown):
        return True
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return False


def _holds_secret(value: PropertyValue) -> bool:
    return value.contains_secret()


def _plain(value: PropertyValue) -> Value:
    inner = value.value
    if isinstance(inner, Computed) or (isinstance(inner, str) and inner == rpc.UNKNOWN):
        return UNKNOWN
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if inner is None or isinstance(inner, bool | str | pulumi.Asset | pulumi.Archive):
        return inner
    if isinstance(inner, ResourceReference):
        return _plain(inner.resource_id) if inner.resource_id is not None else inner.urn
    if isinstance(inner, Mapping):
        fields = {name: _plain(item) for name, item in inner.items()}
        return elided.of(fields) or fields
    if isinstance(inner, Sequence):
        return [_plain(item) for item in inner if isinstance(item, PropertyValue)]
    raise TypeError(f"unexpected wire value of type {type(inner).__name__}")


def _wrap(value: Value) -> PropertyValue:
    if isinstance(value, Unknown):
        # The SDK cannot marshal its own Computed; the engine knows this string.
        return PropertyValue(rpc.UNKNOWN)
    if isinstance(value, Elided):
        return _wrap(value.fields())
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    if isinstance(value, Mapping):
        return PropertyValue({str(name): _wrap(item) for name, item in value.items() if item is not None})
    if isinstance(value, list | tuple):
        return PropertyValue([_wrap(item) for item in value])
    return PropertyValue(value)
