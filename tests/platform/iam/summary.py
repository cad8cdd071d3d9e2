"""How many rights of each policy were taken away and noticed, said at the end of a run.

A plugin, loaded by tests/conftest.py.
"""

import pytest

from tests.reported import properties

KILLED = "iam: killed/total"
"""A test's property: the lines of a table."""


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A table for each stack, where there were such tests."""
    tables = properties(terminalreporter, KILLED)
    if tables:
        terminalreporter.section("IAM: rights taken away one by one, killed/total")
    for table in tables:
        terminalreporter.write_line(table)
