"""How much of the worker's own rate comes out at the end, and how the API answers after it.

Run with the local stack up: `.venv/bin/python benchmarks/throughput.py [--images 1000] [--clients 50]`

Listings of ten photos are uploaded, imported, and waited for. *The worker's bare rate* is what its cutting
alone takes in this run (`timings_ms` of each result), so the share is of what the worker needs on the same
busy machine; the rate at the end counts from the first import to the last result. Then clients look at
books, one request after another each, for half a minute. The memory of each of the stack's processes is
noted through the run.
"""

import argparse
import json
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from PIL import Image

from bmx.api import Api
from bmx.books import Listing, import_listing, upload, wait_for
from local.paths import Paths
from local.processes import OWNER_VARIABLE
from local.stack import LocalStack, StackStatus
from workers.samples.generator import generate

A_LISTING = 10
DRAWN = 20
"""Different photos; their copies differ in a byte behind the picture, so that each is another object."""

LOOK_SECONDS = 30.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--size", default="1600x1200")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    paths = Paths.default()
    status = LocalStack(paths).running()
    with TemporaryDirectory() as folder:
        listings = list(_listings(Path(folder), arguments.images, (width, height)))
        s3 = status.connection.client("s3")
        for listing in listings:
            upload(s3, status.images_bucket, listing)
        with _memory(paths.home) as memory:
            seconds, books = _process(status, listings)
            answers = _look(status, [book["id"] for book in books], arguments.clients)
    report = {**_rates(books, seconds), **answers, "memory_mb": memory.report()}
    print(json.dumps(report, indent=1) if arguments.json else _words(report))


def _listings(folder: Path, count: int, size: tuple[int, int]) -> Iterator[Listing]:
    drawn = []
    for seed in range(min(DRAWN, count)):
        path = folder / f"drawn-{seed}.jpg"
        Image.fromarray(generate(7000 + seed, size=size).image).save(path, quality=92)
        drawn.append(path.read_bytes())
    run = f"{time.time():.0f}"
    for first in range(0, count, A_LISTING):
        photos = []
        for number in range(first, min(first + A_LISTING, count)):
            photo = folder / f"photo-{number}.jpg"
            photo.write_bytes(drawn[number % len(drawn)] + f"{run}-{number}".encode())
            photos.append(photo)
        item = f"throughput-{run}-{first // A_LISTING}"
        yield Listing(item, item, tuple(photos))


def _process(status: StackStatus, listings: list[Listing]) -> tuple[float, list[dict[str, Any]]]:
    start = time.monotonic()
    with Api(status.api_url, status.api_key) as api:
        ids = [import_listing(api, listing)[0] for listing in listings]
        books = wait_for(api, ids, lambda *_: None)
    return time.monotonic() - start, list(books.values())


def _rates(books: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    jobs = [image["job"] for book in books for image in book["images"]]
    done = [job for job in jobs if job["status"] == "succeeded"]
    bare = sum(sum((job["result"] or {}).get("timings_ms", {}).values()) for job in done) / 1000
    return {
        "images": len(jobs),
        "succeeded": len(done),
        "sent_more_than_once": sum(job["attempts"] > 1 for job in jobs),
        "share_of_the_bare_rate": round(bare / seconds, 3),
        "bare_seconds_an_image": round(bare / max(1, len(done)), 3),
    }


def _look(status: StackStatus, ids: list[str], clients: int) -> dict[str, Any]:
    until = time.monotonic() + LOOK_SECONDS

    def client(number: int) -> tuple[list[float], int]:
        times, refused = [], 0
        with Api(status.api_url, status.api_key) as api:
            turn = number
            while time.monotonic() < until:
                path = "/books" if turn % 2 else f"/books/{ids[turn % len(ids)]}"
                start = time.monotonic()
                try:
                    api.get(path)
                except Exception:  # noqa: BLE001 - whatever it was, somebody got no answer
                    refused += 1
                times.append(time.monotonic() - start)
                turn += 1
        return times, refused

    with ThreadPoolExecutor(clients) as pool:
        found = list(pool.map(client, range(clients)))
    times = sorted(seconds for one, _ in found for seconds in one)
    return {
        "clients": clients,
        "answers": len(times),
        "refused": sum(refused for _, refused in found),
        "p50_ms": round(statistics.median(times) * 1000),
        "p95_ms": round(times[int(len(times) * 0.95)] * 1000),
        "answers_a_second": round(len(times) / LOOK_SECONDS, 1),
    }


class _memory:  # noqa: N801 - used as a statement
    """Notes the resident memory of the stack's processes every five seconds."""

    def __init__(self, home: Path) -> None:
        self.home = str(home)
        self.seen: dict[str, list[float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def report(self) -> dict[str, dict[str, float]]:
        """Of each process that lived through most of it: at a quarter of the run, and at its end."""
        most = max((len(values) for values in self.seen.values()), default=0)
        return {
            name: {"quarter": round(values[len(values) // 4]), "end": round(values[-1])}
            for name, values in sorted(self.seen.items())
            if len(values) > most * 0.8
        }

    def _watch(self) -> None:
        while not self._stop.wait(5):
            for process in psutil.process_iter():
                try:
                    if process.environ().get(OWNER_VARIABLE) == self.home:
                        name = " ".join(process.cmdline()[-3:-1])[-60:] or process.name()
                        self.seen.setdefault(f"{process.pid} {name}", []).append(
                            process.memory_info().rss / 2**20
                        )
                except psutil.Error:
                    continue


def _words(report: dict[str, Any]) -> str:
    lines = [
        f"{report['succeeded']} of {report['images']} images cut out at "
        f"{report['share_of_the_bare_rate']:.0%} of the worker's bare rate "
        f"({report['bare_seconds_an_image']} s an image here)",
        f"{report['sent_more_than_once']} messages were sent more than once",
        f"{report['clients']} clients: {report['answers_a_second']} answers a second, median "
        f"{report['p50_ms']} ms, p95 {report['p95_ms']} ms, {report['refused']} refused",
    ]
    lines += [
        f"{name}: {values['quarter']} MB at a quarter, {values['end']} MB at the end"
        for name, values in report["memory_mb"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
