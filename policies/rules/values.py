"""Typed, safe reading of a resource's inputs: absent, unknown and malformed are three different things."""

import math
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from enum import Enum


class _Unknown(Enum):
    UNKNOWN = "unknown"


UNKNOWN = _Unknown.UNKNOWN
"""A value that depends on a resource that does not exist yet."""

Value = bool | int | float | str | None | _Unknown | Sequence["Value"] | Mapping[str, "Value"]


class UnknownValue(Exception):  # noqa: N818 - a state of the world, not an error
    """A check asked for a value that is not known yet."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(path)


class Unreadable(Exception):  # noqa: N818
    """A value has a form that its property never has: nobody can say what it means."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(path)


class Inputs:
    """A resource's inputs by dotted path. Readers raise `UnknownValue` or `Unreadable`; absent is empty.

    Paths are part of messages, values never are.
    """

    def __init__(self, values: Mapping[str, Value], prefix: str = "") -> None:
        self.values = values
        self._prefix = prefix

    def has(self, path: str) -> bool:
        """Whether the property is given, known or not."""
        try:
            return self._find(path) is not None
        except UnknownValue:
            return True

    def is_known(self, path: str) -> bool:
        """Whether the property is given and known."""
        try:
            return self._known(path) is not None
        except UnknownValue:
            return False

    def text(self, path: str) -> str | None:
        value = self._known(path)
        if value is None or isinstance(value, str):
            return value
        raise Unreadable(self._prefix + path)

    def flag(self, path: str) -> bool | None:
        value = self._known(path)
        if isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower(), value)
        if value is None or isinstance(value, bool):
            return value
        raise Unreadable(self._prefix + path)

    def number(self, path: str) -> float | None:
        value = self._known(path)
        if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
            return float(value)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, float) and not math.isnan(value):
            return value
        raise Unreadable(self._prefix + path)

    def mapping(self, path: str) -> Mapping[str, Value]:
        value = self._known(path)
        if value is None:
            return {}
        if isinstance(value, Mapping):
            return value
        raise Unreadable(self._prefix + path)

    def texts(self, path: str) -> list[str]:
        """A list of texts, each of them known."""
        value = self._known(path)
        if value is None:
            return []
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise Unreadable(self._prefix + path)
        out = []
        for index, item in enumerate(value):
            if item is UNKNOWN:
                raise UnknownValue(f"{self._prefix}{path}[{index}]")
            if not isinstance(item, str):
                raise Unreadable(f"{self._prefix}{path}[{index}]")
            out.append(item)
        return out

    def blocks(self, path: str) -> list["Inputs"]:
        """A list of objects, or one object given bare."""
        value = self._known(path)
        if value is None:
            return []
        entries: Sequence[Value] = (
            [value] if isinstance(value, Mapping) else _sequence(value, self._prefix + path)
        )
        out = []
        for index, item in enumerate(entries):
            where = f"{self._prefix}{path}[{index}]"
            if item is UNKNOWN:
                raise UnknownValue(where)
            if not isinstance(item, Mapping):
                raise Unreadable(where)
            out.append(Inputs(item, f"{where}."))
        return out

    def raw(self, path: str) -> Value:
        """Any known value, as it is."""
        return self._known(path)

    def known_texts(self) -> Iterator[tuple[str, str]]:
        """Every text anywhere in the inputs that is known, with its path."""
        for path, value in _walk(self.values, self._prefix.rstrip(".")):
            if isinstance(value, str):
                yield path, value

    def texts_named(self, keys: Container[str]) -> Iterator[tuple[str, str]]:
        """Every text, at any depth, whose property has one of these names, known ones first.

        Raises `UnknownValue` after them where one is not known, `Unreadable` where one is no text.
        """
        unknown = ""
        for path, value in _named(self.values, keys, self._prefix.rstrip(".")):
            if isinstance(value, str):
                yield path, value
            elif value is UNKNOWN:
                unknown = unknown or path
            elif value is not None:
                raise Unreadable(path)
        if unknown:
            raise UnknownValue(unknown)

    def unknown_paths(self) -> Iterator[str]:
        """The path of every unknown value."""
        return (path for path, value in _walk(self.values, self._prefix.rstrip(".")) if value is UNKNOWN)

    def properties(self) -> Iterator[str]:
        """The top-level properties that are given."""
        return (key for key, value in self.values.items() if value is not None)

    def _known(self, path: str) -> Value:
        value = self._find(path)
        if value is UNKNOWN:
            raise UnknownValue(self._prefix + path)
        return value

    def _find(self, path: str) -> Value:
        value: Value = self.values
        seen = ""
        for part in path.split("."):
            if value is UNKNOWN:
                raise UnknownValue(self._prefix + seen)
            if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
                value = value[0]  # Pulumi flattens some one-element lists and leaves others
            if value is None:
                return None
            if not isinstance(value, Mapping):
                raise Unreadable(self._prefix + seen)
            value = value.get(part)
            seen = f"{seen}.{part}" if seen else part
        return value


def _sequence(value: Value, path: str) -> Sequence[Value]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise Unreadable(path)
    return value


def _named(value: Value, keys: Container[str], path: str) -> Iterator[tuple[str, Value]]:
    """Every value whose key is one of these."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            where = f"{path}.{key}" if path else str(key)
            if key in keys:
                yield where, inner
            else:
                yield from _named(inner, keys, where)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            yield from _named(inner, keys, f"{path}[{index}]")


def _walk(value: Value, path: str) -> Iterator[tuple[str, Value]]:
    """Every leaf with its path."""
    if value is None or isinstance(value, str) or not isinstance(value, Mapping | Sequence):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{index}]")
