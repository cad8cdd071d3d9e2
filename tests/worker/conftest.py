"""Shared by the worker's tests: the real models, sample photos, and S3 and SQS by moto."""

import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from local.paths import Paths
from tests.worker.aws import Aws, local_aws
from workers.image_processor.models import ModelStore
from workers.samples.generator import Sample, generate


@pytest.fixture(scope="session")
def models() -> ModelStore:
    """The models in the user's cache, fetched and made on first use."""
    store = ModelStore(Paths.default().models)
    store.ensure("u2net", "int8")
    store.ensure("u2net", "fp32")
    return store


@pytest.fixture(scope="session")
def sample() -> Sample:
    """A small photo of a book on paper."""
    return generate(7, size=(640, 480), background="paper", pose="lying")


@pytest.fixture(scope="session")
def jpeg(sample: Sample) -> bytes:
    """The sample as a camera would save it."""
    return encoded(sample.image, "JPEG", quality=92)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, models: ModelStore) -> Iterator[Aws]:
    """A bucket and a result queue, and the worker's environment pointing at them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with local_aws() as made:
        monkeypatch.setenv("BMX_RESULT_QUEUE_URL", made.result_queue_url)
        monkeypatch.setenv("BMX_MODEL_DIR", str(models.folder))
        yield made


def encoded(pixels: npt.NDArray[np.uint8], image_format: str, **options: object) -> bytes:
    """The pixels as a file of the named format."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, image_format, **options)
    return buffer.getvalue()
