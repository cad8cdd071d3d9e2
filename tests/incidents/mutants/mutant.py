"""An unsafe edit, and what is said of it by more than one area."""

from dataclasses import dataclass

from tests.incidents.lines import Line
from tests.incidents.sources import Edit


@dataclass(frozen=True)
class Mutant:
    """One unsafe edit; the part of the program's refusal, the rule and the finding that it meets."""

    what: str
    edit: Edit
    program: str = ""
    policies: str = ""
    gate: str = ""

    @property
    def lines(self) -> frozenset[Line]:
        """The lines that stop it."""
        said = {Line.PROGRAM: self.program, Line.POLICIES: self.policies, Line.GATE: self.gate}
        return frozenset(line for line, found in said.items() if found)


PROTECTED = "protect"
"""A refused replacement that would delete first is not in the plan, so that the gate has nothing to judge."""
HOOK = "is not changed"
LOSS = "is not deleted"
