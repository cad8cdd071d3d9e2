"""Any stack in any mode of its database, deployed from a checkout of a test's own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.emulated import EmulatedStack
from local.paths import REPO, Paths
from local.reporting import LogReporter
from operations.credentials.settings import with_mode
from operations.target import Target, emulated_target

ELSEWHERE: dict[str, str | int | bool] = {
    "secret_arn": "arn:aws:secretsmanager:us-west-2:000000000000:secret:elsewhere/database-a1B2c3",
    "host": "elsewhere.cluster-c0ffee123456.us-west-2.rds.amazonaws.com",
}
"""A database of others, for mode `external`."""


def checkout_with(folder: Path, stack: str, settings: str) -> Paths:
    """Below `folder` an empty data folder, and a checkout that has other settings of the stack."""
    folder.chmod(0o755)  # PostgreSQL's own user has to get there
    checkout = folder / "checkout"
    checkout.mkdir()
    file = f"Pulumi.{stack}.yaml"
    for entry in REPO.iterdir():
        if entry.name != file:
            (checkout / entry.name).symlink_to(entry)
    (checkout / file).write_text(settings)
    return Paths(home=folder / "home", cache=Paths.default().cache, repo=checkout)


@contextmanager
def stack_in_mode(stack: str, mode: str) -> Iterator[Target]:
    """The stack with its own settings but for the mode; its emulator runs, and nothing is deployed yet."""
    with tempfile.TemporaryDirectory(prefix="bmx-modes-") as name:
        text = (REPO / f"Pulumi.{stack}.yaml").read_text()
        settings = with_mode(text, mode, ELSEWHERE if mode == "external" else None)
        emulated = EmulatedStack(checkout_with(Path(name), stack, settings), stack)
        try:
            with emulated.session(LogReporter(), keep=True) as pulumi:
                yield emulated_target(pulumi, emulated.paths)
        finally:
            emulated.discard()
