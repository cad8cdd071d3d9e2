"""What builds, runs and pushes images here: docker or podman where one answers, else buildah.

Podman and buildah keep their images and layers in the user's cache (`Paths.images`), where they share them;
docker has its own store. No password is put on a command line.
"""

import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from local.files import require_room
from local.paths import Paths
from workers.contracts.problem import Problem

NAMES = ("docker", "podman", "buildah")
ROOM_MB = 4000
_DIGEST = re.compile(r"digest: (sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Build:
    """What an image is made of. `secrets` are files that only commands of the build see, by id."""

    dockerfile: Path
    context: Path
    arguments: Mapping[str, str]
    secrets: Mapping[str, Path]
    folders: Mapping[str, Path]
    """In place of stages of the Dockerfile, by their names."""
    tag: str


@dataclass(frozen=True)
class ImageConfig:
    """How an image wants to be started."""

    id: str
    bytes: int
    command: tuple[str, ...]
    environment: Mapping[str, str]
    user: str
    folder: str


@dataclass(frozen=True)
class Tool:
    """One program. `name` is the program's kind, whatever file it lies in."""

    name: str
    program: str
    paths: Paths
    environment: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def command(self) -> tuple[str, ...]:
        """The program with where it keeps its images."""
        if self.name == "docker":
            return (self.program,)
        store = self.paths.images
        return (self.program, f"--root={store / 'storage'}", f"--runroot={store / 'run'}")

    def build(self, build: Build) -> str:
        """Build for Lambda's x86_64 and give the image's id. Raises `Problem` with the end of the log, which
        is kept whole."""
        self.paths.images.mkdir(parents=True, exist_ok=True)
        require_room(self.paths.images, ROOM_MB)
        arguments = ["build", "--platform=linux/amd64", f"--file={build.dockerfile}", f"--tag={build.tag}"]
        if self.name == "docker":
            # A Lambda function takes a plain manifest, not one with attestations beside it.
            arguments += ["--progress=plain", "--provenance=false", "--network=host"]
        else:
            arguments += ["--layers", "--network=host", f"--ignorefile={build.dockerfile}.dockerignore"]
        if self.name == "buildah":
            arguments.append("--isolation=chroot")
        for name, value in build.arguments.items():
            arguments.append(f"--build-arg={name}={value}")
        for name, folder in build.folders.items():
            arguments.append(f"--build-context={name}={folder}")
        for name, file in build.secrets.items():
            arguments.append(f"--secret=id={name},src={file}")
        log = self.paths.images / "build.log"
        with log.open("wb") as out:
            code = subprocess.run(
                [*self.command, *arguments, str(build.context)],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self._environment(DOCKER_BUILDKIT="1"),
                check=False,
            ).returncode
        if code:
            raise _failed(f"{self.name} could not build {build.tag}", log.read_text("utf-8", "replace"), log)
        return self.config(build.tag).id

    def has(self, reference: str) -> bool:
        """Whether an image of this name is here."""
        return self._run("inspect", "--type=image", reference, check=False).returncode == 0

    def config(self, reference: str) -> ImageConfig:
        """How it is started, and its size. Raises `Problem` for one that is not here."""
        done = self._run("inspect", "--type=image", reference, check=False)
        if done.returncode:
            raise Problem(f"There is no image {reference} here.", fix="Build it first: bmx image build")
        found = json.loads(done.stdout)
        if self.name == "buildah":
            config, identity = found["OCIv1"]["config"], found["FromImageID"]
        else:
            config, identity = found[0]["Config"], found[0]["Id"]
        return ImageConfig(
            id=str(identity).removeprefix("sha256:"),
            bytes=self._bytes(found),
            command=(*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())),
            environment=dict(one.partition("=")[::2] for one in config.get("Env") or ()),
            user=config.get("User") or "0:0",
            folder=config.get("WorkingDir") or "/",
        )

    def import_archive(self, archive: Path, reference: str) -> None:
        """Make an image of one layer from the archive of a file system."""
        if self.name != "buildah":
            self._run("import", str(archive), reference)
            return
        container = self._run("from", "scratch").stdout.strip()
        try:
            self._run("add", "--quiet", container, str(archive), "/")
            self._run("commit", "--quiet", container, reference)
        finally:
            self._run("rm", container, check=False)

    def forget_older(self, days: int) -> None:
        """Remove images and layers in the user's cache that were made that long ago; what is still needed is
        made again."""
        if self.name == "docker":
            return
        as_json = "--json" if self.name == "buildah" else "--format=json"
        for one in json.loads(self._run("images", "--all", as_json).stdout or "[]"):
            found = {str(name).lower(): value for name, value in one.items()}
            if time.time() - float(found["created"]) > days * 24 * 3600:
                self._run("rmi", str(found["id"]), check=False)

    def file(self, reference: str, path: str) -> bytes:
        """The content of one file of an image."""
        if self.name == "buildah":
            with self.container(reference) as container:
                script = ("/bin/sh", "-c", 'cat "$ROOT/$0"', path)
                if os.geteuid():
                    return self._bytes_of(*self.unshared(container), *script)
                with self.mounted(container) as root:
                    return self._bytes_of(*script, ROOT=str(root))
        container = self._run("create", reference).stdout.strip()
        try:
            archive = self._bytes_of(*self.command, "cp", f"{container}:{path}", "-")
        finally:
            self._run("rm", "--force", container, check=False)
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            member = tar.extractfile(Path(path).name)
            return member.read() if member else b""

    def push(self, reference: str, target: str, login: "Login | None" = None) -> str:
        """Push under another name; the digest that the registry knows it by."""
        with tempfile.TemporaryDirectory(prefix="bmx-push-") as folder:
            command = list(self.command)
            options = [] if self.name == "docker" else [f"--digestfile={folder}/digest"]
            if self.name != "docker" and re.match(r"(127\.0\.0\.1|localhost)[:/]", target):
                options.append("--tls-verify=false")
            if login is not None:
                if self.name == "docker":
                    command.insert(1, f"--config={folder}")
                else:
                    options.append(f"--authfile={folder}/config.json")
                Path(folder, "config.json").write_text(login.as_json(), encoding="utf-8")
            if self.name == "buildah":
                arguments = ["push", *options, reference, target]
            else:
                self._run("tag", reference, target)
                arguments = ["push", *options, target]
            done = self._run(*arguments, check=False, command=command)
            if done.returncode:
                raise _failed(f"{target} was not pushed", done.stderr or done.stdout)
            if self.name == "docker":
                said = _DIGEST.search(done.stdout)
                if said is None:
                    raise _failed(f"docker did not say which digest {target} has", done.stdout)
                return said[1]
            return Path(folder, "digest").read_text(encoding="utf-8").strip()

    @contextmanager
    def container(self, reference: str) -> Iterator[str]:
        """A container to be mounted, for buildah; gone afterwards."""
        container = self._run("from", "--pull-never", reference).stdout.strip()
        try:
            yield container
        finally:
            self._run("rm", container, check=False)

    @contextmanager
    def mounted(self, container: str) -> Iterator[Path]:
        """The root of a container's file system, for buildah and root."""
        root = Path(self._run("mount", container).stdout.strip())
        try:
            yield root
        finally:
            self._run("umount", container, check=False)

    def unshared(self, container: str) -> tuple[str, ...]:
        """What runs a command where a container is mounted at `$ROOT`, for buildah without root: only in a
        namespace of one's own can that be done."""
        return (*self.command, "unshare", f"--mount=ROOT={container}", "--")

    def _bytes(self, found: Any) -> int:
        """Of the unpacked layers together."""
        if self.name != "buildah":
            return int(found[0]["Size"])
        name = found["FromImageID"]
        images = json.loads(self._run("images", "--json", "--no-trunc").stdout)
        size = next((one.get("size", "0 B") for one in images if str(one["id"]).endswith(name)), "0 B")
        return _as_bytes(str(size))

    def _run(
        self, *arguments: str, check: bool = True, command: Sequence[str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [*(command or self.command), *arguments],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=self._environment(),
        )
        if check and done.returncode:
            raise _failed(f"{self.name} {arguments[0]} failed", done.stderr or done.stdout)
        return done

    def _bytes_of(self, *command: str, **variables: str) -> bytes:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=self._environment(**variables),
        )
        if done.returncode:
            raise _failed(f"{command[0]} failed", done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def _environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, **self.environment, **more}


