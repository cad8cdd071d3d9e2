"""A new worker: its entry in the declaration, and the skeleton of its code."""

import ast
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from string import Template

from bmx.scaffold import stacks
from infra.naming import LOCAL
from workers.contracts.problem import Problem

DECLARATION = Path("platform/infra/workers.py")
DOCUMENT = Path("docs/workers.md")
CHALICE = Path("app/.chalice/config.json")
TEMPLATES = Path(__file__).parent / "templates"

_CHECK = """
import importlib, json, sys
from infra.config import parse
from infra.naming import Deployment
from infra.workers import WORKERS, check_names
import yaml
name, module, *stacks = sys.argv[1:]
assert name in {worker.name for worker in WORKERS}, "it is not in WORKERS"
check_names(WORKERS, Deployment("staging", "0" * 12, "us-west-2"))
if module:
    importlib.import_module(module)
for stack in stacks:
    config = yaml.safe_load(open(f"Pulumi.{stack}.yaml"))["config"]
    parse(stack, {key: one if isinstance(one, str) else json.dumps(one) for key, one in config.items()})
"""


class Kind(StrEnum):
    """Who empties the queue."""

    CONTAINER = "container"
    CHALICE = "chalice"
    EXTERNAL = "external"


@dataclass(frozen=True)
class NewWorker:
    """What the entry says. Seconds and MB; `memory` counts where the function is ours."""

    name: str
    kind: Kind
    summary: str
    timeout: int = 60
    memory: int = 512
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    results_to: str | None = None
    stacks: tuple[str, ...] = (LOCAL,)

    def entry(self) -> str:
        """Its Python in the declaration."""
        consumer = {
            Kind.CONTAINER: f"Container({json.dumps(f'workers.{self.name}.handler.handler')}, "
            f"timeout={self.timeout}, memory={self.memory})",
            Kind.CHALICE: f"ChaliceHandler(timeout={self.timeout})",
            Kind.EXTERNAL: f"External(timeout={self.timeout})",
        }[self.kind]
        arguments = [json.dumps(self.name), json.dumps(self.summary, ensure_ascii=False), consumer]
        for key, prefixes in (("reads", self.reads), ("writes", self.writes)):
            if prefixes:
                arguments.append(f"{key}=({' '.join(f'{json.dumps(one)},' for one in prefixes)})")
        if self.results_to:
            arguments.append(f"results_to={json.dumps(self.results_to)}")
        return f"    Worker({', '.join(arguments)}),\n"

    def skeleton(self) -> dict[Path, str]:
        """Its files to their templates."""
        package, handlers = Path("workers") / self.name, Path("app/chalicelib/handlers")
        return {
            Kind.CONTAINER: {
                package / "__init__.py": "container/__init__.py",
                package / "handler.py": "container/handler.py",
                package / "Dockerfile": "container/Dockerfile",
                package / "Dockerfile.dockerignore": "container/Dockerfile.dockerignore",
                Path(f"tests/worker/test_{self.name}.py"): "container/test.py",
            },
            Kind.CHALICE: {
                handlers / "__init__.py": "chalice/__init__.py",
                handlers / f"{self.name}.py": "chalice/handler.py",
                Path(f"tests/app/test_{self.name}.py"): "chalice/test.py",
            },
            Kind.EXTERNAL: {},
        }[self.kind]

    @property
    def module(self) -> str:
        """The module with its handler, for containers: Chalice's run in an environment of their own."""
        return f"workers.{self.name}.handler" if self.kind is Kind.CONTAINER else ""


@dataclass
class Made:
    """What was written, relative to the project, and what is left to do."""

    created: list[Path] = field(default_factory=list)
    changed: list[Path] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)


def new_worker(root: Path, new: NewWorker) -> Made:
    """Write entry, skeleton, stacks and docs table into the project at `root`; all of it or nothing.

    Raises `Problem` for a name that is taken or that AWS or Python would refuse, and for files in the way.
    """
    _check(root, new)
    files = {path: _fill(template, new) for path, template in new.skeleton().items()}
    # A package that several workers share is made by the first.
    files = {
        path: text for path, text in files.items() if path.name != "__init__.py" or not (root / path).exists()
    }
    in_the_way = [str(path) for path in files if (root / path).exists()]
    if in_the_way:
        raise Problem(
            f"{', '.join(in_the_way)} is there already.",
            why="Nothing is overwritten.",
            fix="Choose another name, or move it away.",
        )
    edits = {DECLARATION: insert_entry((root / DECLARATION).read_text(encoding="utf-8"), new.entry())}
    for stack in new.stacks:
        path = stacks.file_of(stack)
        text = (root / path).read_text(encoding="utf-8")
        edits[path] = stacks.with_worker(stack, text, new.name, container=new.kind is Kind.CONTAINER)
    if new.kind is Kind.CHALICE:
        edits[CHALICE] = with_function((root / CHALICE).read_text(encoding="utf-8"), new)
    before = {path: (root / path).read_text(encoding="utf-8") for path in (*edits, DOCUMENT)}
    try:
        for path, text in {**edits, **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        _run(
            root,
            "-m",
            "ruff",
            "format",
            "--quiet",
            str(DECLARATION),
            *(str(p) for p in files if p.suffix == ".py"),
        )
        _run(root, "-c", _CHECK, new.name, new.module, *new.stacks)
        _run(root, "-m", "infra.document")
    except BaseException:
        for path, text in before.items():
            (root / path).write_text(text, encoding="utf-8")
        for path in files:
            (root / path).unlink(missing_ok=True)
        _remove_empty(root, files)
        raise
    return Made(sorted(files), sorted(before), _next_steps(new))


def insert_entry(source: str, entry: str) -> str:
    """The declaration with an entry more, at the end of `WORKERS`; everything else stays as it is."""
    for node in ast.parse(source).body:
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id == "WORKERS"
            and isinstance(node.value, ast.Tuple)
            and node.value.end_lineno is not None
        ):
            lines = source.splitlines(keepends=True)
            closing = node.value.end_lineno - 1
            if lines[closing].strip() == ")":
                return "".join([*lines[:closing], entry, *lines[closing:]])
    raise Problem(
        f"The tuple WORKERS is not found in {DECLARATION}.",
        why="It is expected as `WORKERS: tuple[Worker, ...] = (` … with `)` on a line of its own.",
        fix="Add the entry by hand; docs/workers.md shows one.",
    )


