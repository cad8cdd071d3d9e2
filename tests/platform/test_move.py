"""Moving a login from one mode to another, with the real engine."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulated import EmulatedStack
from local.engine import Engine
from local.paths import REPO, Paths
from local.reporting import LogReporter
from operations import changes
from operations.credentials.login import CredentialsProblem, DatabaseAccess
from operations.credentials.move import look, move, settings_file, with_mode
from operations.target import Target, open_target
from workers.contracts import Problem

COMMENTED = """\
config:
  # The database. mode: none of yours
  bluemoxon:database:
    # how
    mode: generated # made here
    name: bluemoxon
  bluemoxon:network:
    mode: create
"""


def test_only_the_mode_of_the_database_is_rewritten() -> None:
    wanted = COMMENTED.replace("mode: generated #", "mode: existing #")
    assert with_mode(COMMENTED, "existing") == wanted
    with pytest.raises(Problem, match="usual place"):
        with_mode("config: {}", "existing")


@pytest.fixture
def generated(engine: Engine) -> Iterator[Target]:
    """Staging with a generated password, deployed from a checkout of the test's own."""
    with tempfile.TemporaryDirectory(prefix="bmx-move-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        checkout = folder / "checkout"
        checkout.mkdir()
        for entry in (*REPO.iterdir(),):
            if entry.name != "Pulumi.staging.yaml":
                (checkout / entry.name).symlink_to(entry)
        text = with_mode((REPO / "Pulumi.staging.yaml").read_text(), "generated")
        (checkout / "Pulumi.staging.yaml").write_text(text)
        paths = Paths(home=folder / "home", cache=Paths.default().cache, repo=checkout)
        stack = EmulatedStack(paths, "staging")
        try:
            with open_target("staging", LogReporter(), emulator=True, keep=True, paths=paths) as target:
                stack.pulumi.up(LogReporter())
                yield target
        finally:
            stack.discard()


def generated_paths(target: Target) -> Paths:
    """The data folder that the stack's own lies in."""
    home = target.paths.home.parent.parent
    return Paths(home=home, cache=target.paths.cache, repo=target.paths.repo)


@pytest.mark.engine
@pytest.mark.local
def test_a_generated_login_goes_on_as_an_existing_one(generated: Target) -> None:
    access = DatabaseAccess.of(generated)
    secret, before = access.read(), settings_file(generated).read_text()
    for mode in ("rds-managed", "external"):
        with pytest.raises(CredentialsProblem, match="not moved"):
            look(access, mode)
    assert len(look(access, "existing").edits) == 4
    assert settings_file(generated).read_text() == before
    done = move(access, "existing")
    assert done.backup
    assert secret.password not in done.backup.read_text()
    assert access.read() == secret
    access.verify()
    left = changes.plan(generated).changes
    assert all(one.operation == "update" and one.type.startswith("aws:iam/") for one in left)
    EmulatedStack(generated_paths(generated), "staging").pulumi.up(LogReporter())
    assert not changes.plan(generated)
    assert access.read() == secret
    access.verify()
    with pytest.raises(Problem):
        look(DatabaseAccess.of(generated), "nonsense")
    types = [
        one["type"]
        for one in json.loads(generated.run("stack", "export").stdout)["deployment"]["resources"]
        if one["urn"].endswith("::database")
    ]
    assert "random:index/randomPassword:RandomPassword" not in types
    assert "aws:rds/instance:Instance" in types
