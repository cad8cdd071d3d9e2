"""One deployed and used stack of each kind; the mutation run's figures at the end of the test run."""

from collections.abc import Iterator

import pytest

from tests.platform.iam.proof import Proof, table
from tests.platform.iam.run import Run, worked

PROOFS: list[Proof] = []


@pytest.fixture(scope="session")
def staging(engine: object) -> Iterator[Run]:
    with worked("staging") as run:
        yield run


@pytest.fixture(scope="session")
def prod(engine: object) -> Iterator[Run]:
    with worked("prod") as run:
        yield run


@pytest.fixture(params=["staging", "prod"])
def each(request: pytest.FixtureRequest) -> Run:
    """Each of the two."""
    found: Run = request.getfixturevalue(request.param)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Killed and total of every policy."""
    if PROOFS:
        terminalreporter.section("IAM: rights taken away one by one, killed/total")
        for line in table(PROOFS):
            terminalreporter.line(line)
