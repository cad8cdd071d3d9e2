"""Fetch the official Pulumi CLI into the cache. It comes from Pulumi's own servers, so only when it is
asked for."""

import subprocess
import urllib.error

from local.engine.find import Engine, Origin, folder, pinned_version
from local.paths import Paths
from local.reporting import Reporter
from workers.contracts.problem import Problem


def install(paths: Paths, report: Reporter) -> Engine:
    """The official CLI of the pinned version, downloaded by Pulumi's own installer unless it is there."""
    from pulumi.automation import PulumiCommand
    from semver import VersionInfo

    version = pinned_version()
    root = folder(paths, Origin.INSTALLED)
    executable = root / "bin" / "pulumi"
    if not executable.exists():
        report.say(f"Fetching the Pulumi CLI {version} from get.pulumi.com")
        root.mkdir(parents=True, exist_ok=True)
        try:
            PulumiCommand.install(root=str(root), version=VersionInfo.parse(version))
        except (OSError, urllib.error.URLError, subprocess.CalledProcessError) as error:
            raise Problem(
                f"The Pulumi CLI could not be fetched: {error}",
                why="It comes from get.pulumi.com, which may not be reachable from here.",
                fix="`./bmx engine build` makes the same CLI with Go from the Go module proxy.",
            ) from error
    return Engine(executable, version, Origin.INSTALLED)
