"""Bytes to upright sRGB photos."""

import contextlib
import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.worker.conftest import encoded
from workers.contracts import ErrorCode
from workers.image_processor.cutout import ImageFaultError
from workers.image_processor.cutout.compose import measure
from workers.image_processor.cutout.decode import decode
from workers.image_processor.cutout.matte import Matte
from workers.samples.generator import Sample
from workers.samples.odd_inputs import ODD_INPUTS


def _code(data: bytes) -> ErrorCode:
    with pytest.raises(ImageFaultError) as caught:
        decode(data)
    return caught.value.code


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int, sample: Sample) -> None:
    """Whatever way a camera was held, the photo comes out as it was seen."""
    upright = Image.fromarray(sample.image)
    stored_as = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if stored_as is None else upright.transpose(stored_as)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    stored.save(buffer, "PNG", exif=exif)
    photo = decode(buffer.getvalue())
    assert np.array_equal(photo.rgb, sample.image)
    assert photo.size == upright.size


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_the_format_is_told_by_content(image_format: str, sample: Sample) -> None:
    photo = decode(encoded(sample.image, image_format))
    assert photo.format == image_format
    assert photo.size == (640, 480)
    assert np.abs(photo.rgb.astype(int) - sample.image).mean() < 12


def test_colours_are_brought_to_srgb(sample: Sample) -> None:
    """Lab stands for any profile that is not sRGB: the same colours come back through it."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.createProfile("sRGB")
    source = Image.fromarray(sample.image)
    converted = ImageCms.profileToProfile(source, srgb, lab, outputMode="LAB")
    assert converted is not None
    buffer = io.BytesIO()
    converted.save(buffer, "TIFF", icc_profile=lab.tobytes())
    photo = decode(buffer.getvalue())
    assert np.abs(photo.rgb.astype(int) - sample.image).mean() < 3


def test_a_profile_is_known_by_what_it_does_and_not_by_its_name(sample: Sample) -> None:
    """Linear light in a profile whose description says sRGB."""
    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    gamma = next(
        int.from_bytes(srgb[at + 4 : at + 8], "big")
        for at in range(132, 132 + 12 * int.from_bytes(srgb[128:132], "big"), 12)
        if srgb[at : at + 4] == b"rTRC"
    )
    # The curve's parameters follow: a gamma of 1 and nothing else, in all three channels, which share it.
    srgb[gamma : gamma + 12] = b"para" + bytes(4) + b"\x00\x00\x00\x00"
    srgb[gamma + 12 : gamma + 16] = b"\x00\x01\x00\x00"
    linear = sample.image.astype(np.float64) / 255
    light = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    stored = encoded((light * 255).round().astype(np.uint8), "PNG", icc_profile=bytes(srgb))
    assert np.abs(decode(stored).rgb.astype(int) - sample.image).mean() < 4


def test_a_panorama_of_deep_grey_takes_little_more_than_its_pixels() -> None:
    """In a process of its own: floats of them all would take half a gigabyte and more for each copy."""
    script = (
        "import io, numpy as np\n"
        "from pathlib import Path\n"
        "from PIL import Image\n"
        "buffer = io.BytesIO()\n"
        "Image.fromarray(np.full((7000, 17000), 30000, np.uint16)).save(buffer, 'PNG', compress_level=1)\n"
        "from workers.image_processor.cutout.decode import decode\n"
        "assert decode(buffer.getvalue()).rgb[0, 0, 0] == 117\n"
        # Not getrusage's: that begins with the peak of the process that started this one.
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 1_100_000, "kilobytes"


def test_a_damaged_profile_is_left_out(sample: Sample) -> None:
    buffer = io.BytesIO()
    Image.fromarray(sample.image).save(buffer, "PNG", icc_profile=b"this is no profile")
    assert np.array_equal(decode(buffer.getvalue()).rgb, sample.image)


def test_deep_grey_keeps_its_tones() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None, :].repeat(20, axis=0)
    buffer = io.BytesIO()
    Image.fromarray(ramp).save(buffer, "PNG")
    assert np.abs(decode(buffer.getvalue()).rgb[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_see_through_parts_lie_on_white() -> None:
    photo = decode(ODD_INPUTS["palette.png"]())
    assert photo.alpha is not None
    assert set(np.unique(photo.alpha)) == {0, 255}
    assert photo.rgb[photo.alpha == 0].min() == 255


def test_an_opaque_alpha_is_no_alpha(sample: Sample) -> None:
    opaque = np.dstack([sample.image, np.full(sample.alpha.shape, 255, np.uint8)])
    photo = decode(encoded(opaque, "PNG"))
    assert photo.alpha is None
    assert np.array_equal(photo.rgb, sample.image)


def test_too_many_bytes_are_refused_unread() -> None:
    assert _code(b"\xff\xd8\xff" + bytes(51 * 1024 * 1024)) is ErrorCode.SOURCE_TOO_LARGE


def test_a_very_long_image_is_refused() -> None:
    assert _code(encoded(np.zeros((1, 30_001, 3), np.uint8), "PNG")) is ErrorCode.SOURCE_TOO_LARGE


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_panorama_is_read_at_a_share_of_its_size(image_format: str, orientation: int) -> None:
    """A file that would take more room than the worker has, with its box still in the source's pixels."""
    photo = np.full((1500, 17_000, 3), 200, np.uint8)
    photo[500:1000, 8000:9000] = (60, 20, 20)
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = decode(encoded(photo, image_format, exif=exif))
    expected = (17_000, 1500) if orientation == 1 else (1500, 17_000)
    assert read.source_size == expected
    assert read.size == (expected[0] // 2, expected[1] // 2)
    alpha = np.where(read.rgb[..., 1] < 100, 255, 0).astype(np.uint8)
    box = measure(Matte(read.rgb, alpha), read.source_size).box
    shown = (8000, 500, 9000, 1000) if orientation == 1 else (500, 8000, 1000, 9000)
    assert np.abs(np.subtract(box, shown)).max() <= 4


_SEEDS = [
    encoded(np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3), image_format)
    for image_format in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF")
]


@settings(max_examples=400, deadline=None)
@given(
    seed=st.sampled_from(_SEEDS),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    end=st.floats(0.02, 1),
)
def test_damaged_files_never_crash(seed: bytes, changes: list[tuple[float, int]], end: float) -> None:
    """Any change and any cut of a file gives a photo or a code."""
    data = bytearray(seed[: max(1, int(len(seed) * end))])
    for where, value in changes:
        data[min(len(data) - 1, int(where * len(data)))] = value
    with contextlib.suppress(ImageFaultError):
        photo = decode(bytes(data))
        assert photo.rgb.shape == (photo.size[1], photo.size[0], 3)
