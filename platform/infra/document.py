"""The table of all workers in docs/workers.md: `python -m infra.document` writes it."""

from pathlib import Path

from infra.workers import WORKERS, Container, Worker

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "workers.md"
BEGIN, END = "<!-- workers: begin -->", "<!-- workers: end -->"


def table() -> str:
    """Every worker, as Markdown."""
    return "\n".join(
        [
            "| worker | what it does | consumer | timeout | visibility timeout | max receives | bucket | "
            "results to |",
            "|---|---|---|---|---|---|---|---|",
            *(_row(worker) for worker in WORKERS),
        ]
    )


def render(document: str) -> str:
    """The document with its table made anew."""
    before, rest = document.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _row(worker: Worker) -> str:
    consumer = worker.consumer
    kind: str = consumer.kind
    if isinstance(consumer, Container):
        kind += f", {consumer.memory} MB"
    bucket = [f"{verb} `{one}`" for verb, some in _prefixes(worker) for one in some]
    results = f"`{worker.results_to}`" if worker.results_to else "–"
    cells = (
        f"`{worker.name}`",
        worker.summary.replace("|", r"\|"),
        kind,
        f"{consumer.timeout} s",
        f"{worker.visibility_timeout} s",
        str(worker.max_receive),
        ", ".join(bucket) or "–",
        results,
    )
    return f"| {' | '.join(cells)} |"


def _prefixes(worker: Worker) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("reads", worker.reads), ("writes", worker.writes)


def main() -> None:
    DOCUMENT.write_text(render(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
