"""A finding about one step, and which of certain properties a step changes."""

from gate.findings import Finding
from gate.model import REPLACING, Op, Step, root
from rules.model import Severity


def of_step(
    id_: str, severity: Severity, step: Step, what: str, remedy: str, paths: tuple[str, ...] = ()
) -> Finding:
    """A finding about a step, whichever of a replacement's steps it is."""
    return Finding(id_, severity, step.urn, operation(step), what, remedy, paths)


def operation(step: Step) -> str:
    """The operation as people and approvals name it."""
    return Op.REPLACE if step.op in REPLACING else step.op


def paths_of(step: Step, properties: frozenset[str]) -> tuple[str, ...]:
    """The paths in these top-level properties that differ."""
    return tuple(path for path in step.changed_paths if root(path) in properties)
