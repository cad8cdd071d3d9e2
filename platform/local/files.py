"""Writing files so that a reader never sees half of one, and a stranger never sees a secret one."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from workers.contracts.problem import Problem


def write_atomic(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace `path` by `text` in one step; the file has `mode` from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file, or None where there is none (or not a whole one)."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return data if isinstance(data, dict) else None


def checksum(*parts: bytes | str | Path | Iterable[Path]) -> str:
    """The first 16 hex digits of a SHA-256 over strings, files and whole folders.

    A folder counts with the relative path, mode and bytes of each file in it; byte code and editors' files
    do not count.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, bytes | str):
            data = part.encode() if isinstance(part, str) else part
            digest.update(len(data).to_bytes(8, "big") + data)
        elif isinstance(part, Path):
            _add_path(digest, part)
        else:
            for path in part:
                _add_path(digest, path)
    return digest.hexdigest()[:16]


_IGNORED = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".DS_Store", ".pytest_cache"})


def source_files(folder: Path) -> list[Path]:
    """Every file below a folder that is source, sorted."""
    found = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and path.suffix != ".pyc" and not _IGNORED.intersection(relative.parts):
            found.append(path)
    return found


def _add_path(digest: "hashlib._Hash", path: Path) -> None:
    files = source_files(path) if path.is_dir() else [path]
    for file in files:
        name = str(file.relative_to(path)) if path.is_dir() else file.name
        data = file.read_bytes() if file.exists() else b""
        digest.update(f"{name}\0{len(data)}\0".encode() + data)


def forget(paths: Iterable[Path], keep: Collection[Path] = ()) -> None:
    """Remove files and whole folders, except what is in `keep` and the folders above that.

    Goes on where something cannot be removed, and raises a `Problem` that names it at the end.
    """
    failed: dict[Path, str] = {}

    def note(_function: object, path: str, raised: tuple[Any, BaseException, Any]) -> None:
        if not isinstance(raised[1], FileNotFoundError):
            failed[Path(path)] = getattr(raised[1], "strerror", None) or str(raised[1])

    def remove(path: Path) -> None:
        if path in keep:
            return
        if any(path in kept.parents for kept in keep):
            for inner in list(path.iterdir()) if path.is_dir() else ():
                remove(inner)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, onerror=note)
        else:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                failed[path] = error.strerror or str(error)

    for path in paths:
        remove(path)
    if failed:
        first = min(failed, key=lambda path: -len(path.parts))
        raise Problem(
            f"Not everything could be removed: {first}: {failed[first]}"
            + (f", and {len(failed) - 1} more." if len(failed) > 1 else "."),
            fix=f"Remove it yourself (`rm -rf {first}`), then run this command again.",
        )


def tail(path: Path, lines: int, *, block: int = 65536) -> list[str]:
    """The last lines of a text file, or none where it does not exist."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - block))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-lines:]


def require_room(folder: Path, megabytes: int) -> None:
    """Raise `Problem` where the disk has less room: what would fail later would say it less clearly."""
    free = shutil.disk_usage(folder).free // 1024**2
    if free < megabytes:
        raise Problem(
            f"Only {free} MB are free in {folder}; {megabytes} MB are needed.",
            fix="Free some space, or set BMX_HOME to a folder with room.",
        )
