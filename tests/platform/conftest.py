"""What tests of the Pulumi program share."""

import pytest

from infra.naming import Deployment
from tests.platform.program import ACCOUNT, Config, Run, run_program, stack_config

STACKS = ("local", "staging", "prod")


@pytest.fixture
def deployment() -> Deployment:
    return Deployment("staging", ACCOUNT, "us-west-2")


@pytest.fixture
def staging() -> Config:
    """Staging's configuration, to be changed by a test."""
    return stack_config("staging")


@pytest.fixture(scope="session")
def runs() -> dict[str, Run]:
    """The program run for every stack with the configuration in its file."""
    return {stack: run_program(stack) for stack in STACKS}