@dataclass(frozen=True)
class Login:
    """The way into a registry, as docker, podman and buildah read it from a file."""

    registry: str
    token: str = field(repr=False)
    """`user:password` in base 64."""

    def as_json(self) -> str:
        """The content of such a file."""
        return json.dumps({"auths": {self.registry: {"auth": self.token}}})


def find_tool(paths: Paths, name: str | None = None) -> Tool:
    """The tool of that name, else the first that answers; raises `Problem` where there is none."""
    for candidate in (name,) if name else NAMES:
        program = shutil.which(candidate)
        if program and (candidate == "buildah" or _answers(program)):
            return Tool(candidate, program, paths)
    raise Problem(
        f"There is no {name or 'docker, podman or buildah'} here that answers.",
        fix="Install one (Debian: apt-get install buildah bubblewrap).",
    )


def _answers(program: str) -> bool:
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run([program, "info"], capture_output=True, timeout=15, check=False)
        return done.returncode == 0
    return False


def _as_bytes(size: str) -> int:
    """`536 MB` as buildah prints it."""
    number, _, unit = size.partition(" ")
    return int(float(number) * 1000 ** ("B", "KB", "MB", "GB").index(unit.upper()))


def _failed(what: str, said: str, log: Path | None = None) -> Problem:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return Problem(f"{what}.", why=" | ".join(lines[-3:])[-600:], fix=f"See {log}." if log else "")
