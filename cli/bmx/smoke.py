"""A deployed stack tried as a user would: a photo goes in, its cutout has to come out and be right.

The photo is drawn (`workers.samples`), so what its cutout has to be is known exactly. All that is made is
deleted at the end; what failed stays, for whoever looks for the reason.
"""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bmx.api import Api, ApiProblem
from workers.contracts.problem import Problem
from workers.contracts.status import JobStatus

DEADLINE = 300.0
"""Seconds for the cutout: a function that starts for the first time, and one more try."""

AGREEMENT = 0.9
"""Least overlap (intersection over union) of the cutout with what was drawn."""

SEED, SIZE = 11, (800, 600)


@dataclass(frozen=True)
class Smoked:
    """What was seen: seconds from the upload to the cutout, and how well it agrees with what was drawn."""

    seconds: float
    agreement: float
    version: str

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return dict(self.__dict__)

    def __str__(self) -> str:
        return f"a photo became its cutout in {self.seconds:.1f} s, right in {self.agreement:.1%} of it"


class SmokeFailed(Problem):
    """The stack does not do what it is there for."""


def smoke(api: Api, say: Callable[[str], None], *, deadline: float = DEADLINE) -> Smoked:
    """Import a photo, wait for its cutout, compare, delete; raises `SmokeFailed` where any of it fails."""
    version = _healthy(api)
    say("Sending a photo")
    book = api.post("/books", {"title": f"Smoke test {time.strftime('%Y-%m-%d %H:%M:%S')}"})
    try:
        seconds, agreement = _cut(api, book["id"], say, deadline)
    except Problem as problem:
        raise SmokeFailed(
            problem.what,
            why=f"{problem.why} The book {book['id']} is kept.".lstrip(),
            fix=problem.fix,
        ) from problem
    api.call("DELETE", f"/books/{book['id']}")
    return Smoked(round(seconds, 2), round(agreement, 4), version)


def _healthy(api: Api) -> str:
    """The application's version; `SmokeFailed` names what its checks find unwell."""
    try:
        api.get("/health/deep")
    except ApiProblem as problem:
        if problem.answer is None:
            raise
        unwell = [
            f"{check['label']}: {check.get('message') or 'no reason given'}"
            for check in problem.answer["checks"]
            if check["status"] == "unhealthy"
        ]
        raise SmokeFailed(
            "The stack is unhealthy.", why=" | ".join(unwell), fix="See its admin page."
        ) from problem
    return str(api.get("/health")["version"])


def _cut(api: Api, book_id: str, say: Callable[[str], None], deadline: float) -> tuple[float, float]:
    import httpx
    import numpy as np
    from PIL import Image

    from workers.samples.generator import generate

    sample = generate(SEED, size=SIZE, background="wood", pose="lying")
    photo = io.BytesIO()
    Image.fromarray(sample.image).save(photo, "JPEG", quality=92)
    start = time.monotonic()
    made = api.upload(f"/books/{book_id}/images", photo.getvalue(), "image/jpeg")
    say("Waiting for its cutout")
    image = _wait(api, f"/books/{book_id}/images/{made['id']}", start + deadline)
    seconds = time.monotonic() - start
    primary = api.get(f"/books/{book_id}").get("primary_image") or {}
    if primary.get("kind") != "processed":
        raise SmokeFailed("The cutout did not become the book's primary image.")
    answer = httpx.get(image["outputs"]["cutout"]["url"], timeout=60)
    if not answer.is_success:
        raise SmokeFailed(f"The cutout's address answers {answer.status_code}.")
    with Image.open(io.BytesIO(answer.content)) as cutout:
        if cutout.mode != "RGBA" or cutout.size != SIZE:
            raise SmokeFailed(f"The cutout is {cutout.mode} of {cutout.size}, not RGBA of {SIZE}.")
        found = np.asarray(cutout)[..., 3] > 127
    drawn = sample.alpha > 127
    agreement = float((found & drawn).sum() / max(1, (found | drawn).sum()))
    if agreement < AGREEMENT:
        raise SmokeFailed(f"The cutout agrees with what was drawn in {agreement:.1%} only.")
    return seconds, agreement


def _wait(api: Api, path: str, deadline: float) -> dict[str, Any]:
    """The image when its job has ended well."""
    while True:
        image = api.get(path)
        job = image.get("job") or {}
        if job.get("status") == JobStatus.SUCCEEDED and image.get("outputs"):
            return image
        if job.get("status") in (JobStatus.FAILED, JobStatus.SUPERSEDED, JobStatus.CANCELLED):
            error = job.get("error") or {}
            raise SmokeFailed(
                f"The photo's job ended as {job['status']}.",
                why=f"{error.get('code', 'no code')}: {error.get('message', '')}",
                fix="See the worker's logs.",
            )
        if time.monotonic() > deadline:
            raise SmokeFailed(
                f"The photo's job is still {job.get('status', 'unknown')}.",
                why=f"{job.get('attempts', 0)} tries were made, and no result came.",
                fix="See the queue's depth and dead letters (`bmx queue`), and the worker's logs.",
            )
        time.sleep(0.5)
