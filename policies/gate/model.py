"""The preview's JSON as typed data. Unknown keys are tolerated, unknown meanings are not."""

import hashlib
import json
import re
from collections import Counter
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, ValidationError

from workers.contracts.problem import Problem


class NotJudgeable(Problem):
    """The input is no plan that can be judged for certain."""


class Op(StrEnum):
    """The operations of the engine that are understood (pkg/resource/deploy/step.go)."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    READ = "read"
    READ_REPLACEMENT = "read-replacement"
    REFRESH = "refresh"
    DISCARD = "discard"
    DISCARD_REPLACED = "discard-replaced"
    REMOVE_PENDING_REPLACE = "remove-pending-replace"
    IMPORT = "import"
    IMPORT_REPLACEMENT = "import-replacement"


REPLACING = frozenset(
    {
        Op.REPLACE,
        Op.CREATE_REPLACEMENT,
        Op.DELETE_REPLACED,
        Op.IMPORT_REPLACEMENT,
        Op.REMOVE_PENDING_REPLACE,
    }
)
COUNTED = frozenset({Op.SAME, Op.CREATE, Op.UPDATE, Op.DELETE, Op.REPLACE, Op.IMPORT})
"""Operations that the engine counts in its summary and shows with --show-sames."""

_REFUSALS = ("marked for protection", "because it is protected", "before hook ")
"""How the engine words it (pkg/resource/deploy: step_generator.go, step.go, deployment.go)."""

_DIFF_KINDS = frozenset({"add", "add-replace", "delete", "delete-replace", "update", "update-replace"})


class _Model(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="ignore", frozen=True, alias_generator=lambda name: _camel(name)
    )


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


class State(_Model):
    """What the gate looks at of a resource's state. `inputs` is for the plan's digest only."""

    protect: bool = False
    external: bool = False
    retain_on_delete: bool = False
    parent: str = ""
    ignore_changes: tuple[str, ...] = ()
    resource_hooks: dict[str, tuple[str, ...] | None] = {}
    property_dependencies: dict[str, tuple[str, ...] | None] = {}
    inputs: JsonValue = None

    @property
    def hooks(self) -> frozenset[str]:
        """What the program runs before and after operations on the resource: `before_update: refuse`."""
        return frozenset(
            f"{event}: {name}" for event, names in self.resource_hooks.items() for name in names or ()
        )

    def sources(self, *properties: str) -> frozenset[str]:
        """URNs of the resources that these properties are computed from."""
        return frozenset(urn for name in properties for urn in self.property_dependencies.get(name) or ())


class PropertyDiff(_Model):
    kind: str


class Step(_Model):
    """One operation on one resource."""

    op: Op
    urn: str = Field(pattern=r"^urn:pulumi:[^:]+::[^:]+::.+::.+")
    old_state: State | None = None
    new_state: State | None = None
    diff_reasons: tuple[str, ...] | None = None
    replace_reasons: tuple[str, ...] | None = None
    detailed_diff: dict[str, PropertyDiff] | None = None

    @property
    def type(self) -> str:
        """The type token, without the types of its parents."""
        return self.urn.split("::")[2].rsplit("$", 1)[-1]

    @property
    def name(self) -> str:
        return self.urn.split("::", 3)[3]

    @property
    def stack(self) -> str:
        return self.urn.split("::", 1)[0].removeprefix("urn:pulumi:")

    @property
    def changed_paths(self) -> tuple[str, ...]:
        """The paths that differ, most precise first."""
        precise = tuple(sorted(self.detailed_diff or {}))
        more = {*(self.diff_reasons or ()), *(self.replace_reasons or ())} - {root(path) for path in precise}
        return (*precise, *sorted(more))


class Diagnostic(_Model):
    severity: str = ""
    urn: str = ""
    message: str = Field(default="", repr=False, description="Can hold anything: never repeat it.")

    @property
    def is_refusal(self) -> bool:
        """Whether the engine or a hook refuses to touch a guarded resource."""
        return self.severity == "error" and any(text in self.message for text in _REFUSALS)


class Plan(_Model):
    """A whole preview."""

    steps: tuple[Step, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    change_summary: dict[str, NonNegativeInt] = {}
    maybe_corrupt: bool = False

    @property
    def stack(self) -> str:
        return self.steps[0].stack

    @property
    def project(self) -> str:
        return self.steps[0].urn.split("::")[1]

    @property
    def digest(self) -> str:
        """Names this very plan: its stack, and each operation, path, option and non-secret input of a change.

        The engine has replaced secrets before; two plans that differ in a secret only have the same digest.
        """
        changes = [json.dumps([self.project, self.stack])]
        changes += sorted(
            json.dumps(_identity(step), sort_keys=True)
            for step in self.steps
            if step.op is not Op.SAME or _options(step.old_state) != _options(step.new_state)
        )
        return "sha256:" + hashlib.sha256("\n".join(changes).encode()).hexdigest()


_SEGMENT = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\[\]]+)')


def segments(path: str) -> list[str]:
    """The properties and places that a diff path names: `users[0].name` is `users`, `0`, `name`."""
    return ["".join(parts) for parts in _SEGMENT.findall(path)]


def root(path: str) -> str:
    """The top-level property of a diff path: `tags["a"].b` is of `tags`."""
    return next(iter(segments(path)), path)


def parse(text: str | bytes) -> Plan:
    """A plan from the preview's JSON; raises `NotJudgeable`."""
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_no_json)
    except RecursionError:
        raise _refuse("is nested too deeply") from None
    except ValueError as error:
        if "Extra data" in str(error):
            raise _refuse("is a stream of several JSON documents") from None
        raise _refuse("is no complete JSON; it may be truncated") from None
    if not isinstance(document, dict):
        raise _refuse("is no preview")
    versions = [document[key] for key in ("version", "schemaVersion") if key in document]
    if any(type(version) is not int or version != 1 for version in versions):
        raise _refuse("has a format version that this gate does not know")
    if not document.get("steps"):
        raise _refuse("has no steps")
    try:
        # From JSON, in which nothing has to be converted: a text is no flag, and a flag is no number.
        plan = Plan.model_validate_json(text)
    except ValidationError as error:
        raise _refuse(_faults(error)) from None
    _require_complete(plan)
    return plan