def with_function(text: str, new: NewWorker) -> str:
    """Chalice's configuration with the function's time and memory, which its decorator cannot give."""
    config = json.loads(text)
    function = {"lambda_memory_size": new.memory, "lambda_timeout": new.timeout}
    config.setdefault("lambda_functions", {})[new.name] = function
    return json.dumps(config, indent=2, ensure_ascii=False) + "\n"


def _check(root: Path, new: NewWorker) -> None:
    """What the declaration itself refuses, and names that are taken."""
    import keyword

    from infra.workers import WORKERS, ChaliceHandler, Consumer, Container, External, Worker

    consumer: Consumer = External(new.timeout)
    if new.kind is Kind.CONTAINER:
        consumer = Container(f"workers.{new.name}.handler.handler", new.timeout, new.memory)
    elif new.kind is Kind.CHALICE:
        consumer = ChaliceHandler(new.timeout)
    Worker(new.name, new.summary, consumer, reads=new.reads, writes=new.writes, results_to=new.results_to)
    declared = {worker.name for worker in WORKERS}
    if new.name in declared or new.name == "api" or keyword.iskeyword(new.name):
        raise Problem(
            f"A worker cannot be called `{new.name}`.",
            why="The name is taken.",
            fix="Choose another name, like `price_check`.",
        )
    if new.results_to is not None and new.results_to not in declared:
        raise Problem(
            f"There is no worker `{new.results_to}` that results could go to.",
            why=f"Declared are {', '.join(sorted(declared))}.",
            fix="Correct --results-to.",
        )
    for stack in new.stacks:
        if not (root / stacks.file_of(stack)).exists():
            raise Problem(f"There is no stack `{stack}`.", fix="Correct --stack, or run `bmx stack new`.")


def _fill(template: str, new: NewWorker) -> str:
    text = (TEMPLATES / f"{template}.tmpl").read_text(encoding="utf-8")
    return Template(text).substitute(name=new.name, summary=new.summary)


def _run(root: Path, *arguments: str) -> None:
    """Run this environment's Python on the project at `root`, whichever it is itself installed from."""
    roots = (root / part for part in ("cli", "platform", "app", "policies", ""))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(str(one) for one in roots)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=root, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise Problem(
            "The worker was not added; everything is as it was.",
            why=f"The project did not take it: {last}",
            fix="Correct what is named and try again.",
        )


def _remove_empty(root: Path, files: dict[Path, str]) -> None:
    for folder in {(root / path).parent for path in files}:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _next_steps(new: NewWorker) -> list[str]:
    steps = {
        Kind.CONTAINER: [
            f"Write its work: `handle` in workers/{new.name}/handler.py, tests in "
            f"tests/worker/test_{new.name}.py.",
            f"Say in its entry ({DECLARATION}) which prefixes it reads and writes and where results go: "
            "its role has nothing else.",
        ],
        Kind.CHALICE: [
            f"Write its work: `handle` in app/chalicelib/handlers/{new.name}.py, tests in "
            f"tests/app/test_{new.name}.py.",
            f"Register it in app/app.py:\n{_registration(new.name)}",
        ],
        Kind.EXTERNAL: [
            f"Its function may run {new.timeout} seconds: the queue hides a message for six times that.",
            "Give its role ReceiveMessage, DeleteMessage and GetQueueAttributes on the queue; "
            "`pulumi stack output queues` has the ARN.",
        ],
    }[new.kind]
    others = "add it to `bluemoxon:workers` in their Pulumi.STACK.yaml"
    if new.kind is Kind.CONTAINER:
        others += f", and to `bluemoxon:images` as `{new.name}: {{awaiting_first_image: true}}`"
    return [
        *steps,
        f"Other stacks: {others}.",
        "Review what it adds: `BMX_UPDATE_GOLDEN=1 ./bmx test tests/platform -k inventory`, `git diff`.",
        "Try it: `./bmx up`, then `./bmx status`.",
    ]


def _registration(name: str) -> str:
    return (
        f"    from chalicelib.handlers import {name} as {name}_handler\n\n"
        f'    if "{name}" in _QUEUES:  # in the stacks that have this worker\n\n'
        f'        @app.on_sqs_message(queue_arn=_QUEUES["{name}"].arn, batch_size=1, name="{name}")\n'
        f"        def {name}(event: SQSEvent) -> events.BatchReply:\n"
        f"            return {name}_handler.run(\n"
        "                resources.current(),\n"
        '                [(record.to_dict()["messageId"], record.body) for record in event],\n'
        "            )"
    )
