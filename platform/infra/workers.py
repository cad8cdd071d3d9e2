"""THE declaration: every worker, once.

From an entry here come its queue and dead-letter queue, their policies and alarms, its function, role, log
group and event source mapping where it is a container, the API's grants and `BMX_QUEUES`, and with them the
health check, the admin page's row and the docs table. A stack's `bluemoxon:workers` says which of them it
has.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from infra import timeouts
from infra.naming import Deployment
from workers.contracts import Problem, QueueConfig, Queues

ConsumerKind = Literal["container", "chalice", "external"]


@dataclass(frozen=True, slots=True)
class Container:
    """A Lambda function from this worker's image in ECR, by digest. Sizes in MB, times in seconds."""

    timeout: int
    memory: int
    ephemeral_storage: int = 512
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    batch_size: int = 1
    batch_window: int = 0
    max_concurrency: int = 10
    kind: Literal["container"] = "container"


@dataclass(frozen=True, slots=True)
class ChaliceHandler:
    """An `on_sqs_message` handler of the Chalice application, which runs under the API role."""

    timeout: int
    batch_window: int = 0
    kind: Literal["chalice"] = "chalice"


@dataclass(frozen=True, slots=True)
class External:
    """A function deployed elsewhere; here is only its queue. `timeout` is that function's."""

    timeout: int
    batch_window: int = 0
    kind: Literal["external"] = "external"


Consumer = Container | ChaliceHandler | External


@dataclass(frozen=True, slots=True)
class Worker:
    """A queue and who empties it.

    `reads` and `writes` are key prefixes in the images bucket, `results_to` the worker whose queue takes what
    this one finds out. They matter for containers: they become the role's grants and the function's
    environment.
    """

    name: str
    summary: str
    consumer: Consumer
    max_receive: int = 3
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    results_to: str | None = None

    @property
    def visibility_timeout(self) -> int:
        """Seconds that a received message stays hidden; derived, never typed in."""
        return timeouts.visibility_timeout(self.consumer.timeout, self.consumer.batch_window)

    def queue_config(self, deployment: Deployment) -> QueueConfig:
        """What the application has to know of the queue."""
        return QueueConfig(
            queue=deployment.queue(self.name),
            dlq=deployment.dlq(self.name),
            consumer=self.consumer.kind,
            visibility_timeout=self.visibility_timeout,
            max_receive=self.max_receive,
        )


WORKERS: tuple[Worker, ...] = (
    Worker(
        "image_processing",
        "Cuts the book out of its photo and writes cutout, display image and thumbnail.",
        Container(timeout=120, memory=3008, ephemeral_storage=1024),
        reads=("books/",),
        writes=("books/",),
        results_to="image_results",
    ),
    Worker(
        "image_results",
        "Applies what the image worker found to jobs, images and books.",
        ChaliceHandler(timeout=60),
        max_receive=5,
    ),
    Worker("eval_runbook", "Scores a book against the acquisition runbook.", External(timeout=300)),
    Worker("tracking_worker", "Follows parcels of bought books.", External(timeout=120)),
    Worker("analysis", "Writes the long analysis of a book.", External(timeout=600)),
)


def select(names: Iterable[str], declared: Sequence[Worker] = WORKERS) -> tuple[Worker, ...]:
    """The workers of a stack that configures `names`, in the order of the declaration.

    A worker that results go to comes along by itself. Raises `Problem` for a name that is not declared.
    """
    by_name = {worker.name: worker for worker in declared}
    wanted: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in by_name:
            raise Problem(
                f"There is no worker `{name}`.",
                why=f"Declared are {', '.join(by_name)}.",
                fix="Correct the name, or declare the worker in platform/infra/workers.py.",
            )
        if name not in wanted:
            wanted.add(name)
            results_to = by_name[name].results_to
            todo += [results_to] if results_to else []
    return tuple(worker for worker in declared if worker.name in wanted)


def queues(workers: Iterable[Worker], deployment: Deployment) -> Queues:
    """The application's `BMX_QUEUES`."""
    return Queues({worker.name: worker.queue_config(deployment) for worker in workers})
