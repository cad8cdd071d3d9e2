"""The folder that holds the model files."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from workers.image_processor.models import catalog
from workers.image_processor.models.catalog import MissingModelError, Model
from workers.image_processor.models.fetch import Progress, fetch, file_sha256


def _silent(_step: str, _share: float) -> None:
    """Progress for callers that show none."""


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
                f"The model {model} ({precision}) is not in {self.folder}.", fix="Run: bmx model fetch"
            )
        return path

    def ensure(self, model: str, precision: str, progress: Progress = _silent) -> Path:
        """Fetch or make the model unless it is there, and return its path.

        Idempotent and safe to call from several processes at once: one works, the others wait for its file.
        Raises `UnknownModelError`, `FetchError` or `QuantisationError`.
        """
        from filelock import FileLock

        entry = catalog.find(model, precision)
        path = self.folder / entry.file_name
        if path.is_file():
            return path
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            self._provide(entry, progress)
        return path

    def verify(self, model: str, precision: str) -> bool:
        """Whether the file's content is what was fetched or made. Reads the whole file."""
        entry = catalog.find(model, precision)
        path = self.path(model, precision)
        if entry.source is not None:
            return file_sha256(path) == entry.source.sha256
        record = self._record(entry)
        return record.is_file() and json.loads(record.read_text(encoding="utf-8"))["sha256"] == file_sha256(
            path
        )

    def _provide(self, entry: Model, progress: Progress) -> None:
        path = self.folder / entry.file_name
        if path.is_file():
            return
        if entry.source is not None:
            fetch(entry.source, path, progress)
        elif entry.derived_from is not None:
            from workers.image_processor.models.quantize import quantise

            self._provide(entry.derived_from, progress)
            difference = quantise(self.folder / entry.derived_from.file_name, path, progress)
            self._write_record(entry, path, difference)

    def _record(self, entry: Model) -> Path:
        return (self.folder / entry.file_name).with_suffix(".json")

    def _write_record(self, entry: Model, path: Path, difference: float) -> None:
        """Note what the made file is, so that `verify` can tell later damage."""
        record = self._record(entry)
        scratch = record.with_suffix(f".{os.getpid()}.tmp")
        content = {"sha256": file_sha256(path), "mask_difference": round(difference, 6)}
        scratch.write_text(json.dumps(content) + "\n", encoding="utf-8")
        scratch.replace(record)
