"""What the in-process engine remembers of the things it made: two JSON files, for this user only.

`FILE` has no secret value in it, so it can be shown to others; those are in `FILE.secrets`.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi

from local.files import read_json, write_atomic
from local.provider.values import Bag, Properties, Value
from workers.contracts import Problem

VERSION = 1


@dataclass(frozen=True)
class Made:
    """One resource in the emulator. `hooks` names those to ask before it is deleted."""

    token: str
    identifier: str
    inputs: Bag
    outputs: Bag
    provider: Properties = field(default_factory=dict)
    """The configuration of the provider that made it."""


class Record:
    """The resources by URN, in the order in which they were made, and those that wait to be deleted."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.made: dict[str, Made] = {}
        self.doomed: list[Made] = []
        """Replaced ones, deleted at the end of the run."""
        self._lock = threading.Lock()
        self._load()

    @property
    def _secrets(self) -> Path:
        return self.file.with_name(self.file.name + ".secrets")

    def keep(self, urn: str, made: Made) -> None:
        """Remember a resource, at once on disk."""
        with self._lock:
            self.made[urn] = made
            self._save()

    def forget(self, urn: str) -> None:
        """The resource is gone."""
        with self._lock:
            self.made.pop(urn, None)
            self._save()

    def doom(self, urn: str) -> None:
        """The resource has been replaced: it goes when everything else has turned away from it."""
        with self._lock:
            self.doomed.append(self.made.pop(urn))
            self._save()

    def undoom(self, made: Made) -> None:
        """The replaced resource is gone."""
        with self._lock:
            self.doomed.remove(made)
            self._save()

    def _load(self) -> None:
        found = read_json(self.file)
        if found is None:
            return
        if found.get("version") != VERSION:
            raise Problem(
                f"{self.file} was written by another version of this program.",
                fix="Forget the local stack with ./bmx down --volumes, then run ./bmx up.",
            )
        secret = read_json(self._secrets) or {}
        self.made = {urn: _parse(data, secret.get(urn, {})) for urn, data in found["made"].items()}
        self.doomed = [
            _parse(data, secret.get(f"doomed {index}", {})) for index, data in enumerate(found["doomed"])
        ]

    def _save(self) -> None:
        secret: dict[str, Any] = {}
        made = {urn: _dump(one, secret, urn) for urn, one in self.made.items()}
        doomed = [_dump(one, secret, f"doomed {index}") for index, one in enumerate(self.doomed)]
        # The secrets first: a reader of the other file must find what it refers to.
        write_atomic(self._secrets, json.dumps(secret))
        write_atomic(self.file, json.dumps({"version": VERSION, "made": made, "doomed": doomed}, indent=1))


def _dump(made: Made, secret: dict[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    data: dict[str, Any] = {"token": made.token, "id": made.identifier, "provider": made.provider}
    for part, bag in (("inputs", made.inputs), ("outputs", made.outputs)):
        kept = {name: value for name, value in bag.values.items() if not _is_asset(value)}
        data[part] = {name: value for name, value in kept.items() if name not in bag.secrets}
        data[f"secret {part}"] = sorted(bag.secrets)
        if hidden := {name: value for name, value in kept.items() if name in bag.secrets}:
            found[part] = hidden
    if found:
        secret[key] = found
    return data


def _parse(data: Mapping[str, Any], secret: Mapping[str, Any]) -> Made:
    bags = {
        part: Bag({**data[part], **secret.get(part, {})}, frozenset(data[f"secret {part}"]))
        for part in ("inputs", "outputs")
    }
    return Made(data["token"], data["id"], bags["inputs"], bags["outputs"], data["provider"])


def _is_asset(value: Value) -> bool:
    """Code is compared by its digest among the outputs, not kept."""
    return isinstance(value, pulumi.Asset | pulumi.Archive)
