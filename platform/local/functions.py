"""The processes behind the image functions of a stack on an emulator: one for each container worker."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from infra.naming import LOCAL
from local.files import checksum
from local.paths import Paths
from local.ports import HOST, Ports
from local.probe import answers
from local.processes import Processes, Service, python_module
from local.provider.connection import LOCAL_ACCOUNT, LOCAL_REGION, Aws
from local.reporting import Reporter
from workers.contracts.problem import Problem

if TYPE_CHECKING:
    from infra.workers import Container

READY_SECONDS = 60.0


@dataclass(frozen=True)
class ImageFunctions:
    """Starts and addresses them. A worker's process has the worker's name."""

    paths: Paths
    processes: Processes
    ports: Ports
    stack: str = LOCAL

    def addresses(self) -> dict[str, str]:
        """Function name to its process's address, for every container worker that is declared.

        Known before the functions exist, so that the emulator can be told at its start.
        """
        from infra.naming import Deployment

        deployment = Deployment(self.stack, LOCAL_ACCOUNT, LOCAL_REGION)
        return {deployment.function(name): self._address(name) for name in _containers()}

    def require_ports(self) -> None:
        """Raise `PortTaken` where another program has the address of one of them."""
        for name in _containers():
            self.ports.require_free_unless(
                partial(self.processes.running, name), name, f"the function process {name}"
            )

    def start(self, functions: Mapping[str, str], aws: Aws, report: Reporter) -> None:
        """Run a process for each function (worker to function name) and wait until they answer.

        A function whose configuration or code changed gets a new process. Raises a `Problem` with the end of
        the log of one that does not come up.
        """
        services = [self._service(worker, function, aws) for worker, function in sorted(functions.items())]
        for service in services:
            if not self.processes.running(service.name):
                report.say(f"Starting the function process {service.name}")
            self.processes.start(service)
        for service in services:
            self._wait(service)

    def stop(self, workers: list[str]) -> None:
        """End the processes of these workers."""
        for worker in workers:
            self.processes.stop(worker)

    def _address(self, worker: str) -> str:
        return f"http://{HOST}:{self.ports.get(worker)}"

    def _service(self, worker: str, function: str, aws: Aws) -> Service:
        configuration = aws.call("lambda", "get_function_configuration", FunctionName=function)
        decides = ("Environment", "Role", "Timeout", "MemorySize", "FunctionArn")
        settings = json.dumps({name: configuration.get(name) for name in decides}, sort_keys=True)
        code = checksum(self.paths.workers, self.paths.platform / "local" / "image_function.py")
        return Service(
            name=worker,
            argv=python_module(
                "local.image_function",
                *(worker, function, str(self.ports.get(worker)), f"{checksum(settings)}-{code}"),
            ),
            env={
                **aws.connection.to_environment(),
                "BMX_HOME": str(self.paths.home),
                "BMX_CACHE": str(self.paths.cache),
                "TMPDIR": str(self.paths.tmp),
            },
            cwd=self.paths.home,
            log=self.paths.logs / f"{worker}.log",
            address=self._address(worker),
            grace=5,
        )

    def _wait(self, service: Service) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not answers(service.address):
            status = self.processes.status(service.name)
            if status.pid is None or time.monotonic() > deadline:
                raise Problem(
                    f"The function process {service.name} did not start: "
                    f"{' | '.join(status.last_lines[-2:]) or 'its log is empty'}",
                    fix=f"See {service.log}.",
                )
            time.sleep(0.05)


def ensure_models(paths: Paths, report: Reporter) -> None:
    """Have the models that the workers' images would hold in the cache; made or fetched if they are not."""
    from workers.image_processor.models import ModelStore

    said: set[str] = set()

    def progress(step: str, _share: float) -> None:
        if step not in said:
            said.add(step)
            report.say(step)

    store = ModelStore(paths.models)
    for model in (it for container in _containers().values() for it in container.models):
        store.ensure(model.model, model.precision, progress)


def _containers() -> "dict[str, Container]":
    """The declared workers whose function is an image."""
    from infra.workers import WORKERS, Container

    return {it.name: it.consumer for it in WORKERS if isinstance(it.consumer, Container)}
