"""THE declaration: every worker, once.

From an entry here come its queue and dead-letter queue, their policies, alarms and row of the dashboard, its
function, role, log group and event source mapping where it is a container, the API's grants and `BMX_QUEUES`,
and with them the health check, the admin page's row and the docs table. A stack's `bluemoxon:workers` says
which of them it has. `bmx worker new` adds an entry.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from infra import timeouts
from infra.naming import Deployment
from workers.contracts import HeldModel, Problem, QueueConfig, Queues

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_HANDLER = re.compile(r"[a-z_]\w*(\.[a-z_]\w*)+")
_SUMMARY = re.compile(r"""(?!.*"{3})[^\\\n]{1,256}""")
_SECRET = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PREFIX = re.compile(r"([A-Za-z0-9._-]+/)+")

ConsumerKind = Literal["container", "chalice", "external"]


@dataclass(frozen=True, slots=True)
class Container:
    """A Lambda function from this worker's image in ECR, by digest. Sizes in MB, times in seconds.

    `handler` is what the image runs, as a dotted path: `workers.NAME.handler.handler`. `models` are what the
    image holds to cut out with; the API takes no recipe that wants another.
    """

    handler: str
    timeout: int
    memory: int
    ephemeral_storage: int = 512
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    batch_size: int = 1
    batch_window: int = 0
    max_concurrency: int = 10
    models: tuple[HeldModel, ...] = ()
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
    this one finds out, `secrets` the secrets of the stack that it may read: `dealers` for
    `bluemoxon-{stack}/dealers`. They matter for containers: they become the role's grants. The function is
    told its stack, the bucket and the queue of its results; a secret it asks for by name.
    """

    name: str
    summary: str
    consumer: Consumer
    max_receive: int = 3
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    results_to: str | None = None
    secrets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse with `Problem` what AWS would refuse, when the declaration is read."""
        for what, allowed, right in _limits(self):
            if not right:
                raise Problem(
                    f"The declaration of worker `{self.name}` has a wrong {what}.",
                    why=f"AWS takes {allowed}.",
                    fix="Correct its entry in platform/infra/workers.py.",
                )

    @property
    def visibility_timeout(self) -> int:
        """Seconds that a received message stays hidden; derived, never typed in."""
        return timeouts.visibility_timeout(self.consumer.timeout, self.consumer.batch_window)

    def function(self, deployment: Deployment) -> str | None:
        """The name of the function that consumes the queue; None where it is not ours to name."""
        if isinstance(self.consumer, Container):
            return deployment.function(self.name)
        return deployment.chalice_function(self.name) if self.consumer.kind == "chalice" else None

    def queue_config(self, deployment: Deployment) -> QueueConfig:
        """What the application has to know of the queue."""
        queue = deployment.queue(self.name)
        return QueueConfig(
            queue=queue,
            arn=deployment.queue_arn(queue),
            dlq=deployment.dlq(self.name),
            consumer=self.consumer.kind,
            visibility_timeout=self.visibility_timeout,
            max_receive=self.max_receive,
            models=self.consumer.models if isinstance(self.consumer, Container) else (),
        )


def _limits(worker: Worker) -> Iterator[tuple[str, str, bool]]:
    """What is limited, to what, and whether the worker keeps to it."""
    consumer, prefixes = worker.consumer, worker.reads + worker.writes
    yield "name", "lower-case letters, digits and underscores", bool(_NAME.fullmatch(worker.name))
    yield "summary", "one line of 1 to 256 characters", bool(_SUMMARY.fullmatch(worker.summary))
    yield "timeout", "1 to 900 seconds", 1 <= consumer.timeout <= timeouts.LAMBDA_MAX_TIMEOUT
    yield "batch_window", "0 to 300 seconds", 0 <= consumer.batch_window <= 300
    yield "max_receive", "1 to 1000 tries", 1 <= worker.max_receive <= 1000
    yield "prefix", "prefixes like `books/`", all(_PREFIX.fullmatch(prefix) for prefix in prefixes)
    yield "secret", "names like `dealer-login`", all(_SECRET.fullmatch(name) for name in worker.secrets)
    if isinstance(consumer, Container):
        yield (
            "handler",
            "a dotted path like `workers.name.handler`",
            bool(_HANDLER.fullmatch(consumer.handler)),
        )
        yield "memory", "128 to 10240 MB", 128 <= consumer.memory <= 10240
        yield "ephemeral_storage", "512 to 10240 MB", 512 <= consumer.ephemeral_storage <= 10240
        yield "max_concurrency", "2 to 1000", 2 <= consumer.max_concurrency <= 1000
        largest = 10_000 if consumer.batch_window else 10
        yield "batch_size", "1 to 10, or to 10000 with a batch_window", 1 <= consumer.batch_size <= largest


WORKERS: tuple[Worker, ...] = (
    Worker(
        "image_processing",
        "Cuts the book out of its photo and writes cutout, display image and thumbnail.",
        Container(
            "workers.image_processor.handler.handler",
            timeout=120,
            memory=3008,
            ephemeral_storage=1024,
            models=(HeldModel(model="u2net", precision="int8"),),
        ),
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


def select(names: Iterable[str], declared: Sequence[Worker] | None = None) -> tuple[Worker, ...]:
    """The workers of a stack that configures `names`, in the order of `declared` (else `WORKERS`).

    A worker that results go to comes along by itself. Raises `Problem` for a name that is not declared.
    """
    declared = WORKERS if declared is None else declared
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


def check_names(workers: Iterable[Worker], deployment: Deployment) -> None:
    """Raise `Problem` for a name that is too long for AWS, before anything is created."""
    deployment.images_bucket()
    for worker in workers:
        deployment.queue(worker.name)
        deployment.dlq(worker.name)
        function = worker.function(deployment)
        if function is not None:
            deployment.log_group(function)


def container_of(name: str) -> Container:
    """The container that a declared worker is; raises `Problem` for an unknown name and for another kind."""
    consumer = next(worker.consumer for worker in select([name]) if worker.name == name)
    if not isinstance(consumer, Container):
        raise Problem(
            f"The worker {name} is no container.",
            why="Only a container's image is built, or run by a process on one machine.",
            fix="Look at its entry in platform/infra/workers.py.",
        )
    return consumer
