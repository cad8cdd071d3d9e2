"""The documentation as a site, by mkdocs in an environment of its own."""

import os
import subprocess
from pathlib import Path

from local.paths import Paths
from local.reporting import Reporter
from local.toolbox import locked_environment
from workers.contracts.problem import Problem


def build(project: Path, site: Path, paths: Paths, report: Reporter) -> None:
    """Build the `mkdocs.yml` of `project` into `site`.

    Raises a `Problem` with what mkdocs says of a broken link, a page that no menu names, or anything else.
    """
    python = locked_environment(
        paths, paths.requirements / "docs.txt", paths.cache / "docs", report, what="the documentation"
    )
    # Not `--quiet`: then mkdocs counts no warnings, and `--strict` lets all of them pass.
    done = subprocess.run(
        [str(python), "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=project,
        # A notice of the theme's makers about another program of theirs.
        env={**os.environ, "NO_MKDOCS_2_WARNING": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if line and not line.startswith("INFO")]
        raise Problem("The documentation cannot be built.", why="\n".join(said), fix="Mend it in docs/.")
