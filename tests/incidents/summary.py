"""How many unsafe edits each line of defence stopped, said at the end of a run.

A plugin, loaded by tests/conftest.py.
"""

from collections import Counter

import pytest

from tests.incidents.lines import Line

STOPPED_BY = "stopped by"
"""The property of a test's report, which also other processes send: the lines, with a space between."""


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line of figures, where there were such tests."""
    reports = [one for some in terminalreporter.stats.values() for one in some]
    found = [
        str(value).split()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in getattr(report, "user_properties", ())
        if name == STOPPED_BY
    ]
    if not found:
        return
    counts = Counter(line for lines in found for line in lines)
    said = ", ".join(f"{line} {counts[line]}" for line in Line if counts[line])
    several = sum(len(lines) > 1 for lines in found)
    terminalreporter.section("unsafe edits of the program")
    terminalreporter.line(
        f"{sum(map(bool, found))} of {len(found)} stopped: {said}; {several} by more than one line"
    )
