"""`bmx credentials …` on a stack that a test has open."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from bmx.main import app
from operations import target as targets
from operations.target import Target


def credentials(target: Target, *arguments: str) -> dict[str, Any]:
    """The data of `bmx credentials ARGUMENTS --json`, which must succeed and print one envelope.

    A fixture holds the stack's lock, so that the command gets its stack from here instead of opening it.
    """

    @contextmanager
    def opened(stack: str, *_: object, **options: object) -> Iterator[Target]:
        assert (stack, options["emulator"]) == (target.stack, True)
        yield target

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(targets, "open_target", opened)
        command = ["credentials", *arguments, "--stack", target.stack, "--emulator", "--json"]
        done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n") == 1, done.stdout
    envelope = json.loads(done.stdout)
    assert (envelope["command"], envelope["status"]) == (f"credentials {arguments[0]}", "ok"), envelope
    data: dict[str, Any] = envelope["data"]
    return data
