"""Which tests go together where several processes share them, in which order, and how long each group took.

A plugin, loaded by tests/conftest.py. The tests of a file go together, with the fixtures that they share;
so do files that need something which is slow to start, which then is started once.
"""

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.paths import REPO

TESTS = REPO / "tests"
SHARED = {
    "from tests.running_stack import": "the running stack",
    "from tests.incidents.conftest import": "incidents",
    "from tests.incidents.ground import": "incidents",
}
"""What a file imports that needs what its group has started."""
FOLDERS = ("platform/iam", "image")
"""Folders whose `conftest.py` starts something once for all their files."""
LONGEST: tuple[str, ...] = (
    *("the running stack", "incidents", "platform/test_release.py", "platform/iam", "platform/test_move.py"),
    *("platform/test_stacks.py", "platform/test_chalice.py", "platform/test_modes.py", "image"),
    *("app/test_release_before.py", "local/test_emulator.py", "app/test_kill_points.py"),
)
"""These begin, longest first, so that no process is left alone with one of them at the end."""
REPORTED_SECONDS = 5.0


@cache
def group_of(file: Path) -> str:
    """The group of a file of tests."""
    text = file.read_text(encoding="utf-8")
    shared = next((group for line, group in SHARED.items() if line in text), None)
    file = file.resolve()
    inside = file.relative_to(TESTS).as_posix() if file.is_relative_to(TESTS) else str(file)
    folder = next((it for it in FOLDERS if inside.startswith(f"{it}/")), None)
    return shared or folder or inside


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the groups that take longest."""
    items.sort(key=lambda item: _rank(group_of(item.path)))


def _rank(group: str) -> int:
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """How xdist hands out the tests, in the order of their collection; its own groups end in `@group` of each
    test's id, which this pytest's plugins do not understand.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):  # type: ignore[misc]  # xdist is untyped
        def _split_scope(self, nodeid: str) -> str:
            return group_of(config.rootpath / nodeid.split("::")[0])

    # Without it, the groups with the most tests begin, which are quick ones.
    config.option.loadscopereorder = False
    return Groups(config, log)


class Times:
    """The seconds of each group, of all processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seconds: dict[str, float] = defaultdict(float)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[group_of(self.root / report.nodeid.split("::")[0])] += report.duration

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A line for each group that took long."""
        longest = sorted(self.seconds.items(), key=lambda it: -it[1])
        shown = [(group, seconds) for group, seconds in longest if seconds >= REPORTED_SECONDS]
        if shown:
            terminalreporter.section("seconds of each group of tests")
            for group, seconds in shown:
                terminalreporter.line(f"{seconds:7.0f}  {group}")


def pytest_configure(config: pytest.Config) -> None:
    """Watch the clock in every run."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Times(config.rootpath), "bluemoxon-times")
