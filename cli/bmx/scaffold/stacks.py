"""The files of stacks, `Pulumi.{stack}.yaml`, changed as text: their comments are part of them."""

import re
from pathlib import Path

from infra.naming import LOCAL
from workers.contracts.problem import Problem

AWAITING = "awaiting_first_image: true # after the first push: digest: sha256:..."
"""What stands for an image that is not there yet."""

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
    local = stack == LOCAL
    image = f"digest: {NO_IMAGE}" if local else AWAITING
    entry = f"    {worker}:\n      {image}\n"
    images = re.compile(r"(?m)^(  bluemoxon:images:[^\S\n]*\n(?:    .*\n)*)")
    if images.search(changed):
        return images.sub(lambda found: found[1] + entry, changed, count=1)
    return re.sub(r"(?m)^(  bluemoxon:workers:.*\n)", rf"\1  bluemoxon:images:\n{entry}", changed, count=1)


def with_digest(stack: str, text: str, worker: str, digest: str) -> str:
    """A stack's file in which a worker's image is this one; all else, comments included, stays.

    Raises `Problem` for what is no digest and where the worker's image is not in the usual place.
    """
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise Problem(f"`{digest}` is no digest.", fix="One looks like sha256: and 64 hex digits.")
    images = re.search(r"(?m)^  bluemoxon:images:.*\n(?:(?: {4,}.*|[^\S\n]*)\n)*", text)
    entry = re.search(rf"(?m)^    {re.escape(worker)}:.*\n(?: {{6,}}.*\n)*", images[0]) if images else None
    changed, found = re.subn(
        r"(?m)^      (?:awaiting_first_image: *true(?: *# after the first push.*)?|digest: *sha256:\w{64})",
        f"      digest: {digest}",
        entry[0] if entry else "",
    )
    if images is None or entry is None or found != 1:
        raise Problem(
            f"The image of `{worker}` is not found in {file_of(stack)}.",
            why=f"Expected is `    {worker}:` below `  bluemoxon:images:`, and below it "
            "`      awaiting_first_image: true` or `      digest: sha256:…`.",
            fix="Write it so, or put the digest there by hand.",
        )
    return text.replace(images[0], images[0].replace(entry[0], changed))
