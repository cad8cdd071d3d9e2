"""How exact the cutouts are: alpha against the truth of generated photos, and int8 against fp32.

Run: python benchmarks/worker_quality.py [--photos 64] [--size 1600x1200] [--supersampling 3] [--cache FOLDER]
[--photographs FOLDER] [--json]

Each photo goes the whole way: a JPEG in (quality 92), the encoded cutout out, whose alpha is looked at.
Drawing takes longer than cutting out: a folder of `--cache` keeps what was drawn for the next run.

MAE is the mean absolute difference of alpha (0 to 1) over all pixels; the gradient error is the same of
alpha's slope per pixel; "px off" is how far 95 % of the half-way line of alpha lie at most from the true one
(pixels, the mean of the photos). Photos from seed 5000 on are used for nothing else: neither calibration nor
the choice of parameters.
"""

import argparse
import io
import json
import statistics
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage import data as photographs

from local.paths import Paths
from workers.contracts import Recipe
from workers.image_processor.cutout import ImageFaultError, cut_out, extract
from workers.image_processor.cutout.decode import decode
from workers.image_processor.cutout.model import load
from workers.image_processor.models import ModelStore
from workers.samples.generator import generate

FIRST_SEED = 5000
SHIPPED = ("astronaut", "chelsea", "coffee")
"""Photographs of one subject in scikit-image."""
WAYS = ("mask alone, fp32", "int8", "fp32")


@dataclass
class Errors:
    """One way of cutting out, a figure a photo."""

    mae: list[float] = field(default_factory=list)
    gradient: list[float] = field(default_factory=list)
    straightness: list[float] = field(default_factory=list)
    lost: int = 0

    def add(self, alpha: npt.NDArray[np.uint8] | None, truth: npt.NDArray[np.uint8]) -> None:
        """Count a photo; `alpha` is None where no subject was found."""
        self.lost += alpha is None
        found = np.zeros_like(truth) if alpha is None else alpha
        self.mae.append(float(cv2.norm(found, truth, cv2.NORM_L1)) / truth.size / 255)
        self.gradient.append(float(np.abs(_slope(found) - _slope(truth)).mean()))
        self.straightness.append(_distance(found, truth))


@dataclass(frozen=True)
class Row:
    """One way of cutting out, over all photos."""

    way: str
    mean_mae: float
    median_mae: float
    worst_mae: float
    worst_seed: int
    gradient: float
    straightness: float
    lost: int


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    width, height = (int(side) for side in arguments.size.split("x"))
    store = ModelStore(Paths.default().models)
    errors = {way: Errors() for way in WAYS}
    for index in range(arguments.photos):
        photo, truth = _drawn(FIRST_SEED + index, (width, height), arguments.supersampling, arguments.cache)
        for way in WAYS:
            errors[way].add(_alpha(way, photo, store), truth)
        if sys.stderr.isatty():
            print(f"\r{index + 1} of {arguments.photos}", end="", file=sys.stderr)
    rows = [_row(way, errors[way]) for way in WAYS]
    apart = max(abs(a - b) for a, b in zip(errors["int8"].mae, errors["fp32"].mae, strict=True))
    agreement = _agreement(store, arguments.photographs)
    if arguments.json:
        found = {"size": arguments.size, "photos": arguments.photos, "rows": [asdict(row) for row in rows]}
        print(json.dumps({**found, "int8_fp32_largest_difference": apart, "photographs_iou": agreement}))
        return
    print(f"{arguments.photos} photos of {arguments.size}")
    print(f"{'':18}{'mean':>9}{'median':>9}{'worst':>9}{'seed':>7}{'gradient':>10}{'px off':>8}{'lost':>6}")
    for row in rows:
        print(
            f"{row.way:18}{row.mean_mae:9.5f}{row.median_mae:9.5f}{row.worst_mae:9.5f}{row.worst_seed:7}"
            f"{row.gradient:10.5f}{row.straightness:8.3f}{row.lost:6}"
        )
    print(f"int8 against fp32: MAE differs by at most {apart:.5f} in a photo")
    print("real photographs, IoU of int8 and fp32:", ", ".join(f"{k} {v:.4f}" for k, v in agreement.items()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=64)
    parser.add_argument("--size", default="1600x1200")
    parser.add_argument("--supersampling", type=int, default=3)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--photographs", type=Path, help="more real photographs, to compare int8 with fp32")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _drawn(
    seed: int, size: tuple[int, int], supersampling: int, cache: Path | None
) -> tuple[bytes, npt.NDArray[np.uint8]]:
    """A photo as a camera saves it, and its true alpha."""
    stem = cache and cache / f"{size[0]}x{size[1]}-{supersampling}" / str(seed)
    if stem and stem.with_suffix(".png").is_file():
        return stem.with_suffix(".jpg").read_bytes(), np.asarray(Image.open(stem.with_suffix(".png")))
    sample = generate(seed, size=size, supersampling=supersampling)
    out = io.BytesIO()
    Image.fromarray(sample.image).save(out, "JPEG", quality=92)
    if stem:
        stem.parent.mkdir(parents=True, exist_ok=True)
        stem.with_suffix(".jpg").write_bytes(out.getvalue())
        Image.fromarray(sample.alpha).save(stem.with_suffix(".png"), compress_level=1)
    return out.getvalue(), sample.alpha


