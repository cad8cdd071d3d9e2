# ruff: noqa: ARG002, N802 - methods and their arguments are named by the protocol
# ruff: noqa: E402 - what is imported depends on what stands before it
"""`python language_host.py EXEC VERSION ENGINE`: Pulumi's gRPC language runtime for Python.

An engine built from the Go modules has no host for Python programs: the official one is not a module of its
own. This one does what the project's program and policy packs need (protocol: pulumirpc.LanguageRuntime).
EXEC is Pulumi's own `pulumi-language-python-exec`, VERSION the engine's. It prints its port and leaves at
once when it is interrupted, because the engine waits for its hosts. It is run by its path and imports nothing
of the project, because the engine starts it more than once for one operation.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def _leave_out_the_sdk() -> None:
    """Stand in for the packages above the protocol's modules: they import the SDK, half of each start."""
    spec = importlib.util.find_spec("pulumi")
    for home in spec.submodule_search_locations or () if spec else ():
        for name, folder in (("pulumi", Path(home)), ("pulumi.runtime", Path(home, "runtime"))):
            package = types.ModuleType(name)
            package.__path__ = [str(folder)]
            sys.modules.setdefault(name, package)


_leave_out_the_sdk()

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import language_pb2 as language
from pulumi.runtime.proto import language_pb2_grpc, plugin_pb2

SHOWN_TO_THE_USER = 32
"""Exit code of a program that has told the user itself what was wrong."""

MESSAGE_BYTES = 400 * 2**20


class PythonHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs programs (`Run`) and policy packs (`RunPlugin`) in their environment."""

    def __init__(self, launcher: str, version: str, engine: str) -> None:
        self._launcher, self._version, self._engine = launcher, version, engine

    def Handshake(self, request: Any, context: Any) -> Any:
        self._engine = request.engine_address or self._engine
        return language.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        """None to download: the providers of the local stack are on PATH."""
        return language.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        return language.GetRequiredPluginsResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        return language.GetProgramDependenciesResponse()

    def About(self, request: Any, context: Any) -> Any:
        return language.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        return language.RuntimeOptionsResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """The environment is locked and made by the launcher."""
        return iter(())

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Run(self, request: Any, context: Any) -> Any:
        """Run a program to its end."""
        info = request.info
        command = [
            _python(info),
            "-u",
            self._launcher,
            *("--monitor", request.monitor_address),
            *("--engine", self._engine),
            *("--project", request.project),
            *("--stack", request.stack),
            *("--pwd", request.pwd),
            *("--dry_run", str(request.dryRun).lower()),
            *("--parallel", str(request.parallel)),
            *("--organization", request.organization),
            *("--root_directory", info.root_directory),
            str(Path(info.program_directory) / info.entry_point),
            *request.args,
        ]
        environment = {
            **_environment(),
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        done = subprocess.run(command, env=environment, cwd=info.program_directory, check=False)
        if done.returncode == SHOWN_TO_THE_USER:
            return language.RunResponse(bail=True)
        if done.returncode:
            return language.RunResponse(error=f"The program ended with code {done.returncode}")
        return language.RunResponse()

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Run a policy pack or another plugin written in Python; its output is passed on as it comes."""
        info = request.info
        runner = ["-m", "pulumi.policy", *request.args] if request.kind == "analyzer" else []
        arguments = [] if request.kind == "analyzer" else list(request.args)
        process = subprocess.Popen(
            [_python(info), "-u", *runner, info.program_directory, *arguments],
            env={**_environment(), **dict(entry.split("=", 1) for entry in request.env)},
            cwd=request.pwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        context.add_callback(lambda: process.terminate() if process.poll() is None else None)
        output: Any = process.stdout
        while chunk := output.read1(65536):
            yield language.RunPluginResponse(stdout=chunk)
        yield language.RunPluginResponse(exitcode=process.wait())


def _environment() -> dict[str, str]:
    """This process's, with byte code: without it, each run would compile pulumi_aws anew, for seconds."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _python(info: Any) -> str:
    """The interpreter of a program: of the `virtualenv` its project names, else this one."""
    named = dict(info.options.items()).get("virtualenv") if info.options else None
    if named:
        python = Path(info.root_directory) / str(named) / "bin" / "python"
        if python.exists():
            return str(python)
    return sys.executable


def main() -> None:
    """Serve until the engine lets go."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: os._exit(0))
    launcher, version, *rest = sys.argv[1:]
    addresses = [argument for argument in rest if not argument.startswith("-")]
    server = grpc.server(
        ThreadPoolExecutor(16),
        options=[("grpc.max_receive_message_length", MESSAGE_BYTES)],
    )
    host = PythonHost(launcher, version, addresses[-1] if addresses else "")
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
