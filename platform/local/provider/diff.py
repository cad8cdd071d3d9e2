"""The difference between two sets of inputs, by property path."""

import enum
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from local.provider.values import Properties, Unknown, Value

_INDEX = re.compile(r"\[[^\]]*\]")
_ANY = re.compile(r"(\[\*\]|\.\*)$")


class Kind(enum.Enum):
    """What happens to a property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Change:
    """One path that differs, as `tags.env` or `rules[0].id`."""

    path: str
    kind: Kind
    replace: bool

    @property
    def root(self) -> str:
        """The top-level property."""
        return re.split(r"[.\[]", self.path, maxsplit=1)[0]


def changes(
    old: Properties,
    new: Properties,
    *,
    replace_on: frozenset[str],
    json_properties: frozenset[str],
    unordered: frozenset[str],
    ignore: list[str],
) -> Iterator[Change]:
    """Every path that differs. Names that start with `__` are the provider's own and do not count."""
    for key in sorted(old.keys() | new.keys()):
        if key.startswith("__"):
            continue
        before, after = old.get(key), new.get(key)
        if key in json_properties:
            before, after = _document(before), _document(after)
            # A policy is one property: its statements are not paths of the resource.
            found = [] if before == after else [(key, _kind(before, after))]
        else:
            found = list(_walk(key, before, after, unordered))
        for path, kind in found:
            if not _ignored(path, ignore):
                yield Change(path, kind, _replaces(path, replace_on))


def _document(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _kind(before: Value, after: Value) -> Kind:
    if before is None:
        return Kind.ADD
    return Kind.DELETE if after is None else Kind.UPDATE


def _walk(path: str, before: Value, after: Value, unordered: frozenset[str]) -> Iterator[tuple[str, Kind]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            if not key.startswith("__"):
                yield from _walk(_child(path, key), before.get(key), after.get(key), unordered)
    elif isinstance(before, list) and isinstance(after, list):
        if _INDEX.sub("", path) in unordered:
            if not _same_set(before, after):
                yield path, Kind.UPDATE
            return
        for index in range(max(len(before), len(after))):
            left = before[index] if index < len(before) else None
            right = after[index] if index < len(after) else None
            yield from _walk(f"{path}[{index}]", left, right, unordered)
    elif isinstance(after, Unknown) or not _equal(before, after):
        yield path, _kind(before, after)


def _child(path: str, key: str) -> str:
    return f"{path}.{key}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", key) else f"{path}[{json.dumps(key)}]"


def _same_set(before: list[Value], after: list[Value]) -> bool:
    if any(isinstance(item, Unknown) for item in after):
        return False
    return sorted(json.dumps(item, sort_keys=True, default=repr) for item in before) == sorted(
        json.dumps(item, sort_keys=True, default=repr) for item in after
    )


def _equal(before: Value, after: Value) -> bool:
    if before == after and isinstance(before, bool) == isinstance(after, bool):
        return True
    # "30" and 30, "true" and True: configuration reaches the provider as text.
    if isinstance(before, bool | int | float | str) and isinstance(after, bool | int | float | str):
        return _text(before) == _text(after)
    # The wire has no difference between an empty container and none.
    return (before in ({}, []) and after is None) or (before is None and after in ({}, []))


def _text(value: bool | int | float | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ignored(path: str, ignore: list[str]) -> bool:
    plain = _INDEX.sub("", path)
    for pattern in ignore:
        stem = _ANY.sub("", pattern)
        if path == stem or path.startswith((stem + ".", stem + "[")) or plain == stem:
            return True
    return False


def _replaces(path: str, replace_on: frozenset[str]) -> bool:
    plain = _INDEX.sub("", path)
    return any(plain == key or plain.startswith(key + ".") for key in replace_on)
