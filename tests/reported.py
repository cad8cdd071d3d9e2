"""What tests said about themselves beside passing, by `user_properties`, which also other processes send."""

import pytest


def properties(terminalreporter: pytest.TerminalReporter, name: str) -> list[str]:
    """The values of a property of all tests that were run, in their order."""
    reports = [one for some in terminalreporter.stats.values() for one in some]
    return [
        str(value)
        for report in reports
        if getattr(report, "when", "") == "call"
        for found, value in getattr(report, "user_properties", ())
        if found == name
    ]
