"""Where things lie on this machine: the one home of every path.

Two roots. `home` belongs to a checkout (`<repo>/.bmx`, or `BMX_HOME`) and holds what `bmx down --volumes`
forgets. `cache` belongs to the user (`BMX_CACHE` overrides) and holds what can be made again and is shared
by checkouts.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from workers.contracts.problem import Problem

REPO = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Paths:
    """Absolute paths; nothing is created by naming it. `ensure()` makes the folders of `home`."""

    home: Path
    cache: Path
    repo: Path = REPO

    @classmethod
    def default(cls) -> "Paths":
        """From `BMX_HOME` and `BMX_CACHE`, else `<repo>/.bmx` and the user's cache folder."""
        import platformdirs

        home = os.environ.get("BMX_HOME")
        cache = os.environ.get("BMX_CACHE")
        return cls(
            home=Path(home).expanduser().absolute() if home else REPO / ".bmx",
            cache=Path(cache).expanduser().absolute()
            if cache
            else platformdirs.user_cache_path("bluemoxon").absolute(),
        )

    # home: one stack on this machine

    @property
    def run(self) -> Path:
        """Pid files, locks, local credentials; only for this user's eyes."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def state(self) -> Path:
        """Pulumi's file backend, and the in-process engine's record."""
        return self.home / "state"

    @property
    def emulator_state(self) -> Path:
        return self.home / "emulator"

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def tmp(self) -> Path:
        """Temporary files of the emulator and its functions."""
        return self.home / "tmp"

    @property
    def deploy(self) -> Path:
        """What was applied and deployed last."""
        return self.home / "deploy"

    @property
    def stacks(self) -> Path:
        """Stacks other than the local one on emulators of their own: a home for each, by the stack's name."""
        return self.home / "stacks"

    @property
    def snapshots(self) -> Path:
        """Final snapshots of deleted databases."""
        return self.home / "snapshots"

    @property
    def samples(self) -> Path:
        """The generated listings of `bmx demo`."""
        return self.home / "samples"

    @property
    def demo(self) -> Path:
        """The cutouts of `bmx demo`."""
        return self.home / "demo"

    @property
    def imported(self) -> Path:
        """The cutouts of `bmx import`."""
        return self.home / "imported"

    @property
    def rollback(self) -> Path:
        """Checkouts of the commits that `bmx deploy --rollback` releases, while it does."""
        return self.home / "rollback"

    @property
    def on_aws(self) -> Path:
        """What has to be known of stacks on AWS: it outlives the local stack."""
        return self.home / "aws"

    @property
    def images_pushed(self) -> Path:
        """Which images were pushed from here: a file for each worker."""
        return self.on_aws / "pushed"

    @property
    def ports(self) -> Path:
        return self.home / "ports.json"

    @property
    def stack_lock(self) -> Path:
        return self.run / "stack.lock"

    @property
    def api_key(self) -> Path:
        """The local stack's API key, mode 0600."""
        return self.run / "api-key"

    @property
    def passphrase(self) -> Path:
        """Pulumi's passphrase for the local stack, mode 0600; lives as long as `state` does."""
        return self.state / "passphrase"

    @property
    def uv(self) -> Path:
        """Where the launcher puts uv."""
        return self.repo / ".bmx" / "tools" / "uv" / "bin" / "uv"

    @property
    def tools(self) -> Path:
        """The launcher's, where `home` is the checkout's own; it outlives the stack."""
        return self.home / "tools"

    # cache: made again when lost

    @property
    def models(self) -> Path:
        return self.cache / "models"

    @property
    def engines(self) -> Path:
        return self.cache / "engine"

    @property
    def emulators(self) -> Path:
        return self.cache / "emulator"

    @property
    def packages(self) -> Path:
        return self.cache / "packages"

    @property
    def images(self) -> Path:
        """Container images and their layers, where no docker keeps them."""
        return self.cache / "images"

    # the checkout

    @property
    def requirements(self) -> Path:
        return self.repo / "requirements"

    @property
    def platform(self) -> Path:
        return self.repo / "platform"

    @property
    def app(self) -> Path:
        return self.repo / "app"

    @property
    def workers(self) -> Path:
        return self.repo / "workers"

    @property
    def private(self) -> tuple[Path, ...]:
        """Folders whose files may hold secrets: the emulator's state has every one. `home` is not among them,
        because root's PostgreSQL runs as another user, who must pass through it."""
        return (self.run, self.logs, self.state, self.emulator_state, self.tmp, self.deploy)

    @property
    def made_here(self) -> tuple[Path, ...]:
        """All that bmx puts into `home`: what is forgotten with the stack. `home` may hold others' files."""
        return (
            *(self.emulator_state, self.state, self.postgres, self.stacks, self.snapshots),
            *(self.samples, self.demo, self.imported, self.tmp, self.deploy, self.logs, self.run),
            *(self.ports, self.rollback),
            *self.home.glob(".trash-*"),
        )

    def ensure(self) -> None:
        """Make the folders of `home`; raises `Problem` where that does not work."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            for folder in self.private:
                folder.mkdir(mode=0o700, exist_ok=True)
                if folder.stat().st_mode & 0o077:
                    folder.chmod(0o700)
            # Folders can be there and yet refuse files: read-only file systems, full disks, others' folders.
            (self.run / "written").write_text("")
        except OSError as error:
            raise Problem(
                f"Cannot write to the data folder {self.home}: {error.strerror}.",
                fix="Make it yours and writable, free some space, or set BMX_HOME to another folder.",
            ) from error
