"""Every command, as the command line itself lists them."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bmx.main import app
from chalicelib.version import VERSION


def _commands(command: Any, path: str = "bmx") -> Iterator[tuple[str, Any]]:
    """The command and all below it, groups included; typer's own class of commands has no public name."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, f"{path} {name}")


ALL = dict(_commands(typer.main.get_command(app)))
LEAVES = {path: command for path, command in ALL.items() if not getattr(command, "commands", {})}


def test_there_are_commands() -> None:
    assert {"bmx demo", "bmx up", "bmx cutout", "bmx jobs retry", "bmx plan check"} <= LEAVES.keys()


@pytest.mark.parametrize("path", ALL)
def test_each_says_what_it_does_and_gives_an_example_of_itself(path: str) -> None:
    command = ALL[path]
    assert command.help
    assert path in (command.epilog or ""), command.epilog


@pytest.mark.parametrize("path", LEAVES)
def test_each_can_answer_programs(path: str) -> None:
    options = [name for parameter in LEAVES[path].params for name in parameter.opts]
    assert "--json" in options


def test_it_says_which_version_it_is() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert (said.exit_code, said.output) == (0, f"bmx {VERSION}\n")
