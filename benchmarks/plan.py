"""How long a plan of staging takes: `python benchmarks/plan.py [RUNS]`.

Medians of the warm runs, of which each starts every process anew: `bmx plan --stack staging --emulator` with
all that belongs to it, the program alone (with a monitor that does nothing), and beside them a bare `pulumi
preview` of an empty program. Between the first and the last lies what engine, hosts and resources cost.

Each as seconds on the clock, and as seconds of processor of all processes: on a busy machine only these, and
how many times the bare preview's they are, can be compared.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from local.engine import find_engine
from local.engine.cli import Pulumi
from local.paths import REPO, Paths
from local.provider.connection import Connection
from local.reporting import LogReporter

STACK = "staging"
PLAN_SECONDS, PROGRAM_SECONDS = 8.0, 3.0

PROGRAM = f"""
from tests.platform.program import run_program
run_program({STACK!r})
"""


class Cost(NamedTuple):
    """Medians, in seconds."""

    wall: float
    processor: float


def median(command: list[str], environment: dict[str, str], runs: int, cwd: Path = REPO) -> Cost:
    """What a command costs; the first run, which fills caches, is not counted."""
    costs = []
    for _ in range(runs + 1):
        start, used = time.perf_counter(), _children()
        subprocess.run(command, env=environment, cwd=cwd, check=True, capture_output=True)
        costs.append(Cost(time.perf_counter() - start, _children() - used))
    return Cost(*(statistics.median(values) for values in zip(*costs[1:], strict=True)))


def _children() -> float:
    """Processor seconds of every process that has ended and was waited for, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def bare(folder: Path, runs: int) -> Cost:
    """A preview of an empty program, on the same engine and backend."""
    engine = find_engine(Paths.default())
    assert engine, "there is no Pulumi engine: `bmx engine build` makes one"
    source = folder / "empty"
    source.mkdir()
    (source / "Pulumi.yaml").write_text("name: empty\nruntime: python\n")
    (source / "Pulumi.dev.yaml").write_text("config: {}\n")
    (source / "__main__.py").write_text("")
    paths = Paths(home=folder / "bare", cache=Paths.default().cache)
    paths.ensure()
    pulumi = Pulumi(engine, paths, Connection("http://127.0.0.1:1"), "dev", source)
    pulumi.up(LogReporter())
    return median([*pulumi.command, "preview"], {**os.environ, **pulumi.environment()}, runs)


def main(runs: int) -> int:
    """Measure and judge; 0 where both goals are met."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory(prefix="bmx-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        environment["BMX_HOME"] = str(folder / "home")
        plan = [sys.executable, "-m", "bmx", "plan", "--stack", STACK, "--emulator", "--json"]
        fresh = median(plan, environment, runs)
        deploy = [sys.executable, "-m", "bmx", "deploy", "--stack", STACK, "--emulator", "--json"]
        subprocess.run(deploy, env=environment, check=True, capture_output=True)
        deployed = median(plan, environment, runs)
        down = [sys.executable, "-m", "bmx", "down", "--volumes", "--yes"]
        subprocess.run(down, env=environment, check=True, capture_output=True)
        program = median([sys.executable, "-c", PROGRAM], environment, runs)
        empty = bare(folder, runs)
    rows = (
        (f"bmx plan --stack {STACK} --emulator, nothing deployed", fresh, PLAN_SECONDS),
        (f"bmx plan --stack {STACK} --emulator, deployed before", deployed, PLAN_SECONDS),
        (f"the program of {STACK} alone", program, PROGRAM_SECONDS),
        ("pulumi preview of an empty program", empty, None),
    )
    print(f"medians of {runs} runs, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for what, cost, goal in rows:
        limit = "" if goal is None else f"  goal {goal:.0f} s{'' if cost.wall <= goal else ', MISSED'}"
        ratio = cost.processor / empty.processor
        print(f"{cost.wall:6.2f} s  {cost.processor:6.2f} s of processor ({ratio:4.1f} x)  {what}{limit}")
    return int(any(goal is not None and cost.wall > goal for _, cost, goal in rows))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
