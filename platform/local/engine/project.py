"""The Pulumi project of the local stack, in a folder of its own.

The engine writes the salt of the stack's encryption into its settings file. For the local stack that would
change the checkout, so the engine works on a copy of `Pulumi.yaml` and `Pulumi.local.yaml` whose program is
the checkout's.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.files import write_atomic
from local.paths import Paths
from workers.contracts.problem import Problem

SALT = "encryptionsalt"
IMAGES = "bluemoxon:images"
AWAITED = {"awaiting_first_image": True}
STAND_IN = {"digest": f"sha256:{hashlib.sha256(b'stand-in for a first image').hexdigest()}"}
"""What an emulator runs for an image that is awaited: it runs none, so the name is all that is needed."""


@dataclass(frozen=True)
class Project:
    """One stack of the project under `folder`; `source` is the folder with the real `Pulumi.yaml`."""

    source: Path
    folder: Path
    stack: str

    @property
    def name(self) -> str:
        """The project's name, as in `Pulumi.yaml`."""
        return str(_load(self.source / "Pulumi.yaml")["name"])

    @property
    def settings(self) -> Path:
        """The stack's settings as the engine reads them."""
        return self.folder / f"Pulumi.{self.stack}.yaml"

    def config(self) -> dict[str, str]:
        """The stack's settings as a program gets them: full keys, structured values as JSON.

        What `Pulumi.yaml` sets for every stack comes first, as the engine has it.
        """
        shared = _load(self.source / "Pulumi.yaml").get("config") or {}
        own = _load(self.source / f"Pulumi.{self.stack}.yaml").get("config") or {}
        found: dict[str, str] = {}
        for key, value in {**shared, **own}.items():
            if key in shared and key not in own and isinstance(value, dict):
                value = value.get("value", value.get("default"))
            full = key if ":" in key else f"{self.name}:{key}"
            found[full] = value if isinstance(value, str) else json.dumps(value)
        return found

    def stand_in(self) -> bool:
        """Name, in the copy alone, `STAND_IN` as the image of every worker that awaits its first one.

        It stays there until the settings name an image. Returns whether the copy had none before.
        """
        before = _load(self.settings)
        self.write(stand_ins=True)
        return _load(self.settings) != before

    def write(self, *, stand_ins: bool = False) -> None:
        """Bring the copy up to date; what the engine added to it stays, and what `stand_in` put there."""
        import yaml

        project = _load(self.source / "Pulumi.yaml")
        project["main"] = str((self.source / str(project.get("main", "."))).resolve())
        runtime = project.get("runtime")
        if isinstance(runtime, dict):
            options = runtime.get("options") or {}
            if "virtualenv" in options:
                options["virtualenv"] = str(self.source / str(options["virtualenv"]))
        settings = _load(self.source / f"Pulumi.{self.stack}.yaml")
        settings.pop(SALT, None)
        if self.settings.exists():
            copy = _load(self.settings)
            if SALT in copy:
                settings[SALT] = copy[SALT]
            stand_ins = stand_ins or STAND_IN in _images(copy).values()
        if stand_ins:
            images = _images(settings)
            images.update({name: dict(STAND_IN) for name, image in images.items() if image == AWAITED})
        write_atomic(self.folder / "Pulumi.yaml", yaml.safe_dump(project, sort_keys=False))
        write_atomic(self.settings, yaml.safe_dump(settings, sort_keys=False))


def require_settings(repo: Path, stack: str) -> None:
    """Raise `Problem` for a stack that the project has no settings of."""
    if not (repo / f"Pulumi.{stack}.yaml").exists():
        raise Problem(
            f"There is no stack `{stack}`: no Pulumi.{stack}.yaml.",
            fix=f"Name one that there is, or make it with `bmx stack new {stack}`.",
        )


def ensure_passphrase(paths: Paths) -> Path:
    """The file with the passphrase that encrypts secrets in the local stack's state; made once, mode 0600."""
    if not paths.passphrase.exists():
        write_atomic(paths.passphrase, secrets.token_urlsafe(32), mode=0o600)
    return paths.passphrase


def _images(settings: dict[str, Any]) -> dict[str, Any]:
    images = (settings.get("config") or {}).get(IMAGES)
    return images if isinstance(images, dict) else {}


def _load(path: Path) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Problem(
            f"{path} does not exist.", why="The engine needs it.", fix="Restore it from git."
        ) from None
    return data if isinstance(data, dict) else {}
