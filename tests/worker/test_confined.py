"""As Lambda confines the worker: bounded memory, and no place to write but /tmp."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from infra.workers import container_of
from workers.image_processor.models import ModelStore
from workers.samples.generator import generate

_REPO = Path(__file__).parents[2]

_PEAK = """
import json, sys; from pathlib import Path
from workers.contracts import Recipe
from workers.image_processor.cutout import cut_out
from workers.image_processor.models import ModelStore
made = cut_out(Path(sys.argv[1]).read_bytes(), Recipe(), ModelStore(Path(sys.argv[2])))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps([made.cutout.width, made.cutout.height, int(status["VmHWM"].split()[0]) // 1024]))
"""

_WRITES = """
import os, sys
from pathlib import Path
tried = []
def watch(event, arguments):
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        tried.append(str(arguments[0]))
    elif event in ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.truncate"):
        tried.append(str(arguments[0]))
sys.addaudithook(watch)
from tests.worker.aws import local_aws
with local_aws() as aws:
    os.environ["BMX_RESULT_QUEUE_URL"] = aws.result_queue_url
    assert aws.run(aws.job("j1", Path(sys.argv[1]).read_bytes())) == []
    (result,) = aws.results()
    assert result.status.value == "succeeded", result
if len(sys.argv) > 2:
    Path(sys.argv[2]).write_text("a file")
print([path for path in tried if not path.startswith((os.environ["TMPDIR"] + "/", "/dev/"))])
"""


def _run(
    script: str, *arguments: str, prefix: tuple[str, ...] = (), variables: dict[str, str] | None = None
) -> str:
    done = subprocess.run(
        [*prefix, sys.executable, "-B", "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=_REPO,
        env={**os.environ, **(variables or {})},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("drawn", "size", "worked", "most_mb"),
    [
        ((2000, 1500), (4000, 3000), (4000, 3000), 800),
        ((2000, 500), (20_000, 5_000), (10_000, 2_500), 1_600),
    ],
    ids=["12-megapixels", "100-megapixel-panorama"],
)
def test_large_photos_fit_into_memory(
    drawn: tuple[int, int],
    size: tuple[int, int],
    worked: tuple[int, int],
    most_mb: int,
    tmp_path: Path,
    models: ModelStore,
) -> None:
    """In a process that does nothing else; the largest stays well within the function's memory."""
    photo = generate(9, size=drawn, background="wood", supersampling=1)
    source = tmp_path / "large.jpg"
    Image.fromarray(photo.image).resize(size).save(source, quality=90)
    width, height, peak_mb = json.loads(_run(_PEAK, str(source), str(models.folder)))
    assert (width, height) == worked
    assert peak_mb < most_mb < container_of("image_processing").memory


@pytest.mark.parametrize("elsewhere", [False, True], ids=["the-worker", "a-write-elsewhere-is-seen"])
def test_nothing_is_written_outside_tmp(
    elsewhere: bool, tmp_path_factory: pytest.TempPathFactory, jpeg: bytes, models: ModelStore
) -> None:
    """A whole run of the handler, watched by an audit hook."""
    source = tmp_path_factory.mktemp("photo") / "photo.jpg"
    source.write_bytes(jpeg)
    variables = _environment(models, tmp_path_factory.mktemp("tmp"))
    target = _REPO / f".written-{os.getpid()}"
    try:
        said = _run(_WRITES, str(source), *([str(target)] if elsewhere else []), variables=variables)
    finally:
        target.unlink(missing_ok=True)
    assert said == (f"['{target}']" if elsewhere else "[]")


def test_a_read_only_root_is_enough(tmp_path: Path, jpeg: bytes, models: ModelStore) -> None:
    """Also for what native code does, which no hook sees: only an empty /tmp can be written."""
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        assert "CI" not in os.environ, "CI has to have bubblewrap"
        pytest.skip("there is no bubblewrap (Debian: apt-get install bubblewrap)")
    source = tmp_path / "photo.jpg"
    source.write_bytes(jpeg)
    tmp = Path("/tmp")  # noqa: S108 - Lambda's
    box = (bubblewrap, "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
    # What runs may itself lie below the machine's /tmp, which is out of sight in the box.
    needed = {_REPO, Path(sys.prefix), Path(sys.base_prefix), models.folder.resolve()}
    hidden = sorted(str(path) for path in needed if path.is_relative_to(tmp))
    inner = f"{tmp}/photo.jpg"
    shown = [argument for path in hidden for argument in ("--ro-bind", path, path)]
    prefix = (*box, "--tmpfs", str(tmp), *shown, "--ro-bind", str(source), inner)
    assert _run(_WRITES, inner, prefix=prefix, variables=_environment(models, tmp)) == "[]"


def _environment(models: ModelStore, tmp: Path) -> dict[str, str]:
    return {
        "TMPDIR": str(tmp),
        "AWS_DEFAULT_REGION": "us-west-2",
        "BMX_MODEL_DIR": str(models.folder),
        "HOME": "/nonexistent",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }
