"""The base image: one that is named by its digest, else Debian's Python made from the machine's own mirror.

The second is for machines that reach Debian but no registry of images. Mirror, proxies and other settings are
apt's; none of them stays in the image.
"""

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from local.files import checksum
from local.paths import Paths
from local.reporting import Reporter
from operations.image.tools import Tool
from workers.contracts.problem import Problem

SUITE = "bookworm"
"""Debian's release, whose Python is the 3.11 that the image is locked for."""

_BUILD = "python3-venv"
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
_RECIPE = (
    "--variant=minbase",
    # Without both, a package that merges /usr brings all of Perl.
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    f"--include=usr-is-merged,python3,ca-certificates,{_BUILD}",
    *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
    "--dpkgopt=force-unsafe-io",  # what is lost in a crash is made again
    '--customize-hook=cd "$1" && rm -rf etc/apt/sources.list etc/apt/apt.conf.d/99mmdebstrap '
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap var/lib/apt/lists/* var/cache/apt/*",
    # What the hooks have mounted is not part of it, and counts as changed while it is read.
    '--customize-hook=tar -C "$1" --one-file-system --numeric-owner -cf "$BMX_FOLDER/build.tar" . '
    "|| [ $? -eq 1 ]",
    f'--customize-hook=chroot "$1" dpkg --purge {_BUILD} python3.11-venv python3-pip-whl '
    "python3-setuptools-whl",
)
"""For mmdebstrap: first the system with pip, then the same without."""

KEPT_DAYS = 30
"""After which a base is made again, for Debian's updates."""

_NAMED = re.compile(r"\S+@sha256:[0-9a-f]{64}")
_NAME = "localhost/bluemoxon/base"


@dataclass(frozen=True)
class Base:
    """What the image stands on; `build` is the same system with pip, for the stages that install."""

    runtime: str
    build: str


def base_of(tool: Tool, reference: str | None, report: Reporter, *, fresh: bool = False) -> Base:
    """The base named by `reference`, or the one made here, which is kept until `fresh` asks for a new one.

    Raises `Problem` for a reference without a digest, and where no base can be made.
    """
    if reference is not None:
        if not _NAMED.fullmatch(reference):
            raise Problem(
                f"{reference} does not say which image it means: a tag can move.",
                fix="Name it by its digest: python:3.11-slim-bookworm@sha256:… (`docker buildx imagetools "
                "inspect python:3.11-slim-bookworm` shows it).",
            )
        return Base(reference, reference)
    inputs = checksum(SUITE, *_RECIPE)
    base = Base(f"{_NAME}:{inputs}", f"{_NAME}-build:{inputs}")
    folder = tool.paths.images / "base" / inputs
    archives = (folder / "runtime.tar", folder / "build.tar")
    made = fresh or any(_is_old(archive) for archive in archives)
    if made:
        _make(tool.paths, folder, report)
    if made or not (tool.has(base.runtime) and tool.has(base.build)):
        for archive, name in zip(archives, (base.runtime, base.build), strict=True):
            tool.import_archive(archive, name)
    return base


def _is_old(archive: Path) -> bool:
    return not archive.exists() or time.time() - archive.stat().st_mtime > KEPT_DAYS * 24 * 3600


def _make(paths: Paths, folder: Path, report: Reporter) -> None:
    """Both archives, with everything that apt says is newest; they appear when they are whole."""
    report.say(f"Making the base image from Debian {SUITE} (once)")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as scratch:
        settings = Path(scratch, "apt.conf")
        settings.write_text(_ask("apt-config", "dump", "Acquire"), encoding="utf-8")
        command = ["mmdebstrap", *_RECIPE, f"--aptopt={settings}"]
        command += [SUITE, f"{scratch}/runtime.tar", *_sources()]
        log = paths.images / "base.log"
        with log.open("wb") as out:
            code = subprocess.run(
                command,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "BMX_FOLDER": scratch},
                check=False,
            ).returncode
        if code:
            raise Problem(
                "The base image could not be made from Debian's packages.",
                why=" | ".join(log.read_text("utf-8", "replace").splitlines()[-3:]),
                fix=f"See {log}; or name a base with --base.",
            )
        for name in ("build.tar", "runtime.tar"):
            Path(scratch, name).replace(folder / name)


def _sources() -> list[str]:
    """apt's lines for `SUITE`, its updates and its security updates, from this machine's mirror."""
    targets = _ask(
        "apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"
    )
    codename = _codename()
    found = set()
    for line in targets.splitlines():
        site, release, component = line.split()
        if component == "main" and release.split("-")[0] == codename:
            found.add(f"deb {site} {release.replace(codename, SUITE)} main")
    if not found:
        raise _no_base("This machine's apt knows no mirror of Debian.")
    return sorted(found)


def _codename() -> str:
    fields = dict(
        line.partition("=")[::2] for line in Path("/etc/os-release").read_text("utf-8").splitlines()
    )
    if fields.get("ID") != "debian":
        raise _no_base("Only Debian's own apt knows where Debian's packages are.")
    return fields["VERSION_CODENAME"]


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise _no_base(f"{error}.") from error


def _no_base(why: str) -> Problem:
    return Problem(
        "No base image is named, and none can be made here.",
        why=why,
        fix="Name one with --base python:3.11-slim-bookworm@sha256:…",
    )
