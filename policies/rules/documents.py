"""Policy documents of IAM, SQS and S3 as plain statements."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rules.model import Resource
from rules.types import ROLE
from rules.values import UNKNOWN, Inputs, UnknownValue, Unreadable, Value


@dataclass(frozen=True)
class Statement:
    """One statement; single values are lists of one."""

    where: str
    """Its place, for messages: what it says is never part of one."""
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
    def lets_everybody_in(self) -> bool:
        """Whether it allows anybody, and on no condition."""
        return self.allows and "*" in self.principals and not self.conditions

    @property
    def denies_plain_http(self) -> bool:
        """Whether it refuses requests without TLS, for everybody and every action of the service."""
        tests = {key.lower(): test for key, test in self.conditions.get("Bool", {}).items()}
        given = tests.get("aws:securetransport", "")
        wanted = str(given[0] if isinstance(given, list | tuple) and given else given).lower()
        every = any(action == "*" or action.endswith(":*") for action in self.actions)
        return not self.allows and wanted == "false" and "*" in self.principals and every


def statements(inputs: Inputs, path: str) -> list[Statement]:
    """The statements of the document in a property; raises `UnknownValue` or `Unreadable`. Absent: none."""
    entries = document(inputs, path).get("Statement") or []
    if entries is UNKNOWN:
        raise UnknownValue(path)
    if isinstance(entries, Mapping):
        entries = [entries]
    if isinstance(entries, str) or not isinstance(entries, Sequence):
        raise Unreadable(path)
    return [_statement(entry, path, f"{path}.Statement[{index}]") for index, entry in enumerate(entries)]


def identity_statements(resource: Resource) -> list[Statement]:
    """What a policy of an identity (IAM policy, inline policy of role, user or group) says."""
    if resource.type == ROLE:
        return [
            statement
            for block in resource.inputs.blocks("inlinePolicies")
            for statement in statements(block, "policy")
        ]
    return statements(resource.inputs, "policy")


def document(inputs: Inputs, path: str) -> Mapping[str, Value]:
    """The JSON object in a property, which may be a text or an object. Absent: empty."""
    value: object = inputs.raw(path)
    if value is None:
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise Unreadable(path) from None
    if not isinstance(value, Mapping):
        raise Unreadable(path)
    return value


def arn_name(arn: object) -> str:
    """The last part of an ARN, which is a queue's or function's name; a bare name is itself."""
    return arn.rsplit(":", 1)[-1] if isinstance(arn, str) else ""


def _statement(entry: object, path: str, where: str) -> Statement:
    if entry is UNKNOWN:
        raise UnknownValue(path)
    if not isinstance(entry, Mapping):
        raise Unreadable(path)
    conditions = entry.get("Condition") or {}
    if conditions is UNKNOWN or (isinstance(conditions, Mapping) and UNKNOWN in conditions.values()):
        raise UnknownValue(path)
    if not isinstance(conditions, Mapping) or not all(
        isinstance(test, Mapping) for test in conditions.values()
    ):
        raise Unreadable(path)
    return Statement(
        where=where,
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
