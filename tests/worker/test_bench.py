"""`bmx bench worker`: contenders that really work, and what is said about them."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from local.paths import REPO
from operations.worker_bench import Bench, Contender, Seen, Starts
from operations.worker_bench_report import goals, markdown, svg
from workers.contracts.problem import Problem
from workers.image_processor.models import ModelStore

_SCRIPT = REPO / "benchmarks" / "worker_contender.py"


def _contender(kind: str, models: ModelStore, source: Path, log: Path) -> Contender:
    return Contender([sys.executable, str(_SCRIPT), kind, str(models.folder), str(source)], {}, log)


def test_a_contender_works_once_to_start_and_once_a_round(
    tmp_path: Path, jpeg: bytes, models: ModelStore
) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(jpeg)
    contender = _contender("worker", models, source, tmp_path / "log")
    contender.work()
    contender.work()
    contender.end()
    seen = contender.seen
    assert len(seen.wall) == len(seen.processor) == 2
    assert min(seen.wall) > 0
    assert seen.start > seen.wall_median
    assert 100 < seen.peak_mb < 3000


def test_a_contender_that_fails_says_why(tmp_path: Path, models: ModelStore) -> None:
    with pytest.raises(Problem, match="no-such-photo"):
        _contender("worker", models, tmp_path / "no-such-photo.jpg", tmp_path / "log")


def _bench(ours: float, matting: float, peak: float = 400, start: float = 1.0) -> Bench:
    seen = {
        "bare-fp32": Seen([2.0, 2.0], [4.0, 4.0], 3.0, peak_mb=900),
        "worker": Seen([ours * 2] * 2, [ours * 4] * 2, 1.0, peak_mb=peak),
        "rembg-matting": Seen([matting * 2], [matting * 4], 9.0, peak_mb=2000),
    }
    starts = Starts([Seen(start=start, start_processor=start)], [Seen(start=0.3, start_processor=0.3)])
    return Bench("a CPU", ("avx2",), 2, (0.5, 3.0), {"2 MP": seen}, starts)


@pytest.mark.parametrize(
    ("bench", "missed"),
    [
        (_bench(0.6, 8), set()),
        (_bench(0.75, 9.5), {"2 MP, of the bare network's time"}),
        (_bench(0.6, 7), {"2 MP, faster than rembg with matting"}),
        (_bench(0.6, 8, peak=451), {"2 MP, peak memory"}),
        (
            _bench(0.6, 8, start=2.1),
            {"a new process's first result at 2 MP", "a new process's first result at 2 MP, processor time"},
        ),
    ],
    ids=["all-met", "slow", "not-much-faster-than-rembg", "large", "late"],
)
def test_a_goal_that_is_missed_is_called_so(bench: Bench, missed: set[str]) -> None:
    assert {goal.what for goal in goals(bench) if not goal.met} == missed
    lines = [line for line in markdown(bench).splitlines() if line.endswith("| missed |")]
    assert len(lines) == len(missed)


def test_table_and_plot_show_ratios_to_the_bare_network() -> None:
    bench = _bench(0.6, 8)
    assert "| 2 MP | this worker, bytes to three files | 0.60 x | 0.60 x | 400 MB | 0.5 x |" in markdown(
        bench
    )
    assert "a CPU (avx2), 2 cores; load average 0.5 before and 3.0 after" in markdown(bench)
    drawn = ElementTree.fromstring(svg(bench))  # noqa: S314 - made here
    texts = [text.text for text in drawn.iter() if text.text and text.text.endswith(" x")]
    assert texts == ["1.00 x", "0.60 x", "8.00 x"]
