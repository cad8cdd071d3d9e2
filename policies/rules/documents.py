"""Policy documents of IAM, SQS and S3 as plain statements."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rules.values import UNKNOWN, Inputs, UnknownValue, Unreadable, Value


@dataclass(frozen=True)
class Statement:
    """One statement; single values are lists of one."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[str, ...]
    not_actions: bool
    conditions: Mapping[str, Mapping[str, object]]

    def allows_action(self, action: str) -> bool:
        """Whether the statement allows an action; wildcards count."""
        return self.allows and any(fnmatchcase(action.lower(), one.lower()) for one in self.actions)

    @property
    def denies_plain_http(self) -> bool:
        """Whether it refuses requests without TLS, for everybody and every action of the service."""
        tests = {key.lower(): test for key, test in self.conditions.get("Bool", {}).items()}
        wanted = str(tests.get("aws:securetransport", "")).lower()
        every = any(action == "*" or action.endswith(":*") for action in self.actions)
        return not self.allows and wanted == "false" and "*" in self.principals and every


def statements(inputs: Inputs, path: str) -> list[Statement]:
    """The statements of the document in a property; raises `UnknownValue` or `Unreadable`. Absent: none."""
    value = inputs.raw(path)
    if value is None:
        return []
    document: object = value
    if isinstance(value, str):
        try:
            document = json.loads(value)
        except ValueError:
            raise Unreadable(path) from None
    if not isinstance(document, Mapping):
        raise Unreadable(path)
    entries = document.get("Statement") or []
    if isinstance(entries, Mapping):
        entries = [entries]
    if isinstance(entries, str) or not isinstance(entries, Sequence):
        raise Unreadable(path)
    return [_statement(entry, path) for entry in entries]


def _statement(entry: object, path: str) -> Statement:
    if entry is UNKNOWN:
        raise UnknownValue(path)
    if not isinstance(entry, Mapping):
        raise Unreadable(path)
    conditions = entry.get("Condition") or {}
    if not isinstance(conditions, Mapping) or not all(
        isinstance(test, Mapping) for test in conditions.values()
    ):
        raise Unreadable(path)
    return Statement(
        allows=str(entry.get("Effect")).lower() == "allow",
        actions=_texts(entry.get("Action", entry.get("NotAction")), path),
        resources=_texts(entry.get("Resource", entry.get("NotResource")), path),
        principals=tuple(_principals(entry.get("Principal", entry.get("NotPrincipal")), path)),
        not_actions="NotAction" in entry or "NotResource" in entry or "NotPrincipal" in entry,
        conditions=conditions,
    )


def _principals(value: Value, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for who in value.values():
            yield from _texts(who, path)
    else:
        yield from _texts(value, path)


def _texts(value: Value, path: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if value is UNKNOWN:
        raise UnknownValue(path)
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Sequence):
        raise Unreadable(path)
    if any(item is UNKNOWN for item in value):
        raise UnknownValue(path)
    if not all(isinstance(item, str) for item in value):
        raise Unreadable(path)
    return tuple(str(item) for item in value)
