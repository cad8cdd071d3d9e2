"""`bmx bench worker`: the image worker beside the bare network, OpenVINO and rembg, all in turn in one run.

Each contender is a process of its own (`benchmarks/worker_contender.py`). Time is given as a ratio to the
bare fp32 network on onnxruntime, on the clock and in processor time: on a machine that does other work too,
the second is the steadier one.
"""

import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from local.image_function import function_environment
from local.paths import Paths
from local.reporting import Reporter
from local.toolbox import locked_environment
from operations.image.trial import WORKER, surroundings
from workers.contracts.problem import Problem
from workers.image_processor.models import ModelStore

BASE, OURS = "bare-fp32", "worker"
SIZES = {"2 MP": (1600, 1200), "12 MP": (4000, 3000)}
ENGINES = (BASE, "bare-int8", "openvino-int8")
PEERS = ("rembg", "rembg-matting")
NAMES = {
    BASE: "u2net fp32 alone, onnxruntime",
    "bare-int8": "u2net int8 alone, onnxruntime",
    "openvino-int8": "u2net int8 alone, OpenVINO",
    OURS: "this worker, bytes to three files",
    "rembg": "rembg",
    "rembg-matting": "rembg with alpha matting",
}
_TELLING_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
"""Of a CPU, as Linux names them: they decide what int8 gains."""


@dataclass
class Seen:
    """What one contender took: seconds for each warm round, and its whole life."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    start: float = 0.0
    """From the start of its process to its first result, on the clock."""
    start_processor: float = 0.0
    peak_mb: float = 0.0

    @property
    def wall_median(self) -> float:
        return statistics.median(self.wall)

    @property
    def processor_median(self) -> float:
        return statistics.median(self.processor)


@dataclass
class Starts:
    """New processes: until the handler's first result at 2 MP, and until it is imported and no more."""

    first_result: list[Seen] = field(default_factory=list)
    imported: list[Seen] = field(default_factory=list)


@dataclass
class Bench:
    """All that was measured, and on what."""

    cpu: str
    flags: tuple[str, ...]
    cores: int
    load: tuple[float, float]
    """Load average before and after."""
    sizes: dict[str, dict[str, Seen]]
    starts: Starts


class Contender:
    """A running contender."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.seen = Seen()
        self._log = log
        begun = time.monotonic()
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        self.seen.start_processor = self._answer()["spent"]
        self.seen.start = time.monotonic() - begun

    def work(self) -> None:
        """One more round, counted."""
        found = self._answer(b"\n")
        self.seen.wall.append(found["wall"])
        self.seen.processor.append(found["processor"])

    def end(self) -> None:
        """Let it tell its peak memory and end."""
        said, _ = self._process.communicate()
        self.seen.peak_mb = float(json.loads(said)["peak_mb"])

    def stop(self) -> None:
        """End it, whatever it is doing."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _answer(self, asked: bytes = b"") -> dict[str, float]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a contender has no pipes")
        self._process.stdin.write(asked)
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise Problem("A contender ended early.", why=said[-1] if said else "It said nothing.")
        answer: dict[str, float] = json.loads(line)
        return answer


@dataclass(frozen=True)
class _Arena:
    """Where contenders run: both Pythons, the models, a scratch folder."""

    paths: Paths
    store: ModelStore
    peers: Path
    folder: Path

    def enter(self, kind: str, source: Path, environment: dict[str, str] | None = None) -> Contender:
        own = kind in (OURS, BASE, "bare-int8", "handler", "import")
        script = self.paths.repo / "benchmarks" / "worker_contender.py"
        command = [
            sys.executable if own else str(self.peers),
            str(script),
            kind,
            str(self.store.folder),
            str(source),
        ]
        # rembg looks for its network here, compares its checksum and fetches nothing.
        variables = {
            **os.environ,
            "ORT_DISABLE_TELEMETRY": "1",
            "U2NET_HOME": str(self.folder),
            **(environment or {}),
        }
        return Contender(command, variables, self.folder / f"{kind}.log")


