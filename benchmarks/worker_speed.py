"""How long a cutout takes beside the bare network, and how much memory: ratios that hold on any machine.

Run: python benchmarks/worker_speed.py [--rounds 7] [--size 1600x1200] [--json]

In one process and in turn: the bare fp32 network on a prepared input, and `cut_out` from JPEG bytes to the
three encoded outputs. A process of its own gives the peak memory and the time from its start to the first
result.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import platformdirs
from PIL import Image

from workers.contracts import Recipe
from workers.image_processor.cutout import cut_out
from workers.image_processor.cutout.model import MaskModel, load
from workers.image_processor.models import ModelStore
from workers.samples.generator import generate

_ALONE = """
import json, sys
from pathlib import Path
from workers.contracts import Recipe
from workers.image_processor.cutout import cut_out
from workers.image_processor.models import ModelStore
cut_out(Path(sys.argv[1]).read_bytes(), Recipe(), ModelStore(Path(sys.argv[2])))
peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))
print(int(peak.split()[1]) / 1024)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", default="1600x1200")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    cache = os.environ.get("BMX_CACHE")
    store = ModelStore((Path(cache) if cache else platformdirs.user_cache_path("bluemoxon")) / "models")
    photo = Image.fromarray(generate(9, size=(1600, 1200), background="wood", pose="lying").image)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "photo.jpg")
        photo.resize((width, height), Image.Resampling.LANCZOS).save(source, quality=92)
        bare = load(store.path("u2net", "fp32"))
        image = np.asarray(photo)
        bare_times, steps = [], []
        for turn in range(arguments.rounds + 1):
            spent = _timed(bare, image)
            result = cut_out(source.read_bytes(), Recipe(), store)
            if turn:  # the first of each is not warm
                bare_times.append(spent)
                steps.append(result.timings_ms)
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _ALONE, str(source), str(store.folder)],
            check=True,
            capture_output=True,
            text=True,
        )
        first_result = (time.perf_counter() - start) * 1000
    unit = statistics.median(bare_times)
    shares = {name: statistics.median(step[name] for step in steps) / unit for name in steps[0]}
    found = {
        "size": arguments.size,
        "bare_fp32_ms": unit,
        "whole": statistics.median(sum(step.values()) for step in steps) / unit,
        "steps": shares,
        "process_to_first_result": first_result / unit,
        "peak_mb": float(done.stdout),
    }
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{arguments.size}: whole path {found['whole']:.2f} x bare fp32 inference ({unit:.0f} ms here)")
    print("  " + ", ".join(f"{name} {share:.3f}" for name, share in shares.items()))
    print(f"  process start to first result {found['process_to_first_result']:.2f} x bare inference")
    print(f"  peak memory {found['peak_mb']:.0f} MB")


def _timed(model: MaskModel, photo: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> float:
    start = time.perf_counter()
    model.mask(photo)
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
