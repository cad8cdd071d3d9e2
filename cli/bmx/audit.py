"""Known vulnerabilities of everything that is locked, asked of the package index by pip-audit.

Whoever cannot be asked has not said that all is well: a package without an answer is *unknown*, never fine.
"""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.contracts.problem import Problem


@dataclass(frozen=True)
class Vulnerability:
    """One that a locked version has, and the versions that do not have it."""

    lock: str
    package: str
    version: str
    id: str
    fixed_in: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {**self.__dict__, "fixed_in": list(self.fixed_in)}


@dataclass(frozen=True)
class Audit:
    """What was found, how many packages were judged, and of which nothing is known."""

    vulnerabilities: tuple[Vulnerability, ...]
    judged: int
    unknown: tuple[str, ...]


def audit(python: Path, locks: Iterable[Path]) -> Audit:
    """Ask for each lock, by the Python that has pip-audit; raises `Problem` where that says nothing."""
    found: list[Vulnerability] = []
    unknown: set[str] = set()
    judged: set[tuple[str, str]] = set()
    for lock in locks:
        command = [str(python), "-m", "pip_audit", "--requirement", str(lock), "--disable-pip"]
        command += ["--require-hashes", "--format", "json", "--progress-spinner", "off"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        for package in _packages(done.stdout, done.stderr, lock):
            name = str(package["name"])
            if "skip_reason" in package:
                unknown.add(name)
                continue
            version = str(package["version"])
            judged.add((name, version))
            found += [
                Vulnerability(lock.name, name, version, str(one["id"]), tuple(one.get("fix_versions") or ()))
                for one in package.get("vulns", ())
            ]
    return Audit(tuple(found), len(judged), tuple(sorted(unknown)))


def _packages(stdout: str, stderr: str, lock: Path) -> list[dict[str, Any]]:
    try:
        packages: list[dict[str, Any]] = json.loads(stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        said = stderr.strip().splitlines()
        raise Problem(
            f"{lock.name} could not be audited.",
            why=said[-1] if said else "pip-audit said nothing.",
            fix="Check that pypi.org is reachable; `./bmx dev lock` makes a lock anew.",
        ) from None
    return packages