def _require_complete(plan: Plan) -> None:
    kinds = {diff.kind for step in plan.steps for diff in (step.detailed_diff or {}).values()}
    if kinds - _DIFF_KINDS:
        raise _refuse("has a kind of property difference that this gate does not know")
    if len({tuple(step.urn.split("::", 2)[:2]) for step in plan.steps}) != 1:
        raise _refuse("has resources of several stacks")
    for step in plan.steps:
        if step.op not in (Op.CREATE, Op.IMPORT, Op.READ, Op.CREATE_REPLACEMENT) and step.old_state is None:
            raise _refuse(f"has a step `{step.op}` without the old state")
        if step.op in (Op.CREATE, Op.UPDATE, Op.REPLACE) and step.new_state is None:
            raise _refuse(f"has a step `{step.op}` without the new state")
    if not plan.change_summary:
        raise _refuse("has no summary of its changes")
    unknown = set(plan.change_summary) - set(Op)
    if unknown:
        raise _refuse("counts an operation that this gate does not know")
    shown = Counter(step.op for step in plan.steps)
    for op in COUNTED:
        if shown[op] < plan.change_summary.get(op, 0):
            missing = "unchanged resources; it was made without --show-sames" if op is Op.SAME else "steps"
            raise _refuse(
                f"shows fewer {missing} than it counts" if op is not Op.SAME else f"lacks {missing}"
            )


def _faults(error: ValidationError) -> str:
    """Where the form is wrong; the input itself is never part of it."""
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        if fault["loc"][-1:] == ("op",):
            return "has an operation that this gate does not know"
    # Keys that are no field of this model may be anything.
    known = {_camel(name) for model in (Plan, Step, State, Diagnostic) for name in model.model_fields}
    place = error.errors(include_input=False)[0]["loc"]
    return f"has an unexpected form at `{'.'.join(str(one) if one in known else '*' for one in place)}`"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; one that gives a key twice says two things."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is given twice")
    return made


def _no_json(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _refuse(what: str) -> NotJudgeable:
    return NotJudgeable(
        f"The preview {what}.",
        why="Whether the change is safe cannot be told from it, so it is not let through.",
        fix="Make it again: `pulumi preview --json --show-sames`, with the engine that this project names.",
    )


def _identity(step: Step) -> dict[str, Any]:
    return {
        "op": step.op,
        "urn": step.urn,
        "paths": step.changed_paths,
        "replace": sorted(step.replace_reasons or ()),
        "options": [_options(step.old_state), _options(step.new_state)],
        "inputs": step.new_state.inputs if step.new_state else None,
    }


def _options(state: State | None) -> list[object] | None:
    if state is None:
        return None
    return [state.protect, state.retain_on_delete, sorted(state.ignore_changes), sorted(state.hooks)]
