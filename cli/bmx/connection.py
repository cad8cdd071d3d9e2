"""Where a stack's API is and which key opens it.

The local stack is found where it runs. Of another stack, `~/.bmx/STACK.key` and `~/.bmx/STACK.url` tell,
which `bmx keys save` writes; both are readable by their owner alone.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from bmx.api import Api
from infra.naming import LOCAL
from workers.contracts.problem import Problem


@dataclass(frozen=True, repr=False)
class Place:
    """Where a stack's API is, and the key that opens it."""

    url: str
    key: str


def open_api(stack: str, url: str | None) -> Api:
    """A client of the stack's API; raises `Problem` where its address or key is not known."""
    place = locate(stack, url)
    return Api(place.url, place.key)


def locate(stack: str, url: str | None) -> Place:
    """A stack's address and key; raises `Problem` where one is not known, or the local stack is not up."""
    if stack != LOCAL:
        return Place(url or _address(stack), read_key(stack))
    from local.paths import Paths
    from local.stack import LocalStack

    status = LocalStack(Paths.default()).running()
    if url is not None and url.rstrip("/") != status.api_url.rstrip("/"):
        raise Problem(
            f"The local stack is not at {url}.",
            why="Its key is for this machine alone, and is not sent elsewhere.",
            fix="Name the address's stack: --stack STACK. (BMX_API_URL gives an address, too.)",
        )
    return Place(status.api_url, status.api_key)


def key_file(stack: str) -> Path:
    """The file with the stack's key."""
    if stack == LOCAL:
        from local.paths import Paths

        return Paths.default().api_key
    return _folder() / f"{_plain(stack)}.key"


def read_key(stack: str) -> str:
    """The key of a stack; raises `Problem` where there is none, or others may read it."""
    path = key_file(stack)
    if not path.is_file():
        raise Problem(
            f"There is no key for stack {stack}.",
            why=f"{path} does not exist.",
            fix=f"Save it: bmx keys save --stack {stack} --url ADDRESS, which reads the key from its input.",
        )
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Problem(f"Others may read {path}.", why="It holds a key of the API.", fix=f"chmod 600 {path}")
    return path.read_text(encoding="utf-8").strip()


def save(stack: str, key: str, url: str | None = None) -> Path:
    """Keep a stack's key, and its address if given; the key's file."""
    from local.files import write_atomic

    path = key_file(stack)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(path, key + "\n" if stack != LOCAL else key, mode=0o600)
    if url is not None and stack != LOCAL:
        write_atomic(_folder() / f"{stack}.url", url + "\n", mode=0o600)
    return path


def _address(stack: str) -> str:
    path = _folder() / f"{_plain(stack)}.url"
    if not path.is_file():
        raise Problem(
            f"The address of stack {stack}'s API is not known.",
            why=f"{path} does not exist.",
            fix=f"Give --url, or save it: bmx keys save --stack {stack} --url ADDRESS.",
        )
    return path.read_text(encoding="utf-8").strip()


def _folder() -> Path:
    return Path.home() / ".bmx"


def _plain(stack: str) -> str:
    if not stack.replace("-", "").isalnum():
        raise Problem(f"{stack!r} names no stack.", fix="A stack has letters, digits and dashes.")
    return stack
