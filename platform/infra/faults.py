"""What is wrong with a stack's configuration: all faults at once, each with key, reason and fix."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from infra.naming import PROJECT
from workers.contracts import Problem

MODES: Mapping[str | int, str] = {
    "database": "generated, existing, rds-managed, external",
    "network": "none, existing, create",
}
"""The areas whose settings depend on their `mode`, and the modes."""

_SECRET_WORDS = ("password", "passwd", "pwd", "secret_string", "secret_value", "token", "api_key")

_NO_PASSWORDS = (
    "No setting takes a password: a value in a configuration and the one in the database would drift apart, "
    "and the application could not log in any more."
)
_USE_CREDENTIALS = (
    "Remove it. `bmx credentials adopt` takes over a password, `bmx credentials rotate` changes it."
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: `bluemoxon:database.mode` `is not set.`, why that matters, and what to do."""

    key: str
    what: str
    why: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key} {self.what} {self.why} {self.fix}"


class SettingsProblem(Problem):
    """A stack's configuration is wrong; `faults` lists everything that is."""

    def __init__(self, stack: str, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        listed = "\n".join(f"  - {fault}" for fault in faults)
        super().__init__(
            f"The configuration of stack `{stack}` has {count}:\n{listed}\n",
            fix=f"Correct Pulumi.{stack}.yaml; nothing has been changed.",
        )


def refuse(why: str, fix: str) -> PydanticCustomError:
    """The error that a field's validator raises; its message reaches the user as it is."""
    return PydanticCustomError("refused", "{why} {fix}", {"why": why, "fix": fix})


def unknown_key(key: str, known: Iterable[str]) -> Fault:
    """The fault of a key that nobody reads. Its value may be a secret and is never shown."""
    name = key.rsplit(":", 1)[-1].rsplit(".", 1)[-1]
    if any(word in name.lower().replace("-", "_") for word in _SECRET_WORDS):
        return Fault(key, "is not a setting.", _NO_PASSWORDS, _USE_CREDENTIALS)
    known = sorted(known)
    if name in known:
        return Fault(
            key,
            "is no setting of this mode.",
            "It belongs to another mode.",
            "Remove it, or change the mode.",
        )
    close = difflib.get_close_matches(name, known, n=1)
    fix = (
        f"Did you mean `{close[0]}`?" if close else f"Remove it. Settings here: {', '.join(known) or 'none'}."
    )
    return Fault(
        key, "is not a setting.", "A key that nobody reads would be a wish silently not granted.", fix
    )


def from_validation(error: ValidationError, siblings: Mapping[str, Iterable[str]]) -> list[Fault]:
    """The faults that pydantic found. `siblings` gives the keys that an area knows, for suggestions."""
    return [_fault(details, siblings) for details in error.errors(include_url=False)]


def _fault(details: ErrorDetails, siblings: Mapping[str, Iterable[str]]) -> Fault:
    location = details["loc"]
    # Pydantic puts the mode into the location of what it finds there: `database.existing.name`.
    path = location[:1] + location[2:] if location[0] in MODES else location
    key = f"{PROJECT}:" + ".".join(map(str, path))
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_key(key, siblings.get(str(path[0]), ()))
    if kind == "missing":
        return Fault(
            key, "is not set.", "It has no default that would be right for every stack.", f"Set `{path[-1]}`."
        )
    if kind == "union_tag_not_found":
        return Fault(
            f"{key}.mode",
            "is not set.",
            "It decides which other settings there are.",
            f"Set it to one of {MODES[path[-1]]}.",
        )
    if kind == "union_tag_invalid":
        return Fault(
            f"{key}.mode",
            f"is {context['tag']!r}.",
            "It decides which other settings there are, and this is no mode.",
            f"Use one of {context['expected_tags']}.",
        )
    if kind == "refused":
        return Fault(key, f"is {_shown(details['input'])}.", str(context["why"]), str(context["fix"]))
    return Fault(
        key,
        f"is {_shown(details['input'])}.",
        f"{details['msg'].rstrip('.')}.",
        "Correct the value, or remove it to use the default.",
    )


def _shown(value: object) -> str:
    """A value for a message; what may hold unknown keys, and with them secrets, only by its kind."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
