"""The files of stacks, `Pulumi.{stack}.yaml`, changed as text: their comments are part of them."""

import re
from pathlib import Path

from workers.contracts.problem import Problem

NO_IMAGE = "sha256:" + "0" * 64
"""Where no image is pulled, on one laptop; the policies refuse it everywhere else."""


def file_of(stack: str) -> Path:
    """A stack's file, relative to the project."""
    return Path(f"Pulumi.{stack}.yaml")


def with_worker(stack: str, text: str, worker: str, *, container: bool) -> str:
    """A stack's file with a worker more, and the entry for its image where it is a container."""
    changed, found = re.subn(
        r"(?m)^(  bluemoxon:workers: \[[^\]\n]*?),?\s*\]", rf"\1, {worker}]", text, count=1
    )
    if not found:
        raise Problem(
            f"The workers of stack `{stack}` are not found in {file_of(stack)}.",
            why="They are expected as `  bluemoxon:workers: [one, other]`, on one line.",
            fix="Write them so, or add the worker there by hand and give another --stack.",
        )
    changed = changed.replace("workers: [, ", "workers: [")
    if not container:
        return changed
    local = stack == "local"
    image = (
        f"digest: {NO_IMAGE}"
        if local
        else "awaiting_first_image: true # after the first push: digest: sha256:..."
    )
    entry = f"    {worker}:\n      {image}\n"
    images = re.compile(r"(?m)^(  bluemoxon:images:[^\S\n]*\n(?:    .*\n)*)")
    if images.search(changed):
        return images.sub(lambda found: found[1] + entry, changed, count=1)
    return re.sub(r"(?m)^(  bluemoxon:workers:.*\n)", rf"\1  bluemoxon:images:\n{entry}", changed, count=1)
