"""JSON documents: which there are, and their faults in a sentence."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from local.provider.checks.rules import Refused
from local.provider.values import Properties


class Part(BaseModel):
    """A part of a document: nothing in it that AWS does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Document:
    """A kind of document: its noun, its grammar, and how many characters AWS takes, spaces not counted."""

    noun: str
    grammar: type[BaseModel] | None = None
    longest: int | None = None


JSON = Document("a JSON document")
"""A document whose grammar only its service knows."""


def refusals(documents: Mapping[str, Document], inputs: Properties) -> Iterator[Refused]:
    """What is wrong with the documents among `inputs`, one fault a document."""
    for name, document in documents.items():
        text = inputs.get(name)
        if isinstance(text, str) and text:
            fault = _fault(document, text)
            if fault is not None:
                yield Refused(name, None, fault)


def _fault(document: Document, text: str) -> str | None:
    try:
        parsed = json.loads(text, object_pairs_hook=_unique)
    except ValueError as error:
        return f"is no JSON: {error}. Correct it, or build it with json.dumps"
    size = len(re.sub(r"\s", "", text))
    if document.longest is not None and size > document.longest:
        return (
            f"has {size:,} characters: AWS takes at most {document.longest:,} of {document.noun}. "
            "Say it with fewer statements"
        )
    if document.grammar is None:
        return None
    try:
        document.grammar.model_validate(parsed)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"] if not _internal(step))
        said = first["msg"].removeprefix("Value error, ")
        return f"is not {document.noun} that AWS takes: {where + ': ' if where else ''}{said}. Correct it"
    return None


def _internal(step: int | str) -> bool:
    """Whether a step of a location is pydantic's name of an alternative, and no key of the document."""
    return isinstance(step, str) and ("[" in step or step in ("str", "int", "bool"))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return found
