"""ETags of JSON answers.

Signed addresses expire. A tag is made of everything else and of the span of time that they were signed in:
who is told 304 holds addresses that are good for ten more minutes.
"""

import hashlib
import json
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from chalicelib.signed_urls import span

_SIGNED: Final = frozenset({"url", "original_url", "thumbnail_url"})


def tag_of(model: BaseModel, now: datetime) -> str:
    """A weak tag: answers with the same one say the same, in whatever bytes."""
    text = json.dumps(_unsigned(model.model_dump(mode="json")), sort_keys=True)
    return f'W/"{hashlib.sha256(f"{span(now)} {text}".encode()).hexdigest()[:32]}"'


def matches(if_none_match: str, tag: str) -> bool:
    """Whether the header names the tag; weakly, as RFC 9110 compares for it."""
    named = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return tag.removeprefix("W/") in named or "*" in named


def _unsigned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unsigned(inner) for name, inner in value.items() if name not in _SIGNED}
    if isinstance(value, list):
        return [_unsigned(inner) for inner in value]
    return value
