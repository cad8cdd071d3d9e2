"""Mutated files against the worker: each has to end as a photo or as a code, never as another exception.

Run: python benchmarks/worker_fuzz.py [--files 20000] [--seed 1] [--whole MODELS]

With `--whole`, the folder that holds the models, each file goes through every step to its outputs.

Small images in every format that is read are cut short, overwritten, and spliced into one another. The
quick part of this runs with the tests (tests/worker/test_decode.py). A crash of the process is seen as such.
"""

import argparse
import collections
import faulthandler
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workers.contracts import Recipe
from workers.image_processor.cutout import ImageFaultError, cut_out
from workers.image_processor.cutout.decode import decode
from workers.image_processor.models import ModelStore
from workers.samples.odd_inputs import saved

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")


def main() -> int:
    """Decode the files; 1 where one of them raised what it must not, with the seed that makes it again."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--whole", type=Path, metavar="MODELS")
    arguments = parser.parse_args()
    store = ModelStore(arguments.whole) if arguments.whole else None
    faulthandler.enable()
    originals = _originals()
    ends: collections.Counter[str] = collections.Counter()
    crashes = []
    for number in range(arguments.files):
        rng = np.random.default_rng((arguments.seed, number))
        data = mutated(rng, originals)
        try:
            if store is None:
                ends[f"photo {decode(data).format}"] += 1
            else:
                ends[f"cutout, {cut_out(data, Recipe(), store).quality.level}"] += 1
        except ImageFaultError as fault:
            ends[fault.code.value] += 1
        except Exception as error:  # noqa: BLE001 - this is what the run looks for
            crashes.append(f"file {number}: {type(error).__name__}: {error}")
    for end, count in sorted(ends.items()):
        print(f"{count:7} {end}")
    print("\n".join(crashes) or f"{arguments.files} files, no crash")
    return 1 if crashes else 0


def mutated(rng: np.random.Generator, originals: list[bytes]) -> bytes:
    """One of the originals with bytes overwritten, a part removed or repeated, or another one's tail."""
    data = bytearray(originals[int(rng.integers(len(originals)))])
    for _ in range(int(rng.integers(0, 12))):
        # Headers hold what decides: half of the changes fall into the first 200 bytes.
        reach = min(len(data), 200) if rng.random() < 0.5 else len(data)
        data[int(rng.integers(reach))] = int(rng.integers(256))
    kind = int(rng.integers(5))
    at = int(rng.integers(1, len(data)))
    if kind == 0:
        del data[at:]
    elif kind == 1:
        del data[at : at + int(rng.integers(1, 64))]
    elif kind == 2:
        data[at:at] = data[at : at + int(rng.integers(1, 64))]
    elif kind == 3:
        other = originals[int(rng.integers(len(originals)))]
        data[at:] = other[min(at, len(other) - 1) :]
    return bytes(data)


def _originals() -> list[bytes]:
    pixels = _pixels(32, 24)
    whole = [saved(pixels, image_format) for image_format in FORMATS]
    whole += [
        saved(pixels, "JPEG", progressive=True),
        saved(np.dstack([pixels, pixels[..., 0]]), "PNG"),
        saved(pixels, "TIFF", compression="tiff_lzw"),
        saved(pixels, "WEBP", lossless=True),
        saved((pixels[..., 0].astype(np.uint16)) << 8, "PNG"),
    ]
    sizes = ((1, 1), (1, 3000), (2, 900), (900, 2), (17, 500), (300, 200))
    whole += [saved(_pixels(*size), image_format) for size in sizes for image_format in ("JPEG", "PNG")]
    return whole


def _pixels(width: int, height: int) -> npt.NDArray[np.uint8]:
    """Noise, and in its midst something to be seen."""
    pixels = np.random.default_rng(0).integers(180, 255, (height, width, 3), dtype=np.uint8)
    rows, columns = slice(height // 4, height - height // 4), slice(width // 4, width - width // 4)
    pixels[rows, columns] = (120, 20, 30)
    return pixels


if __name__ == "__main__":
    sys.exit(main())
