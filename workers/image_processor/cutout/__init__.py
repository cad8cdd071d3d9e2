"""Cut the subject out of a photo: the worker's core, without S3, queues or settings.

- `cut_out(data, recipe, models) -> Cutout`: encoded photo in, the three encoded outputs, what was found and
  timings out. This is what the queue handler calls.
- `write_cutout(source, folder, recipe, models) -> WrittenCutout`: one photo file to `folder/<stem>.webp|png`,
  RGBA at the photo's full upright size. This is what the command line calls.
- `extract(photo, recipe, models) -> Matte`: pixels to alpha and clean colours, for measuring.

A photo that cannot be cut out raises `ImageFaultError`, whose `code` is the contract's; it is a `Problem`, so
it can be shown to a person as it is. Models come from a `ModelStore`.

Steps: `decode` (bytes to upright sRGB), `model` (the network's coarse mask), `matte` (edges and colours at
full size), `compose` (measures, plain grounds), `encode` (files), `pipeline` (their order).
"""

from workers.image_processor.cutout.encode import EncodedImage
from workers.image_processor.cutout.errors import ImageFaultError
from workers.image_processor.cutout.matte import Matte
from workers.image_processor.cutout.pipeline import (
    VERSION,
    Cutout,
    WrittenCutout,
    cut_out,
    extract,
    write_cutout,
)

__all__ = [
    "VERSION",
    "Cutout",
    "EncodedImage",
    "ImageFaultError",
    "Matte",
    "WrittenCutout",
    "cut_out",
    "extract",
    "write_cutout",
]
