"""What all tests share: under CI nothing may be skipped unseen, and a run without tests is no success."""

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from local.engine import Engine

pytest_plugins = ["tests.running_stack"]


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
        if strict and (self.reasons or not self.executed) and not session.config.option.collectonly:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if os.environ.get("CI") == "true" and self.reasons:
            terminalreporter.section("skipped tests fail under CI", red=True)
            for reason in self.reasons:
                terminalreporter.line(reason)


RUNNING_STACK = "the running stack"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests go together where several processes share them: one process has the running stack, the
    longest, which goes first; the other tests of a file stay together, with the fixtures that they share.
    """
    for item in items:
        with_stack = "bmx" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group(RUNNING_STACK if with_stack else str(item.path)))
    items.sort(key=lambda item: "bmx" not in getattr(item, "fixturenames", ()))


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
