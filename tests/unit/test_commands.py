"""Every command, as the command line itself lists them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bmx.main import app
from chalicelib.version import VERSION
from local.paths import REPO


def _commands(command: Any, path: str = "bmx") -> Iterator[tuple[str, Any]]:
    """The command and all below it, groups included; typer's own class of commands has no public name."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, f"{path} {name}")


ALL = dict(_commands(typer.main.get_command(app)))
LEAVES = {path: command for path, command in ALL.items() if not getattr(command, "commands", {})}


@pytest.mark.parametrize(("typed", "offered"), [("bmx dep", "deploy"), ("bmx jobs re", "retry")])
def test_a_shell_completes_commands(typed: str, offered: str) -> None:
    asked = {"_BMX_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = CliRunner().invoke(app, [], env=asked, prog_name="bmx")
    assert offered in done.output.split()


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


WRITTEN = re.compile(r"(?:\./|`|^)bmx((?: [a-z][a-z-]*)+)((?: --[a-z-]+)*)", re.MULTILINE)
"""A command as people write it: in a block, or in backticks; up to what is its own argument."""


@pytest.mark.parametrize(
    "page", [REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))], ids=lambda it: it.name
)
def test_what_a_page_tells_people_to_run_is_there(page: Path) -> None:
    for words, options in WRITTEN.findall(page.read_text(encoding="utf-8")):
        path = "bmx"
        for word in words.split():
            if path in LEAVES:
                break
            path += f" {word}"
        assert path in ALL, f"{page.name} names {path}"
        known = {name for parameter in ALL[path].params for name in parameter.opts}
        assert set(options.split()) <= known, f"{page.name}: {path}{options}"


def test_it_says_which_version_it_is() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert (said.exit_code, said.output) == (0, f"bmx {VERSION}\n")
