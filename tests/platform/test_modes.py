"""Every stack in every mode of its database: once deployed, nothing is left to change.

Staging goes through all modes in `test_move`; with their own modes, staging and prod are deployed in
`test_stacks`, and local in `tests/local`.
"""

import pytest

from local.reporting import LogReporter
from operations import deploy
from operations.credentials.login import DatabaseAccess
from tests.platform.modes import stack_in_mode

pytestmark = [pytest.mark.engine, pytest.mark.local, pytest.mark.usefixtures("engine")]

CASES = [
    *[("local", mode) for mode in ("existing", "rds-managed", "external")],
    *[("prod", mode) for mode in ("generated", "existing", "rds-managed")],
]


@pytest.mark.parametrize(("stack", "mode"), CASES)
def test_applying_again_changes_nothing_in_any_mode(stack: str, mode: str) -> None:
    with stack_in_mode(stack, mode) as target:
        first, outputs = deploy.apply(target, LogReporter())
        assert set(first.changes) == {"create"}
        assert outputs["database"]["mode"] == mode
        access = DatabaseAccess.of(target)
        before = access.read()
        if mode != "external":  # nobody runs the others' database here
            assert access.verify().username == before.username
        assert (":secret:rds!db-" in access.secret_arn) == (mode == "rds-managed")
        again = target.run("preview", "--refresh", "--expect-no-changes")
        assert again.returncode == 0, again.stdout + again.stderr
        assert access.read() == before
