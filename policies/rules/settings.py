"""Parameters of the rules, and each stack's exceptions, from policies/settings.yaml.

An exception names rule, resource, reason and the day it ends. From that day on the rule holds again;
until then each violation it covers is still shown, as advice.
"""

import datetime
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, Protocol

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workers.contracts.problem import Problem

LOCAL = "local"
SETTINGS = Path(__file__).resolve().parents[1] / "settings.yaml"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameters(_Model):
    """The thresholds of the rules."""

    password_min_length: int = Field(default=16, ge=12)
    generated_password_min_length: int = Field(default=24, ge=16)
    secret_recovery_days: int = Field(default=7, ge=7, le=30)
    backup_days: int = Field(default=7, ge=1, le=35)
    require_tls: bool = True
    """False only where everything listens on the loopback interface."""
    image_pulled: bool = True
    """False only where no image is pulled, so that a digest of zeros may stand for none."""
    visibility_factor: int = Field(default=6, ge=6)
    max_receive: tuple[int, int] = (2, 20)
    required_tags: tuple[str, ...] = ("bluemoxon:project", "bluemoxon:stack")
    may_be_empty: tuple[str, ...] = ("BMX_DATABASE", "BMX_USER_POOL_ID", "BMX_USER_POOL_CLIENT_ID")
    """Environment variables whose contract gives a meaning to the empty text."""
    star_resource_actions: tuple[str, ...] = (
        "cloudwatch:PutMetricData",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ecr:GetAuthorizationToken",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    )
    """Actions that AWS grants on `*` only (Service Authorization Reference: no resource types)."""


class Exemption(_Model):
    """`level` for what `rule` says about resources whose URN matches `urn`, until `expires`."""

    rule: str
    urn: str = Field(min_length=1, description="A URN; `*` and `?` as in file names.")
    level: Literal["mandatory", "advisory", "off"] = "advisory"
    reason: str = Field(min_length=12)
    expires: datetime.date

    def covers(self, rule: str, urn: str, today: datetime.date) -> bool:
        return self.rule == rule and today < self.expires and fnmatchcase(urn, self.urn)


class StackSettings(_Model):
    parameters: Parameters = Parameters()
    levels: dict[str, Literal["mandatory", "advisory"]] = {}
    """Rules that are stricter in this stack; a laxer one is an exception, with reason and end."""
    exceptions: tuple[Exemption, ...] = ()


class HasLevel(Protocol):
    """A rule, as far as its level goes."""

    @property
    def level(self) -> str: ...


_STRICTNESS = ("off", "advisory", "mandatory")


class PackSettings(_Model):
    """Everything in settings.yaml: `defaults`, and what a stack has of its own."""

    defaults: Parameters = Parameters()
    stacks: dict[str, StackSettings] = {}

    @model_validator(mode="before")
    @classmethod
    def _inherit(cls, data: object) -> object:
        """A stack's parameters are the defaults, overlaid."""
        if not isinstance(data, dict):
            return data
        defaults = data.get("defaults") or {}
        stacks = {
            name: {**(entry or {}), "parameters": {**defaults, **((entry or {}).get("parameters") or {})}}
            for name, entry in (data.get("stacks") or {}).items()
        }
        return {"defaults": defaults, "stacks": stacks}

    def stack(self, name: str) -> StackSettings:
        return self.stacks.get(name) or StackSettings(parameters=self.defaults)

    def level(self, rule: str, default: str, urn: str, today: datetime.date) -> str:
        """The level that holds for a rule on a resource today."""
        stack = self.stack(stack_of(urn))
        for exemption in stack.exceptions:
            if exemption.covers(rule, urn, today):
                return exemption.level
        return stack.levels.get(rule, default)

    def moved(self) -> set[str]:
        """The rules whose level some stack changes."""
        return {rule for stack in self.stacks.values() for rule in _named(stack)}


def _named(stack: StackSettings) -> Iterator[str]:
    yield from stack.levels
    yield from (exemption.rule for exemption in stack.exceptions)


def stack_of(urn: str) -> str:
    """The stack in a URN `urn:pulumi:STACK::PROJECT::TYPE::NAME`."""
    return urn.split("::", 1)[0].removeprefix("urn:pulumi:")


def load(path: Path = SETTINGS, *, known: Mapping[str, HasLevel] | None = None) -> PackSettings:
    """Read the settings; raises `Problem` naming every fault, a rule that is not `known` included.

    An absent file means the defaults.
    """
    if not path.exists():
        return PackSettings()
    try:
        settings = PackSettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (ValidationError, yaml.YAMLError) as error:
        if isinstance(error, ValidationError):
            faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        else:
            faults = ["it is not YAML"]
        raise _unusable(path, faults) from None
    faults = [*_loopback_only(settings), *(_misnamed(settings, known) if known is not None else ())]
    if faults:
        raise _unusable(path, faults)
    return settings


def _loopback_only(settings: PackSettings) -> Iterator[str]:
    """Parameters that switch rules off, outside of the stack whose parts all lie on one machine."""
    given = {"defaults": settings.defaults}
    given |= {f"stacks.{name}": stack.parameters for name, stack in settings.stacks.items() if name != LOCAL}
    for place, parameters in given.items():
        for name in ("require_tls", "image_pulled"):
            if not getattr(parameters, name):
                yield f"{place}: {name} is false for the local stack only; elsewhere, write an exception"


def _misnamed(settings: PackSettings, known: Mapping[str, HasLevel]) -> Iterator[str]:
    for name, stack in settings.stacks.items():
        yield from (f"there is no rule {rule}" for rule in _named(stack) if rule not in known)
        for rule, level in stack.levels.items():
            if rule in known and _STRICTNESS.index(level) < _STRICTNESS.index(known[rule].level):
                yield (
                    f"stacks.{name}.levels.{rule}: it is {known[rule].level}; a laxer level is an exception,"
                    " which has a reason and an end"
                )


def _unusable(path: Path, faults: list[str]) -> Problem:
    return Problem(
        f"{path.name} cannot be used: {'; '.join(faults)}.",
        why="Without it nobody knows which exceptions hold.",
        fix="Correct it; docs/policies.md describes it.",
    )
