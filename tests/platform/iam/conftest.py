"""One deployed and used stack of each kind."""

from collections.abc import Iterator

import pytest

from tests.platform.iam.run import Run, worked


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
