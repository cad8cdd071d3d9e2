"""One contender of `bmx bench worker`: a process that does one kind of work again and again.

Run: python worker_contender.py KIND MODELS INPUT. It works at once, and again for each line on stdin; each
time it answers with a line of JSON: wall and processor seconds of the work, and processor seconds of its life
so far. At the end of stdin it tells its peak memory in MB.

It runs in environments with and without this project's packages, and imports only what its kind needs.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FP32, INT8 = "u2net-fp32.onnx", "u2net-int8.onnx"


def main() -> None:
    """Work and answer until stdin ends."""
    kind, models, source = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    # What the work itself prints (the handler's log) is none of the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    work = KINDS[kind](models, source)
    while True:
        wall, processor = time.perf_counter(), time.process_time()
        work()
        spent = time.process_time()
        _say(answers, wall=time.perf_counter() - wall, processor=spent - processor, spent=spent)
        if not sys.stdin.readline():
            break
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (peak,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    _say(answers, peak_mb=peak / 1024)


def _say(answers: Any, **found: float) -> None:
    answers.write(json.dumps(found) + "\n")
    answers.flush()


def _input() -> Any:
    import numpy

    return numpy.random.default_rng(0).standard_normal((1, 3, 320, 320), numpy.float32)


def _bare(name: str) -> Callable[[Path, Path], Callable[[], object]]:
    """The network alone, on a prepared input, in onnxruntime as it comes."""

    def made(models: Path, _source: Path) -> Callable[[], object]:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(models / name), providers=["CPUExecutionProvider"])
        feeds, wanted = {session.get_inputs()[0].name: _input()}, [session.get_outputs()[0].name]
        return lambda: session.run(wanted, feeds)

    return made


def _openvino(name: str) -> Callable[[Path, Path], Callable[[], object]]:
    """The same in OpenVINO, told to answer one request as early as it can."""

    def made(models: Path, _source: Path) -> Callable[[], object]:
        import openvino

        core = openvino.Core()
        model = core.compile_model(core.read_model(models / name), "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        feeds = _input()
        return lambda: model(feeds)

    return made


def _rembg(**options: bool) -> Callable[[Path, Path], Callable[[], object]]:
    """rembg from bytes to bytes; `U2NET_HOME` names a folder with the network."""

    def made(_models: Path, source: Path) -> Callable[[], object]:
        import rembg

        session = rembg.new_session("u2net", providers=["CPUExecutionProvider"])
        return lambda: rembg.remove(source.read_bytes(), session=session, **options)

    return made


def _worker(models: Path, source: Path) -> Callable[[], object]:
    """This project: photo file to three encoded outputs."""
    from workers.contracts import Recipe
    from workers.image_processor.cutout import cut_out
    from workers.image_processor.heap import keep_freed_memory
    from workers.image_processor.models import ModelStore

    keep_freed_memory()
    return lambda: cut_out(source.read_bytes(), Recipe(), ModelStore(models))


class _Context:
    function_name = "image-processor"

    def get_remaining_time_in_millis(self) -> int:
        return 600_000


def _handler(_models: Path, source: Path) -> Callable[[], object]:
    """The Lambda function with an event from a file, against the AWS that the environment names."""
    from workers.image_processor.handler import handler

    event = json.loads(source.read_text(encoding="utf-8"))

    def work() -> None:
        answer = handler(event, _Context())  # type: ignore[arg-type]
        assert answer == {"batchItemFailures": []}, answer

    return work


def _imported(_models: Path, _source: Path) -> Callable[[], object]:
    """The handler's module, and no work."""
    from workers.image_processor import handler

    return lambda: handler


KINDS: dict[str, Callable[[Path, Path], Callable[[], object]]] = {
    "bare-fp32": _bare(FP32),
    "bare-int8": _bare(INT8),
    "openvino-fp32": _openvino(FP32),
    "openvino-int8": _openvino(INT8),
    "rembg": _rembg(),
    "rembg-matting": _rembg(alpha_matting=True),
    "worker": _worker,
    "handler": _handler,
    "import": _imported,
}

if __name__ == "__main__":
    main()
