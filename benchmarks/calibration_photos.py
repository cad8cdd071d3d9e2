"""Photographs to calibrate int8 networks with: things that come with Tux Paint, before wallpapers.

Run: python benchmarks/calibration_photos.py UNPACKED OUT, with UNPACKED holding the unpacked packages
tuxpaint-stamps-default, mate-backgrounds and plasma-workspace-wallpapers (`apt-get download`, `dpkg-deb -x`).

Writes 52 photos to OUT: 40 things (every second stamp that is a photograph) at sizes from small to cut off by
the frame, and every second wallpaper as it is.
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

SIZE = (640, 480)
_DRAWN = ("cartoon", "symbols", "flags", "roadsigns")
_PHOTOGRAPH_BYTES = 60_000
"""Stamps of at least this size are photographs."""
_THINGS = 40


def main() -> None:
    """Compose and write."""
    unpacked, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    stamps = [
        path
        for path in sorted(unpacked.rglob("stamps/**/*.png"))
        if path.stat().st_size > _PHOTOGRAPH_BYTES and not any(word in str(path).lower() for word in _DRAWN)
    ][::2]
    grounds = [
        *sorted(unpacked.rglob("backgrounds/mate/nature/*.jpg")),
        *sorted(unpacked.rglob("wallpapers/*/contents/images/2560x1600.jpg")),
    ]
    for seed in range(_THINGS):
        composed(seed, stamps, grounds).save(out / f"thing-{seed:02}.png")
    for index, path in enumerate(grounds[::2]):
        opened(path).save(out / f"wallpaper-{index:02}.png")


def composed(seed: int, stamps: list[Path], grounds: list[Path]) -> Image.Image:
    """A thing on part of a wallpaper, or on a plain ground."""
    rng = np.random.default_rng(seed)
    thing = Image.open(stamps[rng.integers(len(stamps))]).convert("RGBA")
    thing = thing.crop(thing.getchannel("A").getbbox())
    if rng.random() < 0.5:
        thing = thing.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture = Image.fromarray(plain(rng))
    if rng.random() < 0.7:
        ground = opened(grounds[rng.integers(len(grounds))])
        share = rng.uniform(0.45, 1)
        size = int(ground.width * share), int(ground.height * share)
        left, top = rng.integers(0, ground.width - size[0] + 1), rng.integers(0, ground.height - size[1] + 1)
        picture = ground.crop((left, top, left + size[0], top + size[1])).resize(SIZE)
    scale = rng.choice([0.5, 0.8, 1.3], p=[0.3, 0.4, 0.3]) * rng.uniform(0.8, 1.2)
    factor = scale * min(SIZE[0] / thing.width, SIZE[1] / thing.height)
    thing = thing.resize((max(1, int(thing.width * factor)), max(1, int(thing.height * factor))))
    room = np.subtract(SIZE, thing.size)
    # What is larger than the frame is cut off by it on one side or two.
    place = room * rng.uniform(0.2, 0.8, 2) if scale > 1 else room * rng.random(2)
    picture.paste(thing, (int(place[0]), int(place[1])), thing)
    return picture


def plain(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A ground of one colour that changes a little from top to bottom, with the noise of a camera."""
    top = rng.uniform(0, 255, 3)
    bottom = np.clip(top + rng.uniform(-40, 40, 3), 0, 255)
    share = np.linspace(0, 1, SIZE[1])[:, None, None]
    noise = rng.normal(0, 3, (SIZE[1], SIZE[0], 3))
    return np.clip(top * (1 - share) + bottom * share + noise, 0, 255).astype(np.uint8)


def opened(path: Path) -> Image.Image:
    """A wallpaper at a side of 900 pixels at most."""
    image = Image.open(path).convert("RGB")
    image.thumbnail((900, 900))
    return image


if __name__ == "__main__":
    main()
