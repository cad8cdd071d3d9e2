"""`bmx stack new`: a file that the program takes, without a question."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bmx.scaffold.stack import DatabaseMode, NewStack, free_network, new_stack
from infra import faults
from infra.config import parse
from infra.faults import SettingsProblem
from infra.settings import CreatedNetwork, ExistingNetwork
from infra.workers import WORKERS
from operations.credentials.settings import MODES
from tests.platform.program import ROOT, Config, as_pulumi_passes, run_program
from tests.platform.project_copy import copy_project, run_python
from tests.platform.test_judged import judged
from workers.contracts import Problem

SECRET_ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:bluemoxon-review/aurora-a1B2c3"
EXTERNAL = {"secret_arn": SECRET_ARN, "host": "db.example.org"}
EXISTING_NETWORK = {
    "vpc": "vpc-0a1b2c3d",
    "subnets": ("subnet-0a1b2c3d", "subnet-0a1b2c3e"),
    "security_groups": ("sg-0a1b2c3d",),
}


def made(root: Path, new: NewStack) -> Config:
    loaded: Config = yaml.safe_load((root / new_stack(root, new)).read_text())["config"]
    return loaded


def test_with_nothing_but_a_name_the_stack_is_complete_and_breaks_no_rule(tmp_path: Path) -> None:
    config = made(tmp_path, NewStack("review"))
    run = run_program("review", config)
    assert set(run.outputs["queues"]) == {worker.name for worker in WORKERS}
    assert run.outputs["database"]["mode"] == "rds-managed"
    assert run.of("Budget")
    assert judged("review", run) == []


def test_the_modes_are_the_same_everywhere() -> None:
    """Those of the settings' classes; an enum for the command line and a message spell them out again."""
    assert set(DatabaseMode) == set(MODES)
    assert faults.MODES["database"] == ", ".join(MODES)


@pytest.mark.parametrize("mode", list(DatabaseMode))
def test_every_database_mode_can_be_chosen(mode: DatabaseMode, tmp_path: Path) -> None:
    more: dict[str, Any] = EXTERNAL if mode is DatabaseMode.EXTERNAL else {}
    config = made(tmp_path, NewStack("review", database=mode, **more))
    assert parse("review", as_pulumi_passes(config))[0].database.mode == mode


def test_everything_that_is_said_is_written(tmp_path: Path) -> None:
    new = NewStack(
        "review",
        "eu-central-1",
        workers=("image_processing",),
        emails=("ops@example.org",),
        monthly_usd=7,
        upload_origins=("https://books.example.org",),
        repository="owner/name",
        state_bucket="owner-state",
        **EXISTING_NETWORK,  # type: ignore[arg-type]
    )
    settings, region = parse("review", as_pulumi_passes(made(tmp_path, new)))
    assert region == "eu-central-1"
    assert settings.workers == ("image_processing",), "the results' queue comes along by itself"
    assert isinstance(settings.network, ExistingNetwork)
    assert settings.network.subnet_ids == EXISTING_NETWORK["subnets"]
    assert settings.alarms.emails == ("ops@example.org",)
    assert settings.budget.monthly_usd == 7
    assert settings.storage.upload_origins == ("https://books.example.org",)
    assert settings.deploy is not None
    assert (settings.deploy.repository, settings.deploy.environment) == ("owner/name", "review")
    assert settings.deploy.state_bucket == "owner-state"


def test_two_new_stacks_have_networks_that_do_not_overlap(tmp_path: Path) -> None:
    networks = []
    for name in ("one", "two", "three"):
        network = parse(name, as_pulumi_passes(made(tmp_path, NewStack(name))))[0].network
        assert isinstance(network, CreatedNetwork)
        networks.append(network.cidr)
    assert networks == ["10.40.0.0/20", "10.41.0.0/20", "10.42.0.0/20"]
    assert free_network(ROOT) != "10.40.0.0/20", "staging's"


REFUSED: list[tuple[Callable[[], NewStack], str]] = [
    (lambda: NewStack("Review"), "cannot be a stack's name"),
    (lambda: NewStack("my_stack"), "cannot be a stack's name"),
    (lambda: NewStack("../x"), "cannot be a stack's name"),
    (lambda: NewStack("staging-image"), "cannot be a stack's name"),
    (lambda: NewStack("a" * 34), "too long"),
    (lambda: NewStack("review", region="nowhere"), "no region of AWS"),
    (lambda: NewStack("review", workers=("nobody",)), "no worker `nobody`"),
    (lambda: NewStack("review", database=DatabaseMode.EXTERNAL), "secret_arn"),
    (lambda: NewStack("review", emails=("ops",)), "emails"),
    (lambda: NewStack("review", vpc="vpc-0a1b2c3d"), "subnet_ids"),
    (lambda: NewStack("review", repository="owner"), "OWNER/NAME"),
    (lambda: NewStack("review", monthly_usd=0), "monthly_usd"),
]


@pytest.mark.parametrize(("new", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_what_the_program_would_refuse_is_not_written(
    new: Callable[[], NewStack], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(Problem) as caught:
        new_stack(tmp_path, new())
    assert reason in str(caught.value) + caught.value.fix
    assert list(tmp_path.iterdir()) == []


def test_a_value_cannot_add_settings_of_its_own(tmp_path: Path) -> None:
    with pytest.raises((SettingsProblem, Problem)):
        new_stack(tmp_path, NewStack("review", emails=("ops@example.org]\n  bluemoxon:logs: [",)))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.review.yaml").write_text("mine\n")
    with pytest.raises(Problem, match="there already"):
        new_stack(tmp_path, NewStack("review"))
    assert (tmp_path / "Pulumi.review.yaml").read_text() == "mine\n"


def test_the_command_says_what_is_next_and_warns_that_nobody_hears_alarms(tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    done = run_python(root, "-m", "bmx", "stack", "new", "review", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (root / answer["data"]["created"][0]).is_file()
    assert any("--emulator" in step for step in answer["data"]["next"])
    assert any("alarms" in warning for warning in answer["warnings"])
    again = run_python(root, "-m", "bmx", "stack", "new", "review", "--json")
    assert again.returncode == 1
    assert "there already" in json.loads(again.stdout)["error"]["message"]
