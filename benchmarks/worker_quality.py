"""How exact the cutouts are: alpha against the truth of generated photos, and where the time goes.

Run: python benchmarks/worker_quality.py [--photos 20] [--size 1600x1200] [--json]

MAE is the mean absolute difference of alpha over all pixels (0 to 1). Photos from seed 5000 on are used for
nothing else: neither calibration nor the choice of parameters.
"""

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import platformdirs

from workers.contracts import Recipe
from workers.image_processor.cutout import ImageFaultError, extract
from workers.image_processor.cutout.model import load
from workers.image_processor.models import ModelStore
from workers.samples.generator import Sample, generate

FIRST_SEED = 5000


@dataclass(frozen=True)
class Row:
    """One way of cutting out, over all photos."""

    way: str
    mean_mae: float
    median_mae: float
    worst_mae: float
    worst_seed: int
    lost: int
    """Photos in which no subject was found."""
    median_ms: float


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    width, height = (int(side) for side in arguments.size.split("x"))
    cache = os.environ.get("BMX_CACHE")
    store = ModelStore((Path(cache) if cache else platformdirs.user_cache_path("bluemoxon")) / "models")
    ways = ("mask alone, fp32", "int8", "fp32")
    errors: dict[str, list[float]] = {way: [] for way in ways}
    times: dict[str, list[float]] = {way: [] for way in ways}
    lost = dict.fromkeys(ways, 0)
    for index in range(arguments.photos):
        sample = generate(FIRST_SEED + index, size=(width, height))
        for way in ways:
            start = time.perf_counter()
            alpha = _alpha(way, sample, store)
            times[way].append((time.perf_counter() - start) * 1000)
            if alpha is None:
                lost[way] += 1
                alpha = np.zeros_like(sample.alpha)
            errors[way].append(float(np.abs(alpha.astype(np.float32) - sample.alpha).mean()) / 255)
        if sys.stderr.isatty():
            print(f"\r{index + 1} of {arguments.photos}", end="", file=sys.stderr)
    rows = [_row(way, errors[way], lost[way], times[way]) for way in ways]
    if arguments.json:
        print(
            json.dumps({"size": arguments.size, "photos": arguments.photos, "rows": list(map(asdict, rows))})
        )
        return
    print(f"{arguments.photos} photos of {arguments.size}")
    print(f"{'':18}{'mean':>9}{'median':>9}{'worst':>9}{'seed':>7}{'lost':>6}{'ms':>7}")
    for row in rows:
        print(
            f"{row.way:18}{row.mean_mae:9.5f}{row.median_mae:9.5f}{row.worst_mae:9.5f}"
            f"{row.worst_seed:7}{row.lost:6}{row.median_ms:7.0f}"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--size", default="1600x1200")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _alpha(way: str, sample: Sample, store: ModelStore) -> npt.NDArray[np.uint8] | None:
    """Alpha at the photo's size; None where no subject was found."""
    if way == "mask alone, fp32":
        mask = load(store.path("u2net", "fp32")).mask(sample.image)
        mask = (mask - mask.min()) / (mask.max() - mask.min())
        height, width = sample.alpha.shape
        grown = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LANCZOS4)
        return np.asarray(np.clip(grown * 255, 0, 255), np.uint8)
    try:
        return extract(sample.image, Recipe.model_validate({"precision": way}), store).alpha
    except ImageFaultError:
        return None


def _row(way: str, errors: list[float], lost: int, times: list[float]) -> Row:
    worst = int(np.argmax(errors))
    return Row(
        way=way,
        mean_mae=statistics.fmean(errors),
        median_mae=statistics.median(errors),
        worst_mae=errors[worst],
        worst_seed=FIRST_SEED + worst,
        lost=lost,
        median_ms=statistics.median(times),
    )


if __name__ == "__main__":
    main()
