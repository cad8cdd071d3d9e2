"""Switches by which AWS itself guards data: which way does a change turn one?

The one place where the gate reads values, because a diff path has no direction: of these properties alone,
which are flags, a few known words and day counts. None is ever shown. What cannot be read is not let through.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from pydantic import JsonValue

from gate.findings import Finding
from gate.model import REPLACING, Op, Plan, State, Step
from rules import types
from rules.model import Severity

_UNREADABLE_TEXTS = frozenset({"[secret]", "04da6b54-80e4-46f7-96ec-b56ff0331ba9"})
"""How the engine writes a secret, and a value that is not known yet."""


@dataclass(frozen=True)
class Switch:
    """A property: the value that guards (of a number, the least), and what holds where it is left out."""

    path: str
    guards: bool | str | int
    default: bool | str | int


_PUBLIC = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_DATABASE = (
    Switch("deletionProtection", guards=True, default=False),
    Switch("skipFinalSnapshot", guards=False, default=False),
    Switch("deleteAutomatedBackups", guards=False, default=True),
)

SWITCHES: Mapping[str, tuple[Switch, ...]] = {
    types.DATABASE: (
        *_DATABASE,
        Switch("backupRetentionPeriod", guards=1, default=0),
        Switch("publiclyAccessible", guards=False, default=False),
    ),
    types.DATABASE_CLUSTER: (*_DATABASE, Switch("backupRetentionPeriod", guards=1, default=1)),
    types.BUCKET: (Switch("forceDestroy", guards=False, default=False),),
    types.BUCKET_V2: (Switch("forceDestroy", guards=False, default=False),),
    types.BUCKET_VERSIONING: (
        Switch("versioningConfiguration.status", guards="Enabled", default="Disabled"),
    ),
    types.BUCKET_PUBLIC_ACCESS: tuple(Switch(name, guards=True, default=False) for name in _PUBLIC),
    types.SECRET: (Switch("recoveryWindowInDays", guards=7, default=30),),
    types.USER_POOL: (Switch("deletionProtection", guards="ACTIVE", default="INACTIVE"),),
    types.KEY: (
        Switch("enableKeyRotation", guards=True, default=False),
        Switch("isEnabled", guards=True, default=True),
        Switch("bypassPolicyLockoutSafetyCheck", guards=False, default=False),
    ),
    types.EVENT_SOURCE: (Switch("enabled", guards=True, default=True),),
    types.REPOSITORY: (
        Switch("forceDelete", guards=False, default=False),
        Switch("imageTagMutability", guards="IMMUTABLE", default="MUTABLE"),
    ),
}

_PARTS = frozenset({types.BUCKET_VERSIONING, types.BUCKET_PUBLIC_ACCESS})
"""Resources that are nothing but switches of a bucket: deleting one turns them all."""


class _Reading(Enum):
    GUARDS = "guards"
    OPEN = "open"
    UNREADABLE = "unreadable"


def findings(plan: Plan) -> Iterator[Finding]:
    """Every switch that is turned off, every one of which that cannot be told, every one that goes."""
    deleted = {step.urn for step in plan.steps if step.op is Op.DELETE}
    for step in plan.steps:
        if step.op is Op.UPDATE or step.op in REPLACING:
            yield from _turned(step)
        elif step.op is Op.DELETE and step.type in _PARTS and step.old_state is not None:
            buckets = step.old_state.sources("bucket")
            if not buckets or buckets - deleted:
                yield _finding(
                    "safeguard-off", step, "It goes, and with it what it guards its bucket against.", ()
                )


def _turned(step: Step) -> Iterator[Finding]:
    off, unread = [], []
    for switch in SWITCHES.get(step.type, ()):
        before, after = _value(step.old_state, switch), _value(step.new_state, switch)
        if not _named(step, switch) and before == after:
            continue
        if _read(after, switch) is _Reading.UNREADABLE:
            unread.append(switch.path)
        elif _read(after, switch) is _Reading.OPEN:
            off.append(switch.path)
    if off:
        yield _finding(
            "safeguard-off", step, "AWS would no longer guard it against loss, or against others.", tuple(off)
        )
    if unread:
        yield _finding(
            "safeguard-unread",
            step,
            "Whether AWS goes on guarding it cannot be told: the value is secret, not known yet, or of a"
            " strange form.",
            tuple(unread),
        )


def _finding(id_: str, step: Step, what: str, paths: tuple[str, ...]) -> Finding:
    remedy = (
        "Write the value out in the program, where a plan shows it."
        if id_ == "safeguard-unread"
        else "Leave it on. If it is to be retired, approve this URN, operation and plan digest."
    )
    operation = Op.REPLACE if step.op in REPLACING else step.op
    return Finding(id_, Severity.HIGH, step.urn, operation, what, remedy, paths)


def _named(step: Step, switch: Switch) -> bool:
    """Whether the plan names the property, what it is in, or what is in it."""
    return any(
        path == switch.path or path.startswith(f"{switch.path}.") or switch.path.startswith(f"{path}.")
        for path in step.changed_paths
    )


def _value(state: State | None, switch: Switch) -> JsonValue:
    """What a state's inputs say; `[secret]`, or the object that is none, where they cannot be looked into."""
    found: JsonValue = state.inputs if state is not None else None
    if not isinstance(found, dict):
        return "[secret]"
    for key in switch.path.split("."):
        if not isinstance(found, dict):
            return found
        found = found.get(key)
        if found is None:
            return switch.default
    return found


def _read(value: JsonValue, switch: Switch) -> _Reading:
    guards = switch.guards
    if isinstance(guards, bool) or not isinstance(guards, int):
        if type(value) is not type(guards) or value in _UNREADABLE_TEXTS:
            return _Reading.UNREADABLE
        return _Reading.GUARDS if value == guards else _Reading.OPEN
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _Reading.UNREADABLE
    return _Reading.GUARDS if value >= guards else _Reading.OPEN
