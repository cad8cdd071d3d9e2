"""How many rights of each policy were taken away and noticed, said at the end of a run.

A plugin, loaded by tests/conftest.py.
"""

import pytest

KILLED = "iam: killed/total"
"""The property of a test's report, which also other processes send: the lines of a table."""


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A table for each stack, where there were such tests."""
    reports = [one for some in terminalreporter.stats.values() for one in some]
    tables = [
        str(value)
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in getattr(report, "user_properties", ())
        if name == KILLED
    ]
    if tables:
        terminalreporter.section("IAM: rights taken away one by one, killed/total")
    for table in tables:
        terminalreporter.write_line(table)
