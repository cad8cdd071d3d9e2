"""`bmx engine env`: plain `pulumi` in any program's folder, policy packs included."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.paths import REPO

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

PACK = """\
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def long_enough(args, report):
    if args.resource_type == "random:index/randomPassword:RandomPassword" and args.props["length"] < 16:
        report("A password has 16 characters at least.")

PolicyPack(
    name="small",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[ResourceValidationPolicy("long", "Passwords are long", long_enough)],
)
"""

PROGRAM = """\
import pulumi
import pulumi_random as random

made = random.RandomPassword("password", length=pulumi.Config().require_int("length"))
pulumi.export("length", made.length)
"""


class Shell:
    """Somebody's shell after `eval "$(bmx engine env)"`, in a folder."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        own = {**os.environ, "BMX_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "bmx", "engine", "env", "--json"]
        said = subprocess.run(command, env=own, capture_output=True, text=True, check=True).stdout
        self.variables = {**own, **json.loads(said)["data"]["environment"]}

    def pulumi(self, *arguments: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
        command = ["/bin/sh", "-c", 'exec pulumi "$@"', "sh", *arguments, "--non-interactive"]
        return subprocess.run(
            command,
            cwd=folder or self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    program, pack = tmp_path / "program", tmp_path / "pack"
    program.mkdir()
    pack.mkdir()
    (program / "Pulumi.yaml").write_text("name: elsewhere\nruntime: python\n")
    (program / "__main__.py").write_text(PROGRAM)
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (pack / "__main__.py").write_text(PACK)
    return Shell(program, tmp_path / "home")


def test_another_program_and_its_policy_pack_run(shell: Shell) -> None:
    assert shell.pulumi("stack", "init", "dev").returncode == 0
    assert shell.pulumi("config", "set", "length", "8").returncode == 0
    pack = ("--policy-pack", str(shell.folder.parent / "pack"))
    refused = shell.pulumi("up", "--yes", *pack)
    assert refused.returncode != 0
    assert "A password has 16 characters at least." in refused.stdout
    assert shell.pulumi("config", "set", "length", "20").returncode == 0
    done = shell.pulumi("up", "--yes", *pack)
    assert done.returncode == 0, done.stdout + done.stderr
    assert shell.pulumi("stack", "output", "length").stdout.strip() == "20"
    assert shell.pulumi("destroy", "--yes").returncode == 0


def test_in_the_checkout_pulumi_works_on_a_copy(shell: Shell) -> None:
    before = (REPO / "Pulumi.local.yaml").read_bytes()
    for folder in (REPO, REPO / "platform"):
        done = shell.pulumi("config", "--stack", "local", "--json", folder=folder)
        if "no stack named" in done.stderr:
            assert shell.pulumi("stack", "init", "local", folder=folder).returncode == 0
            done = shell.pulumi("config", "--stack", "local", "--json", folder=folder)
        assert "bluemoxon:workers" in json.loads(done.stdout), done.stderr
    assert (REPO / "Pulumi.local.yaml").read_bytes() == before
