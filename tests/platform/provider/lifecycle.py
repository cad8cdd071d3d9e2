"""Drives one resource type as the engine does."""

from dataclasses import dataclass, field

from local.provider.context import Context
from local.provider.core import Diff, ResourceType
from local.provider.registry import resource_type
from local.provider.values import Bag, Properties


@dataclass
class Resource:
    """One resource in the emulator: its inputs and outputs as an engine would keep them."""

    ctx: Context
    token: str
    name: str = "thing"
    inputs: Bag = field(default_factory=Bag)
    outputs: Bag = field(default_factory=Bag)
    identifier: str = ""

    @property
    def kind(self) -> ResourceType:
        return resource_type(self.token)

    def check(self, inputs: Properties, secrets: frozenset[str] = frozenset()) -> Bag:
        checked = self.kind.check(self.name, Bag(inputs, secrets), self.inputs, b"seed")
        assert not checked.failures, checked.failures
        return checked.inputs

    def diff(self, inputs: Properties, ignore: tuple[str, ...] = ()) -> Diff:
        checked = self.check(inputs)
        return self.kind.diff(self.inputs.values, self.outputs.values, checked.values, list(ignore))

    def create(self, inputs: Properties, secrets: frozenset[str] = frozenset()) -> Properties:
        self.inputs = self.check(inputs, secrets)
        self.identifier, self.outputs = self.kind.create(self.ctx, self.inputs)
        return self.outputs.values

    def update(self, inputs: Properties) -> Properties:
        self.inputs = self.check(inputs, self.inputs.secrets)
        self.outputs = self.kind.update(self.ctx, self.identifier, self.outputs, self.inputs)
        return self.outputs.values

    def refresh(self) -> bool:
        """Read the resource; False when it is gone."""
        found = self.kind.refresh(self.ctx, self.identifier, self.outputs, self.inputs)
        if found is not None:
            self.outputs, self.inputs = found
        return found is not None

    def delete(self) -> None:
        self.kind.delete(self.ctx, self.identifier, self.outputs.values)


def changed(diff: Diff) -> dict[str, bool]:
    """Path to whether it replaces."""
    return {change.path: change.replace for change in diff.changes}
