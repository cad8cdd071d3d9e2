"""How many unsafe edits each line of defence stopped, said at the end of a run.

A plugin, loaded by tests/conftest.py.
"""

from collections import Counter

import pytest

from tests.incidents.lines import Line
from tests.reported import properties

STOPPED_BY = "stopped by"
"""A test's property: the lines, with a space between."""


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line of figures, where there were such tests."""
    found = [value.split() for value in properties(terminalreporter, STOPPED_BY)]
    if not found:
        return
    counts = Counter(line for lines in found for line in lines)
    said = ", ".join(f"{line} {counts[line]}" for line in Line if counts[line])
    several = sum(len(lines) > 1 for lines in found)
    terminalreporter.section("unsafe edits of the program")
    terminalreporter.line(
        f"{sum(map(bool, found))} of {len(found)} stopped: {said}; {several} by more than one line"
    )