def _alpha(way: str, photo: bytes, store: ModelStore) -> npt.NDArray[np.uint8] | None:
    """Alpha at the photo's size; None where no subject was found."""
    if way == "mask alone, fp32":
        image = decode(photo).rgb
        mask = load(store.path("u2net", "fp32")).mask(image)
        mask = (mask - mask.min()) / (mask.max() - mask.min())
        grown = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_LANCZOS4)
        return np.asarray(np.clip(grown * 255, 0, 255), np.uint8)
    try:
        cutout = cut_out(photo, Recipe.model_validate({"precision": way}), store).cutout
    except ImageFaultError:
        return None
    return np.asarray(Image.open(io.BytesIO(cutout.content)).getchannel("A"))


def _slope(alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    across = cv2.Sobel(alpha, cv2.CV_32F, 1, 0, scale=1 / 8 / 255)
    down = cv2.Sobel(alpha, cv2.CV_32F, 0, 1, scale=1 / 8 / 255)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _distance(alpha: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8]) -> float:
    """95 % of the outline lie at most this many pixels from the true outline."""
    true_line = np.where(_line(truth), 0, 255).astype(np.uint8)
    away = cv2.distanceTransform(true_line, cv2.DIST_L2, 5)
    line = _line(alpha)
    return float(np.percentile(away[line], 95)) if line.any() else float(max(truth.shape))


def _line(alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    inside = (alpha > 127).astype(np.uint8)
    return np.asarray(inside != cv2.erode(inside, np.ones((3, 3), np.uint8)))


def _agreement(store: ModelStore, folder: Path | None) -> dict[str, float]:
    """Intersection over union of int8's and fp32's cutouts of real photographs; 1 where both find nothing."""
    photos = {name: np.asarray(getattr(photographs, name)(), np.uint8) for name in SHIPPED}
    for path in sorted(folder.iterdir()) if folder else ():
        with Image.open(path) as image:
            image.thumbnail((1600, 1600))
            photos[path.stem] = np.asarray(image.convert("RGB"), np.uint8)
    found = {}
    for name, photo in photos.items():
        int8, fp32 = (_present(photo, precision, store) for precision in ("int8", "fp32"))
        either = int((int8 | fp32).sum())
        found[name] = float((int8 & fp32).sum() / either) if either else 1.0
    return found


def _present(photo: npt.NDArray[np.uint8], precision: str, store: ModelStore) -> npt.NDArray[np.bool_]:
    try:
        return extract(photo, Recipe.model_validate({"precision": precision}), store).alpha > 127
    except ImageFaultError:
        return np.zeros(photo.shape[:2], np.bool_)


def _row(way: str, errors: Errors) -> Row:
    worst = int(np.argmax(errors.mae))
    return Row(
        way=way,
        mean_mae=statistics.fmean(errors.mae),
        median_mae=statistics.median(errors.mae),
        worst_mae=errors.mae[worst],
        worst_seed=FIRST_SEED + worst,
        gradient=statistics.fmean(errors.gradient),
        straightness=statistics.fmean(errors.straightness),
        lost=errors.lost,
    )


if __name__ == "__main__":
    main()
