"""rembg's models as an extra: without rembg a clear word, with it (in an environment of its own) a cutout.

The one model file that is at hand is u2net's; rembg takes it for its own, by its own checksum.
"""

import json
import os
import subprocess

import pytest

from local.paths import REPO, Paths
from local.reporting import LogReporter
from local.toolbox import locked_environment
from tests.worker.aws import Aws
from workers.contracts import ErrorCode, Recipe
from workers.image_processor.models import ModelStore

SCRIPT = """
import json, sys
from pathlib import Path
from workers.contracts import Problem, Recipe
from workers.image_processor.cutout import extract
from workers.image_processor.models import ModelStore
from workers.samples.generator import generate

sample = generate(7, size=(640, 480), background="paper", pose="lying")
said = {}
for model in ("rembg-u2net", "rembg-isnet-general-use", "rembg-no-such-model", "rembg-sam"):
    try:
        recipe = Recipe(model=model, precision="fp32")
        found = extract(sample.image, recipe, ModelStore(Path("nowhere"))).alpha > 127
        truth = sample.alpha > 127
        said[model] = float((found & truth).sum() / (found | truth).sum())
    except Problem as problem:
        said[model] = f"{type(problem).__name__}: {problem}"
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(models: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> dict[str, float | str]:
    """What the worker says with rembg beside it, and u2net's file where rembg looks for it."""
    paths = Paths.default()
    requirements = paths.requirements / "worker-rembg.txt"
    python = locked_environment(paths, requirements, paths.cache / "rembg", LogReporter(), what="rembg")
    home = tmp_path_factory.mktemp("rembg")
    (home / "u2net.onnx").symlink_to(models.path("u2net", "fp32"))
    done = subprocess.run(
        [str(python), "-c", SCRIPT],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPO),
            "U2NET_HOME": str(home),
            "NUMBA_CACHE_DIR": str(paths.cache / "rembg" / "numba"),
            # Nothing answers there: a model that is not at hand cannot be fetched.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
        },
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    answer: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_a_session_of_rembg_finds_the_book(said: dict[str, float | str]) -> None:
    agreement = said["rembg-u2net"]
    assert isinstance(agreement, float), agreement
    assert agreement > 0.97


def test_a_model_that_rembg_cannot_fetch_is_said(said: dict[str, float | str]) -> None:
    words = str(said["rembg-isnet-general-use"])
    assert words.startswith("MissingModelError: rembg could not provide its model isnet-general-use.")
    assert "REMBG_HOME" in words


@pytest.mark.parametrize("model", ["rembg-no-such-model", "rembg-sam"])
def test_a_model_that_does_not_fit_names_those_that_do(said: dict[str, float | str], model: str) -> None:
    words = str(said[model])
    assert words.startswith("UnknownModelError")
    assert "rembg-isnet-general-use" in words
    assert "rembg-birefnet-general" in words
    assert "rembg-sam," not in words


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_without_rembg_the_job_fails_and_says_so(aws: Aws, jpeg: bytes, precision: str) -> None:
    recipe = Recipe.model_validate({"model": "rembg-isnet-general-use", "precision": precision})
    assert aws.run(aws.job("j1", jpeg, recipe)) == []
    (result,) = aws.results()
    assert result.error is not None
    assert result.error.code is ErrorCode.UNKNOWN_MODEL
    expected = "Install requirements/worker-rembg.txt" if precision == "fp32" else "rembg's models are fp32"
    assert expected in result.error.message
