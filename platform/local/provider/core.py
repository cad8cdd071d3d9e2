"""What every resource type does: check, diff, and the order of its create, update and read."""
# ruff: noqa: ARG002

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from local.provider.checks.limits import limits_of
from local.provider.context import Context
from local.provider.diff import Change, changes
from local.provider.schema import Mismatch, Schema, mismatches, schema_of
from local.provider.values import DEFAULTS, UNKNOWN, Bag, Properties, Unknown, Value, contains_unknown


@dataclass(frozen=True)
class Checked:
    """A resource's inputs as the engine keeps them, or why they are refused."""

    inputs: Bag
    failures: list[Mismatch] = field(default_factory=list)


@dataclass(frozen=True)
class Diff:
    """What would change, by property path."""

    changes: tuple[Change, ...] = ()
    delete_before_replace: bool = False

    @property
    def replaces(self) -> tuple[str, ...]:
        """The top-level properties that force a replacement."""
        return tuple(dict.fromkeys(change.root for change in self.changes if change.replace))


class ResourceType(ABC):
    """One resource type, as the real provider's users know it.

    A subclass says how the thing is made, configured, read and deleted over boto3. `make` does the least
    that gives the thing its id; `configure` brings everything else in line and serves create and update
    alike; `read` gives the outputs out of what the service answers. When `configure` fails after `make`,
    the thing is deleted again, so that a failed update can be repeated.
    """

    token: ClassVar[str]
    replace_on: ClassVar[frozenset[str]] = frozenset()
    """Properties (or dotted paths) whose change makes a new resource."""
    name_property: ClassVar[str | None] = None
    """The property with the physical name: the logical name and a suffix when it is not given."""
    name_prefix_property: ClassVar[str | None] = "namePrefix"
    json_properties: ClassVar[frozenset[str]] = frozenset()
    """Properties that hold a JSON document: written as text or as a map, compared by meaning."""
    unordered: ClassVar[frozenset[str]] = frozenset()
    """Dotted paths (without indices) of lists that are sets."""
    secret_outputs: ClassVar[frozenset[str]] = frozenset()
    write_only: ClassVar[frozenset[str]] = frozenset()
    """Inputs that are sent and never compared or kept among the outputs."""
    computed_inputs: ClassVar[frozenset[str]] = frozenset()
    """Inputs that the service fills when they are left out: removing one from a program changes nothing."""

    @abstractmethod
    def make(self, ctx: Context, inputs: Properties) -> str:
        """Make the thing; its id."""

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        """Bring the thing in line with `new`; `old` is None right after `make`. A new id, or None."""
        return None

    @abstractmethod
    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        """What the service says of the thing, over what `state` remembers; None when it is gone."""

    @abstractmethod
    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        """Remove the thing; gone already is fine."""

    def undo(self, ctx: Context, identifier: str, inputs: Properties) -> None:
        """Remove what `make` made when `configure` failed."""
        self.delete(ctx, identifier, inputs)

    @property
    def schema(self) -> Schema:
        """The SDK's schema of the type."""
        return schema_of(self.token)

    def check(self, name: str, inputs: Bag, old: Bag | None, seed: bytes) -> Checked:
        """`inputs` with documents as text and the physical name filled in, or what is wrong with them."""
        values = {key: value for key, value in inputs.values.items() if value is not None}
        failures = mismatches(self.schema, values)
        if failures:
            return Checked(inputs, failures)
        for key in self.json_properties & values.keys():
            if contains_unknown(values[key]):
                values[key] = UNKNOWN
            elif isinstance(values[key], Mapping | list):
                values[key] = json.dumps(values[key], separators=(",", ":"))
        self.fill_name(name, values, (old or Bag()).values, seed)
        failures = [*self.refusals(values, inputs.secrets), *self.validate(values)]
        return Checked(Bag(values, inputs.secrets & values.keys()), failures)

    def refusals(self, values: Properties, secrets: frozenset[str]) -> list[Mismatch]:
        """What AWS would refuse: for each property a reason and a remedy. A secret value is never shown."""
        found: dict[str, Mismatch] = {}
        for refused in limits_of(self.token).refusals(values):
            hidden = refused.value is None or refused.path.split(".")[0].split("[")[0] in secrets
            shown = "" if hidden else f"{refused.value!r:.80} "
            found.setdefault(refused.path, Mismatch(refused.path, f"{shown}{refused.says}"))
        return list(found.values())

    def validate(self, inputs: Properties) -> list[Mismatch]:
        """What is wrong with `inputs` beyond their names and kinds."""
        return []

    def fill_name(self, logical: str, values: Properties, old: Properties, seed: bytes) -> None:
        """Give the thing the name it had, or its logical name with a suffix, where the program gives none."""
        key = self.name_property
        if key is None or values.get(key) is not None:
            return
        if key in old.get(DEFAULTS, []) and old.get(key):
            values[key] = old[key]
        else:
            prefix = values.get(self.name_prefix_property) if self.name_prefix_property else None
            if isinstance(prefix, Unknown):
                values[key] = UNKNOWN
            else:
                values[key] = self.automatic_name(prefix or f"{logical}-", values, seed)
        values[DEFAULTS] = [key]

    def automatic_name(self, prefix: str, values: Properties, seed: bytes) -> str:
        """`prefix` and seven hex digits; the same for the same seed."""
        return prefix + hashlib.sha256(seed + prefix.encode()).hexdigest()[:7]

    def diff(self, old_inputs: Properties, state: Properties, new: Properties, ignore: list[str]) -> Diff:
        """What changes between the old inputs (as last read) and the new ones."""
        before = {key: value for key, value in old_inputs.items() if key not in self._kept(new)}
        if not old_inputs:
            before = {key: value for key, value in state.items() if key in new}
        found = tuple(
            changes(
                self.normalised(before),
                self.normalised(new),
                replace_on=self.replace_on,
                json_properties=self.json_properties,
                unordered=self.unordered,
                ignore=ignore,
            )
        )
        return Diff(found, self._must_delete_first(found, old_inputs, new))

    def normalised(self, inputs: Properties) -> Properties:
        """`inputs` with equal meanings written equally."""
        return {
            key: value for key, value in inputs.items() if value is not None and key not in self.write_only
        }

    def _kept(self, new: Properties) -> frozenset[str]:
        return frozenset(key for key in self.computed_inputs if key not in new)

    def _must_delete_first(self, found: tuple[Change, ...], old: Properties, new: Properties) -> bool:
        """Two things cannot have one name: with a fixed name the old one has to go first."""
        key = self.name_property
        if key is None or not any(change.replace for change in found):
            return False
        return key not in new.get(DEFAULTS, []) and old.get(key) == new.get(key)

    def preview(self, inputs: Bag, state: Bag | None = None) -> Bag:
        """The outputs that an update would have: known inputs, and unknown what the service will say."""
        values = {key: value for key, value in inputs.values.items() if key != DEFAULTS}
        if state is not None:
            outputs = {**state.values, **values}
            return Bag(outputs, self.marked(outputs, inputs, state))
        outputs = {**dict.fromkeys(self.schema.outputs, UNKNOWN), **values}
        return Bag(outputs, self.marked(outputs, inputs))

    def create(self, ctx: Context, inputs: Bag) -> tuple[str, Bag]:
        """Make and configure the thing: its id and outputs."""
        values = {key: value for key, value in inputs.values.items() if key != DEFAULTS}
        identifier = self.make(ctx, values)
        try:
            identifier = self.configure(ctx, identifier, None, values) or identifier
            outputs = self._outputs(ctx, identifier, values)
        except Exception:
            self.undo(ctx, identifier, values)
            raise
        return identifier, Bag(outputs, self.marked(outputs, inputs))

    def update(self, ctx: Context, identifier: str, state: Bag, inputs: Bag) -> Bag:
        """Bring the thing in line with `inputs`: its new outputs."""
        values = {key: value for key, value in inputs.values.items() if key != DEFAULTS}
        self.configure(ctx, identifier, state.values, values)
        outputs = self._outputs(ctx, identifier, {**self._remembered(state.values), **values})
        return Bag(outputs, self.marked(outputs, inputs, state))

    def _remembered(self, state: Properties) -> Properties:
        """What of the old state is no input: one that the program drops must not come back."""
        kept = self.computed_inputs
        return {key: value for key, value in state.items() if key not in self.schema.inputs or key in kept}

    def _outputs(self, ctx: Context, identifier: str, known: Properties) -> Properties:
        outputs = self.read(ctx, identifier, known)
        if outputs is None:
            raise LookupError(f"{self.token} {identifier} is gone right after it was made")
        return self.completed(ctx, {**known, **outputs})

    def completed(self, ctx: Context, outputs: Properties) -> Properties:
        """`outputs` with what the real provider adds to every type that has it."""
        known = self.schema.outputs
        added: Properties = {}
        if "region" in known:
            added["region"] = ctx.region
        if "tagsAll" in known:
            added["tagsAll"] = ctx.all_tags(outputs)
        found = {**added, **outputs, **{key: added[key] for key in ("tagsAll",) if key in added}}
        return {key: value for key, value in found.items() if key not in self.write_only}

    def refresh(self, ctx: Context, identifier: str, state: Bag, inputs: Bag) -> tuple[Bag, Bag] | None:
        """The thing's outputs and inputs as they are now; None when it is gone."""
        found = self.read(ctx, identifier, state.values)
        if found is None:
            return None
        outputs = self.completed(ctx, {**state.values, **found})
        wanted = inputs.values or {
            key: outputs[key] for key in self.schema.inputs if outputs.get(key) is not None
        }
        current = {key: self.refreshed_input(key, value, outputs) for key, value in wanted.items()}
        return Bag(outputs, self.marked(outputs, inputs, state)), Bag(current, inputs.secrets)

    def refreshed_input(self, key: str, value: Value, outputs: Properties) -> Value:
        """An input as the service has it; the program's own spelling where both mean the same."""
        if key == DEFAULTS or key in self.write_only or key not in outputs:
            return value
        same = not self.diff({key: value}, {}, {key: outputs[key]}, []).changes
        return value if same else outputs[key]

    def marked(self, outputs: Properties, *sources: Bag) -> frozenset[str]:
        """The outputs that are secret: by type, and those whose input was."""
        secret = self.secret_outputs.union(*(source.secrets for source in sources))
        return frozenset(secret & outputs.keys())
