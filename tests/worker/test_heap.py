"""Freed memory is used again: pages are not given back and asked for anew with every photo."""

import platform
import subprocess
import sys

import pytest

from tests.worker.conftest import encoded
from workers.image_processor.models import ModelStore
from workers.samples.generator import generate

_PHOTOS = """
import resource
from pathlib import Path
import sys
from workers.contracts import Recipe
from workers.image_processor.cutout import cut_out
from workers.image_processor.heap import keep_freed_memory
from workers.image_processor.models import ModelStore

if sys.argv[1] == "kept":
    assert keep_freed_memory()
models, photo = ModelStore(Path(sys.argv[2])), sys.stdin.buffer.read()
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    cut_out(photo, Recipe(), models)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(memory: str, models: str, photo: bytes) -> int:
    """Pages that the third photo of a process asks the system for."""
    command = [sys.executable, "-c", _PHOTOS, memory, models]
    return int(subprocess.run(command, input=photo, check=True, capture_output=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps its own rules")
def test_the_next_photo_takes_the_memory_of_the_last(models: ModelStore) -> None:
    folder = str(models.folder)
    # Planes of a smaller photo are below the size from which glibc gives a block back by itself.
    photo = encoded(generate(7, size=(1600, 1200), background="paper", pose="lying").image, "JPEG")
    assert _faults("kept", folder, photo) < _faults("given back", folder, photo) / 4
