"""What all tests share: under CI nothing may be skipped unseen, and a run without tests is no success."""

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from local.engine import Engine

pytest_plugins = [
    "tests.groups",
    "tests.running_stack",
    "tests.incidents.summary",
    "tests.platform.iam.summary",
]


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
            terminalreporter.section("skipped, which fails under CI except for want of history")
            for reason in self.reasons:
                terminalreporter.line(reason)


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
