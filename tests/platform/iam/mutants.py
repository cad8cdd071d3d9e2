"""A policy with one thing taken out of it."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class Kind(StrEnum):
    """What is done to a statement."""

    ACTION = "action"
    """An allowed action is taken out."""
    RESOURCE = "resource"
    """An allowed resource is taken out."""


@dataclass(frozen=True)
class Mutant:
    """The changed document. `lost` is what the statement has no more."""

    statement: Json
    kind: Kind
    lost: str
    document: Json

    def __str__(self) -> str:
        return f"{self.statement['Sid']}: {self.kind} {self.lost}"


def listed(value: str | list[str]) -> list[str]:
    """A policy's value, which is not a list where it is one only."""
    return [value] if isinstance(value, str) else value


def narrower(document: Json) -> Iterator[Mutant]:
    """Every allowed action missing once, and every allowed resource."""
    for number, statement in enumerate(document["Statement"]):
        if statement["Effect"] != "Allow":
            continue
        for kind, key in ((Kind.ACTION, "Action"), (Kind.RESOURCE, "Resource")):
            values = listed(statement[key])
            if kind is Kind.RESOURCE and len(values) == 1:
                continue  # without its only resource, all of its actions are gone
            for value in values:
                rest = [one for one in values if one != value]
                changed = {**statement, key: rest} if rest else None
                yield Mutant(statement, kind, value, _with(document, number, changed))


def _with(document: Json, number: int, statement: Json | None) -> Json:
    """The document with this statement in that place, or none."""
    made = copy.deepcopy(document)
    made["Statement"][number : number + 1] = [statement] if statement else []
    return made
