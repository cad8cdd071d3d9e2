"""What all tests share: under CI nothing may be skipped unseen, and a run without tests is no success."""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from local.engine import Engine

pytest_plugins = ["tests.running_stack", "tests.incidents.summary"]


WITHOUT_HISTORY = "the checkout has no history"
"""The one reason for which a test may be skipped under CI: a shallow clone is nobody's mistake."""


class _Skips:
    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.executed = 0

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.reasons.append(f"{report.nodeid}: {reason}")
        elif report.when == "call":
            self.executed += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        strict = os.environ.get("CI") == "true"
        unexcused = [it for it in self.reasons if WITHOUT_HISTORY not in it]
        if strict and (unexcused or not self.executed) and not session.config.option.collectonly:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if os.environ.get("CI") == "true" and self.reasons:
            terminalreporter.section("skipped: fails under CI, but for want of history", red=True)
            for reason in self.reasons:
                terminalreporter.line(reason)


RUNNING_STACK = "the running stack"
INCIDENTS = "the stacks of the incidents"
SHARED = {
    "from tests.running_stack import": RUNNING_STACK,
    "from tests.incidents.conftest import": INCIDENTS,
    "from tests.incidents.ground import": INCIDENTS,
}
"""What a file imports that needs something which is slow to start and is started once."""


@cache
def _group(file: Path) -> str:
    """Which tests go together where several processes share them.

    Those of a file, with the fixtures that they share; and all that need one of `SHARED`, which then is
    started once.
    """
    text = file.read_text()
    return next((group for line, group in SHARED.items() if line in text), str(file))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the running stack: it takes longest."""
    items.sort(key=lambda item: _group(item.path) != RUNNING_STACK)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """How xdist hands out the tests; its own groups are not understood by this pytest."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):  # type: ignore[misc]  # xdist is untyped
        def _split_scope(self, nodeid: str) -> str:
            return _group(config.rootpath / nodeid.split("::")[0])

    return Groups(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Watch for skips in every run."""
    config.pluginmanager.register(_Skips(), "bluemoxon-skips")


@pytest.fixture(scope="session")
def engine() -> "Engine":
    """The real Pulumi engine of this machine."""
    from local.engine import find_engine
    from local.paths import Paths

    found = find_engine(Paths.default())
    if found is None:
        pytest.skip("needs: the Pulumi engine (`bmx engine build` or `bmx engine install`)")
    return found
