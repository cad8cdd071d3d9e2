"""An image as Lambda runs it: a read-only root, its own small /tmp, no rights, no other user's processes.

docker and podman do that themselves. For buildah, bubblewrap does, on the mounted image. The network is this
machine's, because Lambda's Runtime API and the emulator are on 127.0.0.1.
"""

import os
import secrets
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from operations.image.tools import ImageConfig, Tool
from workers.contracts.problem import Problem

TMP_MB = 512
"""Lambda's smallest /tmp."""


@dataclass(frozen=True)
class Sandbox:
    """A command that starts the image, and the environment to start it with."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]

    def start(self, log: Path) -> "subprocess.Popen[bytes]":
        """The process; what it says goes to `log`."""
        with log.open("wb") as out:
            return subprocess.Popen(
                self.argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )


@contextmanager
def sandbox(
    tool: Tool, reference: str, variables: Mapping[str, str], command: tuple[str, ...] | None = None
) -> Iterator[Sandbox]:
    """The image with these variables in its environment, to be started once; cleaned up afterwards.

    `command` is run instead of what the image runs. No value of a variable is on a command line.
    """
    config = tool.config(reference)
    if tool.name == "buildah":
        yield from _with_bubblewrap(tool, reference, config, variables, command or config.command)
    else:
        yield from _with_engine(tool, reference, variables, command)


def _with_engine(
    tool: Tool, reference: str, variables: Mapping[str, str], command: tuple[str, ...] | None
) -> Iterator[Sandbox]:
    name = f"bmx-{secrets.token_hex(6)}"
    argv = [*tool.command, "run", "--rm", f"--name={name}", "--network=host", "--ipc=none", "--read-only"]
    argv += [f"--tmpfs=/tmp:rw,mode=1777,size={TMP_MB}m", "--cap-drop=ALL"]
    argv += ["--security-opt=no-new-privileges", *(f"--env={variable}" for variable in variables)]
    if tool.name == "podman":
        argv.append("--read-only-tmpfs=false")
    if command:
        argv.append(f"--entrypoint={command[0]}")
    argv += [reference, *(command or ())[1:]]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    try:
        yield Sandbox(tuple(argv), {**kept, **variables})
    finally:
        removal = [*tool.command, "rm", "--force", name]
        subprocess.run(removal, capture_output=True, check=False, stdin=subprocess.DEVNULL)


def _with_bubblewrap(
    tool: Tool,
    reference: str,
    config: ImageConfig,
    variables: Mapping[str, str],
    command: tuple[str, ...],
) -> Iterator[Sandbox]:
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        raise Problem("buildah needs bubblewrap to run an image.", fix="Debian: apt-get install bubblewrap")
    # The user is taken on inside, where rights to change it are dropped with it.
    user, _, group = config.user.partition(":")
    inside = ["/usr/bin/setpriv", f"--reuid={user}", f"--regid={group or user}", "--clear-groups"]
    inside += ["--no-new-privs", "--", *command]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **config.environment, **variables}
    with tool.container(reference) as container:
        if os.geteuid() == 0:
            with tool.mounted(container) as root:
                argv = (bubblewrap, *_restrictions(str(root), config.folder), "--", *inside)
                yield Sandbox(argv, environment)
        else:
            arguments = [*_restrictions("ROOT", config.folder), "--", *inside]
            script = shlex.join([bubblewrap, *arguments]).replace(" ROOT ", ' "$ROOT" ', 1)
            kept = {name: os.environ[name] for name in ("HOME", "XDG_RUNTIME_DIR") if name in os.environ}
            argv = (*tool.unshared(container), "/bin/sh", "-c", f"exec {script}")
            yield Sandbox(argv, {**kept, **environment})


def _restrictions(root: str, folder: str) -> list[str]:
    return [
        *("--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"),
        *("--perms", "1777", "--size", str(TMP_MB * 2**20), "--tmpfs", "/tmp"),  # noqa: S108 - Lambda's
        *("--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf", "--chdir", folder),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--new-session"),
        *("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
    ]
