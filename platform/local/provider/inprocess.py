"""The fallback where no Pulumi engine is found: the same program, the same provider, in one process.

`apply` runs the program in a process of its own (`python -m local.provider.inprocess`, a request as JSON on
stdin, an answer as JSON on stdout), because Pulumi's runtime keeps its settings for the life of a process.
"""

import asyncio
import contextlib
import json
import logging
import os
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from local.provider.connection import Connection
from workers.contracts import Problem

SECRET = "[secret]"  # noqa: S105 - what is shown instead of one

Say = Callable[[str], None]


def apply(
    program_dir: Path,
    stack: str,
    config: Mapping[str, str],
    connection: Connection,
    state_file: Path,
    say: Say,
    project: str = "bluemoxon",
) -> dict[str, object]:
    """Bring the emulator in line with the program in `program_dir`; the stack's outputs.

    `config` is what Pulumi would pass: full keys (`bluemoxon:workers`), structured values as JSON. The things
    made are remembered in `state_file`; a second run updates them, makes those again that the emulator has
    lost, and deletes those that the program dropped. Secret outputs read `[secret]`. Raises `Problem`.
    """
    outputs = _ask("apply", connection, state_file, say, program_dir, stack, config, project)
    return {str(key): value for key, value in outputs.items()}


def destroy(connection: Connection, state_file: Path, say: Say) -> None:
    """Delete everything that `state_file` remembers, the last made first."""
    _ask("destroy", connection, state_file, say, state_file.parent, "", {}, "")


def _ask(
    action: str,
    connection: Connection,
    state_file: Path,
    say: Say,
    program_dir: Path,
    stack: str,
    config: Mapping[str, str],
    project: str,
) -> dict[str, Any]:
    request = {
        "action": action,
        "connection": asdict(connection),
        "state_file": str(state_file),
        "program_dir": str(program_dir),
        "stack": stack,
        "config": dict(config),
        "project": project,
    }
    roots = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[3])]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "local.provider.inprocess"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*roots, os.environ.get("PYTHONPATH", "")])},
        text=True,
    ) as process:
        said: list[str] = []
        listener = threading.Thread(target=_listen, args=(process, say, said))
        listener.start()
        if process.stdin:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(request))
                process.stdin.close()
        answer = process.stdout.read() if process.stdout else ""
        listener.join()
    if process.returncode == 0:
        outputs: dict[str, Any] = json.loads(answer)["outputs"]
        return outputs
    try:
        fault = json.loads(answer)["problem"]
    except (ValueError, KeyError):
        raise Problem(f"The stack could not be applied: {' '.join(said[-3:])}") from None
    raise Problem(fault["what"], why=fault["why"], fix=fault["fix"])


_STEP = "> "
"""Marks a line on stderr that is a step; the others are the program's and the libraries' own."""


def _listen(process: subprocess.Popen[str], say: Say, said: list[str]) -> None:
    for line in process.stderr or ():
        if line.startswith(_STEP):
            say(line.removeprefix(_STEP).rstrip())
        else:
            said.append(line.rstrip())


def _serve() -> int:
    """The child: one request, one answer."""
    # The SDK is large: compiled once, not at each start, even where the environment asks for no byte code.
    sys.dont_write_bytecode = False
    answer = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr  # the program's own prints must not mix with the answer
    logging.basicConfig(level=logging.WARNING, format=f"{_STEP}%(message)s", stream=sys.stderr)
    request = json.loads(sys.stdin.read())
    try:
        outputs = _run(request)
    except Problem as problem:
        answer.write(json.dumps({"problem": vars(problem)}))
        return 1
    else:
        answer.write(json.dumps({"outputs": outputs}))
        return 0
    finally:
        answer.close()


def _run(request: Mapping[str, Any]) -> dict[str, Any]:
    from local.provider.monitor import ApplyingMonitor, Hooks
    from local.provider.record import Record

    hooks = Hooks()
    monitor = ApplyingMonitor(
        Connection(**request["connection"]),
        request["config"],
        Record(Path(request["state_file"])),
        hooks,
        lambda text: print(f"{_STEP}{text}", file=sys.stderr, flush=True),  # noqa: T201 - read by the parent
    )
    if request["action"] == "apply":
        try:
            _run_program(request, monitor, hooks)
        except Exception as error:
            raise _explained(error, monitor.faults) from error
    monitor.sweep()
    return {
        key: SECRET if key in monitor.outputs.secrets else value
        for key, value in monitor.outputs.values.items()
    }


def _explained(error: Exception, faults: list[BaseException]) -> Problem:
    """The fault that stopped the program, not the exception that Pulumi's runtime made of it."""
    for fault in (*faults, error):
        if isinstance(fault, Problem):
            return fault
    first = faults[0] if faults else error
    return Problem(f"The Pulumi program failed: {type(first).__name__}: {first}")


def _run_program(request: Mapping[str, Any], monitor: Any, hooks: Any) -> None:
    import pulumi
    from pulumi.runtime import mocks, settings
    from pulumi.runtime import stack as runtime_stack

    program = Path(request["program_dir"]) / "__main__.py"
    # As `set_mocks` does, but for the root stack, which `run_in_stack` makes.
    settings.configure(
        mocks.MockSettings(  # type: ignore[no-untyped-call]
            monitor=monitor,
            engine=mocks.MockEngine(logging.getLogger("pulumi")),
            project=request["project"],
            stack=request["stack"],
            root_directory=str(program.parent),
            dry_run=False,
            organization="organization",
            callbacks=hooks,
            outputs=set(),
            lock=threading.Lock(),
            feature_support={},
            package_refs={},
        )
    )
    pulumi.runtime.set_all_config(dict(request["config"]))
    sys.path.insert(0, str(program.parent))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(
            runtime_stack.run_in_stack(lambda: _nothing(runpy.run_path(str(program), run_name="__main__")))
        )
    finally:
        loop.close()


def _nothing(_result: object) -> None:
    """Pulumi would await what a program returns."""


if __name__ == "__main__":
    sys.exit(_serve())
