"""The words for a resource type's own rules. A path is dotted; lists on the way are entered."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from local.provider.values import DEFAULTS, Properties, Unknown, Value


class Refused(NamedTuple):
    """A value that AWS would refuse. `says` follows the value in a message and never contains it."""

    path: str
    value: Value
    says: str


class Rule(Protocol):
    """Finds what is wrong."""

    def __call__(self, inputs: Properties) -> Iterator[Refused]: ...


def known(inputs: Value, path: str, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """The known values at a path, each under its own path with indices."""
    head, _, rest = path.partition(".")
    value = inputs.get(head) if isinstance(inputs, Mapping) else None
    here = f"{prefix}{head}"
    if not rest:
        if value is not None and not isinstance(value, Unknown):
            yield here, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from known(item, rest, f"{here}[{index}].")
    else:
        yield from known(value, rest, f"{here}.")


def given(inputs: Properties, keys: Sequence[str]) -> list[str]:
    """Those of `keys` that the program gives, whatever their value; not those that were filled in here."""
    filled = inputs.get(DEFAULTS) or []
    return [key for key in keys if inputs.get(key) is not None and key not in filled]


def number(value: Value) -> float | None:
    """A number, also one that is written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def span(low: float | None, high: float | None) -> str:
    """A range in words."""
    if low is not None and high is not None:
        return f"{low:,} to {high:,}"
    return f"{low:,} or more" if high is None else f"at most {high:,}"


@dataclass(frozen=True)
class Between:
    """A number in a range, `low` and `high` included."""

    path: str
    low: float
    high: float
    unit: str = ""

    def __call__(self, inputs: Properties) -> Iterator[Refused]:
        for path, value in known(inputs, self.path):
            found = number(value)
            if found is not None and not self.low <= found <= self.high:
                unit = f" {self.unit}" if self.unit else ""
                yield Refused(path, value, f"is out of range: use {span(self.low, self.high)}{unit}")


@dataclass(frozen=True)
class OneOf:
    """One of a few values; each of them where the property is a list."""

    path: str
    values: Sequence[Value]

    def __call__(self, inputs: Properties) -> Iterator[Refused]:
        for path, value in known(inputs, self.path):
            for item in value if isinstance(value, list) else [value]:
                if not isinstance(item, Unknown) and item not in self.values:
                    yield Refused(path, item, f"is not known to AWS: use {', '.join(map(str, self.values))}")


@dataclass(frozen=True)
class Matches:
    """Text of a form, all of it; `form` is that form in words. Each item where the property is a list."""

    path: str
    pattern: str
    form: str

    def __call__(self, inputs: Properties) -> Iterator[Refused]:
        for path, value in known(inputs, self.path):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, str) and not re.fullmatch(self.pattern, item, re.ASCII):
                    yield Refused(path, item, f"has a wrong form: use {self.form}")


@dataclass(frozen=True)
class AtMost:
    """A list that AWS limits."""

    path: str
    count: int

    def __call__(self, inputs: Properties) -> Iterator[Refused]:
        for path, value in known(inputs, self.path):
            if isinstance(value, list) and len(value) > self.count:
                yield Refused(path, value, f"has {len(value)} entries: give at most {self.count}")


@dataclass(frozen=True)
class Exclusive:
    """Arguments of which one at most is given, whatever its value."""

    keys: Sequence[str]

    def __call__(self, inputs: Properties) -> Iterator[Refused]:
        there = given(inputs, self.keys)
        if len(there) > 1:
            yield Refused(there[1], None, f"conflicts with {there[0]!r}: give one of them")


@dataclass(frozen=True)
class ExactlyOne:
    """Arguments of which one is given."""

    keys: Sequence[str]

    def __call__(self, inputs: Properties) -> Iterator[Refused]:
        there = given(inputs, self.keys)
        if not there:
            yield Refused(self.keys[0], None, f"is missing: give one of {_listed(self.keys)}")
        elif len(there) > 1:
            yield Refused(there[1], None, f"conflicts with {there[0]!r}: give one of {_listed(self.keys)}")


@dataclass(frozen=True)
class Needs:
    """An argument that means something only with others."""

    key: str
    others: Sequence[str]

    def __call__(self, inputs: Properties) -> Iterator[Refused]:
        if inputs.get(self.key) in (None, False):
            return
        for other in self.others:
            if inputs.get(other) is None:
                yield Refused(other, None, f"is missing: {self.key!r} needs it")


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(map(repr, keys))
