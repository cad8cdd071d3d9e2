"""`bmx bench`: measurements beside what others would do."""

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from bmx.output import JsonOption, Outcome, Ui, execute
from local.paths import REPO

bench = typer.Typer(
    name="bench",
    help="Measure this project beside what others would do.",
    no_args_is_help=True,
    epilog="Example: bmx bench worker --rounds 5",
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(bench)


@bench.callback()
def _group() -> None:
    """Keeps `worker` a command of its own while it is the only one."""


@bench.command(epilog="Example: bmx bench worker --rounds 5 --size '2 MP'")
def worker(
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Warm rounds, in turn.")] = 3,
    size: Annotated[
        Literal["2 MP", "12 MP"] | None, typer.Option("--size", help="Of the photo; both if not given.")
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="rembg too: with matting it takes 7 GB at 12 MP.")
    ] = True,
    keep: Annotated[
        bool, typer.Option("--keep", help="Write table and plot to benchmarks/worker.md and .svg.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Measure the image worker beside the bare network, OpenVINO and rembg: time, memory, start."""

    def action(ui: Ui) -> Outcome:
        from local.paths import Paths
        from operations.worker_bench import SIZES, measure
        from operations.worker_bench_report import goals, markdown, svg

        found = measure(
            Paths.default(), ui, rounds=rounds, sizes=(size,) if size else tuple(SIZES), peers=peers
        )
        table = markdown(found)
        if keep:
            (REPO / "benchmarks" / "worker.md").write_text(table, encoding="utf-8")
            (REPO / "benchmarks" / "worker.svg").write_text(svg(found), encoding="utf-8")
        asked = [{**asdict(goal), "met": goal.met} for goal in goals(found)]
        return Outcome(data={**asdict(found), "goals": asked}, view=table)

    execute("bench worker", json_output, action)
