"""The folder that holds the model files."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from workers.contracts import Problem
from workers.image_processor.models import catalog
from workers.image_processor.models.catalog import MissingModelError, Model
from workers.image_processor.models.fetch import Progress, fetch, file_sha256


def _silent(_step: str, _share: float) -> None:
    """Progress for callers that show none."""


@dataclass(frozen=True)
class Remade:
    """A model that was made again."""

    path: Path
    sha256: str
    mask_difference: float
    """From its original, on photos not used before: the mean, of the worst photo."""
    as_before: bool
    """The bytes are those that the file had."""
    as_released: bool
    """The bytes are those that the locked versions make; else the mask difference is the guarantee."""


@dataclass(frozen=True)
class ModelStore:
    """Models as files in `folder`. A file that is there is complete: it was verified before it was named."""

    folder: Path

    def path(self, model: str, precision: str) -> Path:
        """Where the model's file is.

        Raises `UnknownModelError` for a model outside the catalog and `MissingModelError` for one not fetched
        yet.
        """
        entry = catalog.find(model, precision)
        path = self.folder / entry.file_name
        if not path.is_file():
            raise MissingModelError(
                f"The model {model} ({precision}) is not in {self.folder}.", fix=f"Run: {entry.command}"
            )
        return path

    def ensure(
        self, model: str, precision: str, progress: Progress = _silent, *, verified: bool = False
    ) -> Path:
        """Fetch or make the model unless it is there, and return its path.

        `verified` reads a file that is there, and gets it anew where its checksum is another.

        Idempotent and safe to call from several processes at once: one works, the others wait for its file.
        Raises `UnknownModelError`, `FetchError` or `QuantizationError`.
        """
        from filelock import FileLock

        entry = catalog.find(model, precision)
        path = self.folder / entry.file_name
        if verified or not self.is_current(entry):
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock"):
                self._forget_interrupted()
                self._provide(entry, progress, verified=verified)
        return path

    def remake(self, model: str, precision: str, progress: Progress = _silent) -> "Remade":
        """Make a derived model once more in the place of the file that is there.

        Raises `UnknownModelError`, `FetchError` or `QuantizationError`, and then leaves the file as it was;
        `Problem` for a model that is fetched and not made.
        """
        from filelock import FileLock

        entry = catalog.find(model, precision)
        if entry.derived_from is None:
            raise Problem(
                f"The model {model} ({precision}) is fetched, not made.", fix=f"Run: {entry.command}"
            )
        path = self.folder / entry.file_name
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            self._forget_interrupted()
            before = file_sha256(path) if path.is_file() else None
            difference = self._make(entry, entry.derived_from, progress)
        sha256 = file_sha256(path)
        return Remade(path, sha256, difference, sha256 == before, sha256 == entry.made_sha256)

    def is_current(self, entry: Model) -> bool:
        """Whether the file is there and, where it is made here, was made in today's way. Reads no model."""
        if not (self.folder / entry.file_name).is_file():
            return False
        return entry.revision is None or self._noted(entry).get("revision") == entry.revision

    def checksum(self, entry: Model) -> str | None:
        """The SHA-256 that the file has to have; None for a made one without its record."""
        return entry.source.sha256 if entry.source else self._noted(entry).get("sha256")

    def verify(self, model: str, precision: str) -> bool:
        """Whether the file's content is what was fetched or made. Reads the whole file."""
        return file_sha256(self.path(model, precision)) == self.checksum(catalog.find(model, precision))

    def _provide(self, entry: Model, progress: Progress, *, verified: bool) -> None:
        if self.is_current(entry) and (not verified or self.verify(entry.name, entry.precision)):
            return
        if entry.source is not None:
            fetch(entry.source, self.folder / entry.file_name, progress)
        elif entry.derived_from is not None:
            self._make(entry, entry.derived_from, progress)

    def _make(self, entry: Model, original: Model, progress: Progress) -> float:
        from workers.image_processor.models.quantize import quantize

        self._provide(original, progress, verified=True)
        path = self.folder / entry.file_name
        difference = quantize(self.folder / original.file_name, entry.calibration, path, progress)
        self._write_record(entry, path, difference)
        return difference

    def _forget_interrupted(self) -> None:
        """Remove what a fetching or making process left when it was killed; its lock is ours now."""
        for pattern in (".fetch-*", ".quantize-*"):
            for folder in self.folder.glob(pattern):
                shutil.rmtree(folder, ignore_errors=True)

    def _noted(self, entry: Model) -> dict[str, str]:
        """What was noted of a made model; nothing where there is no record, or none that can be read."""
        try:
            noted = json.loads(self._record(entry).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {key: value for key, value in noted.items() if isinstance(value, str)}

    def _record(self, entry: Model) -> Path:
        return (self.folder / entry.file_name).with_suffix(".json")

    def _write_record(self, entry: Model, path: Path, difference: float) -> None:
        """Note what the made file is, so that `verify` can tell later damage."""
        record = self._record(entry)
        scratch = record.with_suffix(f".{os.getpid()}.tmp")
        content = {
            "sha256": file_sha256(path),
            "revision": entry.revision,
            "mask_difference": round(difference, 6),
        }
        scratch.write_text(json.dumps(content) + "\n", encoding="utf-8")
        scratch.replace(record)