def measure(
    paths: Paths, report: Reporter, *, rounds: int, sizes: Sequence[str] = tuple(SIZES), peers: bool = True
) -> Bench:
    """Run all contenders `rounds` times in turn after a first time each that is not counted.

    Takes the fp32 and the int8 network from the cache; raises `Problem` where a contender fails.
    """
    store = ModelStore(paths.models)
    for precision in ("fp32", "int8"):
        store.ensure("u2net", precision)
    python = locked_environment(
        paths, paths.requirements / "bench.txt", paths.cache / "bench", report, what="rembg and OpenVINO"
    )
    cpu, flags = _cpu()
    before = os.getloadavg()[0]
    with TemporaryDirectory(prefix="bmx-bench-") as name:
        folder = Path(name)
        (folder / "u2net.onnx").symlink_to(store.path("u2net", "fp32"))
        arena = _Arena(paths, store, python, folder)
        found = {size: _race(arena, size, rounds, report, peers=peers) for size in sizes}
        report.say("Starting the handler")
        starts = _starts(arena, rounds, report)
    return Bench(cpu, flags, os.cpu_count() or 1, (before, os.getloadavg()[0]), found, starts)


def _race(arena: _Arena, size: str, rounds: int, report: Reporter, *, peers: bool) -> dict[str, Seen]:
    source = arena.folder / f"{size.replace(' ', '')}.jpg"
    source.write_bytes(photo(SIZES[size]))
    kinds = (*ENGINES, OURS, *(PEERS if peers else ()))
    with ExitStack() as stack:
        running: dict[str, Contender] = {}
        for kind in kinds:
            report.say(f"{size}: {NAMES[kind]}, first time")
            running[kind] = arena.enter(kind, source)
            stack.callback(running[kind].stop)
        for turn in range(rounds):
            report.say(f"{size}: round {turn + 1} of {rounds}")
            for contender in running.values():
                contender.work()
        for contender in running.values():
            contender.end()
        return {kind: contender.seen for kind, contender in running.items()}


def _starts(arena: _Arena, rounds: int, report: Reporter) -> Starts:
    """The handler with a real message, against an emulator that holds the photo and takes the outputs."""
    starts = Starts()
    with surroundings(arena.paths, WORKER, report) as around:
        job = around.send(photo(SIZES["2 MP"]), "bench")
        record = {
            "messageId": "1",
            "receiptHandle": "1",
            "body": job.model_dump_json(),
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-west-2:000000000000:jobs",
            "awsRegion": "us-west-2",
        }
        event = arena.folder / "event.json"
        event.write_text(json.dumps({"Records": [record]}), encoding="utf-8")
        environment = {
            **function_environment(around.configuration, around.aws.connection),
            **around.session(),
            "BMX_MODEL_DIR": str(arena.store.folder),
        }
        for turn in range(rounds + 1):
            with _ended(arena.enter("handler", event, environment)) as first:
                if turn:
                    starts.first_result.append(first.seen)
            with _ended(arena.enter("import", event)) as only:
                if turn:
                    starts.imported.append(only.seen)
    return starts


@contextmanager
def _ended(contender: Contender) -> Iterator[Contender]:
    try:
        yield contender
        contender.end()
    finally:
        contender.stop()


def photo(size: tuple[int, int]) -> bytes:
    """A JPEG of a generated book: the same scene in every size."""
    from PIL import Image

    from workers.samples.generator import generate

    out = io.BytesIO()
    drawn = Image.fromarray(generate(9, size=(1600, 1200), background="wood", pose="lying").image)
    drawn.resize(size, Image.Resampling.LANCZOS).save(out, "JPEG", quality=92)
    return out.getvalue()


def _cpu() -> tuple[str, tuple[str, ...]]:
    """The processor's name and those of its features that int8 lives by; empty where Linux does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "", ()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    has = set(facts.get("flags", facts.get("Features", "")).split())
    return facts.get("model name", ""), tuple(flag for flag in _TELLING_FLAGS if flag in has)
