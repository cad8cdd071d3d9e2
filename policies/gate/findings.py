"""What the gate finds."""

from dataclasses import dataclass

from rules.model import Severity

_ORDER = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True)
class Finding:
    """One risk of a plan. `paths` are diff paths; no field ever holds a property's value."""

    id: str
    severity: Severity
    urn: str
    operation: str
    what: str
    remedy: str
    paths: tuple[str, ...] = ()
    blocks: bool = True
    """False for the policy pack's advice."""

    @property
    def resource(self) -> str:
        """Type and name, for people."""
        parts = self.urn.split("::", 3)
        return f"{parts[2].rsplit('$', 1)[-1].rsplit(':', 1)[-1]} {parts[3]}" if len(parts) == 4 else self.urn

    @property
    def rank(self) -> tuple[bool, int, str, str]:
        """Biggest risk first."""
        return (not self.blocks, _ORDER[self.severity], self.urn, self.id)
