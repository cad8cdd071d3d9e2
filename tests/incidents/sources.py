"""Copies of the Pulumi program in which something was edited."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from local.paths import REPO

PROGRAM = Path("platform")
STAGING = "Pulumi.staging.yaml"
DIGEST = "sha256:" + "0123456789abcdef" * 4

GITHUB = "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"
"""An account can have it once only, and there are several stacks here."""


@dataclass(frozen=True)
class Edit:
    """One place in a file of the checkout, and what stands there instead."""

    file: str
    old: str
    new: str

    def apply(self, text: str) -> str:
        """The edited text; `old` has to be there exactly once, or the edit is not the one that was meant."""
        count = text.count(self.old)
        assert count == 1, f"{self.file}: {self.old!r} is there {count} times"
        return text.replace(self.old, self.new)


def infra(module: str, old: str, new: str) -> Edit:
    """An edit of a module of the program."""
    return Edit(f"{PROGRAM}/infra/{module}", old, new)


DEPLOYED = (
    Edit(STAGING, "mode: existing", "mode: generated"),
    Edit(
        STAGING, "awaiting_first_image: true # after the first push: digest: sha256:...", f"digest: {DIGEST}"
    ),
    Edit(STAGING, "environment: staging", f"environment: staging\n    oidc_provider_arn: {GITHUB}"),
)
"""Staging as it is some time after its first deployment, with a password of its own."""


def applied(edits: Iterable[Edit]) -> dict[str, str]:
    """The edited files' texts; fails where an edit does not fit, by itself or after the ones before it."""
    texts: dict[str, str] = {}
    for edit in edits:
        text = texts[edit.file] if edit.file in texts else (REPO / edit.file).read_text()
        texts[edit.file] = edit.apply(text)
    return texts


def copy(target: Path, stack: str, edits: Iterable[Edit]) -> Path:
    """The project in `target`: links to the checkout's files, and the edited ones.

    Its one stack is `stack`, with staging's settings.
    """
    edited = applied((*DEPLOYED, *edits))
    for folder in (PROGRAM, PROGRAM / "infra"):
        (target / folder).mkdir(parents=True)
        for source in (REPO / folder).glob("*.py"):
            (target / folder / source.name).symlink_to(source)
    for name in ("Pulumi.yaml", ".venv"):
        (target / name).symlink_to(REPO / name)
    for file, text in edited.items():
        path = target / file if file != STAGING else target / f"Pulumi.{stack}.yaml"
        path.unlink(missing_ok=True)
        path.write_text(text)
    return target
