"""Each process, killed before each of its effects: nothing lost, nothing doubled, no orphan, none stuck."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import boto3
import numpy as np
import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib import events, resources
from chalicelib.faults import Fault, NotFoundError
from chalicelib.ids import book_id_of_listing, new_id
from chalicelib.resources import Resources
from chalicelib.services import editing, images, importing, retrying, sweep
from chalicelib.services.keys import cutout_prefix
from tests.app.kill import Killed, Process, watched
from tests.app.world import JPEG, REGION, World, failed
from workers.contracts import Engine, Quality, Recipe, Subject, parse_job
from workers.image_processor.cutout import Cutout
from workers.image_processor.cutout.encode import encode
from workers.image_processor.handler import Worker
from workers.image_processor.settings import Settings

PHOTOS = ("image_01.jpg", "image_02.jpg", "image_03.jpg")
OTHER = Recipe(cutout_format="png")


class Scene:
    """One way through the system, again and again, each time under names of its own."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.item = f"atlas-{number}"
        self.book_id = book_id_of_listing(self.item)
        self.image_id = new_id()

    @property
    def res(self) -> Resources:
        """A process's own, made anew after each death."""
        return self.world.res

    def imported(self) -> "Scene":
        self.world.put_listing(self.item, *PHOTOS)
        importing.import_listing(self.res, self.item)
        return self

    def settled(self) -> "Scene":
        settle(self.imported().world)
        return self

    def first(self) -> str:
        query = "SELECT id FROM book_images WHERE book_id = %s ORDER BY position LIMIT 1"
        return str(self.world.rows(query, self.book_id)[0][0])


def worker(world: World) -> Worker:
    s3, sqs = boto3.client("s3", region_name=REGION), boto3.client("sqs", region_name=REGION)
    return Worker(s3, sqs, Settings(world.queue_url("image_results"), Path()))


def work(world: World) -> None:
    """The image worker's turn, as Lambda gives it: a message is deleted once the handler is done with it."""
    mine = worker(world)
    url = world.queue_url()
    # Out of sight for no time: what a dead worker had comes back at once.
    while found := mine.sqs.receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages"):
        mine.answer(mine.run(parse_job(found[0]["Body"]), None))
        mine.sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])


def take_results(world: World) -> None:
    """The result handler's turn."""
    sqs = boto3.client("sqs", region_name=REGION)
    url = world.queue_url("image_results")
    while found := sqs.receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages"):
        reply = events.apply_results(world.res, [(found[0]["MessageId"], found[0]["Body"])])
        assert reply == {"batchItemFailures": []}
        sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])


def settle(world: World) -> None:
    """A day and more passes, with everybody at work."""
    for minutes in (3, 25, 90, 1500, 60):
        world.clock.advance(minutes=minutes)
        sweep.run(world.res)
        work(world)
        take_results(world)


def import_(scene: Scene) -> None:
    importing.import_listing(scene.res, scene.item)


def upload(scene: Scene) -> None:
    editing.create_book(scene.res, "By hand", scene.book_id)
    images.upload(scene.res, scene.book_id, JPEG, scene.image_id)


def presigned(scene: Scene) -> None:
    editing.create_book(scene.res, "By hand", scene.book_id)
    try:
        form = images.presign(scene.res, scene.book_id, "image/jpeg", scene.image_id)
    except Fault as fault:
        # It was completed before the process died; the refusal names the image.
        if fault.details.get("image_id") != scene.image_id:
            raise
    else:
        scene.world.put(form.fields["key"], JPEG)
    images.complete(scene.res, scene.book_id, scene.image_id)


def another_recipe(scene: Scene) -> None:
    editing.process(scene.res, scene.book_id, scene.first(), OTHER)


def delete_image(scene: Scene) -> None:
    with contextlib.suppress(NotFoundError):
        editing.delete_image(scene.res, scene.book_id, scene.image_id)


def delete_book(scene: Scene) -> None:
    with contextlib.suppress(NotFoundError):
        editing.delete_book(scene.res, scene.book_id)


def retry_all(scene: Scene) -> None:
    retrying.retry_all(scene.res, status="failed", book_id=scene.book_id)  # type: ignore[arg-type]


def prepare_listing(scene: Scene) -> None:
    scene.world.put_listing(scene.item, *PHOTOS)


def prepare_nothing(scene: Scene) -> None:
    """The way makes all that it needs."""


def prepare_cut_out(scene: Scene) -> None:
    scene.settled()
    scene.image_id = scene.first()


def prepare_queued(scene: Scene) -> None:
    scene.imported()


def prepare_results(scene: Scene) -> None:
    scene.imported()
    work(scene.world)


def prepare_failed(scene: Scene) -> None:
    scene.imported()
    for job in scene.world.messages():
        worker(scene.world).answer(failed(job))
    take_results(scene.world)


def prepare_refused(scene: Scene) -> None:
    with pytest.MonkeyPatch.context() as broken:
        scene.world.break_queue(broken)
        scene.imported()
    scene.world.clock.advance(minutes=5)


def silent(*_: object) -> None:
    """A bucket that does not answer."""
    raise EndpointConnectionError(endpoint_url="https://s3.example.invalid")


def prepare_leftovers(scene: Scene) -> None:
    """A book that was deleted while its bucket did not answer, and an upload that nobody completed."""
    scene.settled()
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr("chalicelib.services.deletions._delete", silent)
        editing.delete_book(scene.res, scene.book_id)
    editing.create_book(scene.res, "By hand", book := new_id())
    form = images.presign(scene.res, book, "image/jpeg")
    scene.world.put(form.fields["key"], JPEG)
    scene.world.clock.advance(days=2)


def books(*counts: int) -> Callable[[Scene], None]:
    """What there has to be in the end: so many images of the scene's book (one of the numbers), each with its
    cutout."""

    def check(scene: Scene) -> None:
        found = scene.world.rows(
            "SELECT outputs IS NOT NULL, status FROM book_images WHERE book_id = %s", scene.book_id
        )
        assert set(found) <= {(True, "stored")}
        assert len(found) in counts

    return check


def recut(scene: Scene) -> None:
    books(len(PHOTOS))(scene)
    found = scene.world.rows("SELECT recipe_name, outputs FROM book_images WHERE id = %s", scene.first())
    assert found[0][0] == OTHER.name
    assert OTHER.name in found[0][1]["cutout"]["key"]


Act = Callable[[Scene], object]

NOBODY_ASKS_AGAIN = "nobody asks again for"
"""Else whoever called the process calls it again after its death, as clients, queues and schedules do."""

WAYS: dict[str, tuple[Act, Act, Act, int]] = {
    # what was there, what is done (and done again by who asked for it), what there has to be, fewest effects
    "import": (prepare_listing, import_, books(3), 7),
    "upload": (prepare_nothing, upload, books(1), 6),
    "presigned upload": (prepare_nothing, presigned, books(1), 5),
    f"{NOBODY_ASKS_AGAIN} the import": (prepare_listing, import_, books(0, 3), 7),
    f"{NOBODY_ASKS_AGAIN} the upload": (prepare_nothing, upload, books(0, 1), 6),
    "another recipe": (prepare_cut_out, another_recipe, recut, 3),
    "delete an image": (prepare_cut_out, delete_image, books(2), 4),
    "delete a book": (prepare_cut_out, delete_book, books(0), 4),
    "retry all": (prepare_failed, retry_all, books(3), 3),
    "the worker": (prepare_queued, lambda scene: work(scene.world), books(3), 15),
    "the result handler": (prepare_results, lambda scene: take_results(scene.world), books(3), 6),
    "the schedule sends again": (prepare_refused, lambda scene: sweep.run(scene.res), books(3), 3),
    "the schedule tidies up": (prepare_leftovers, lambda scene: sweep.run(scene.res), books(0), 4),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network's part takes seconds and has no effect on anybody: it always finds the same."""
    image = encode(np.zeros((2, 2, 4), np.uint8), "webp")
    subject = Subject(box=(0, 0, 1, 1), coverage=0.5, luminance=0.5)
    engine = Engine(model="m", precision="p", version="1")
    found = Cutout(image, image, image, subject, Quality(), engine, {})
    monkeypatch.setattr("workers.image_processor.cutout.cut_out", lambda *_, **__: found)


@pytest.mark.parametrize("way", WAYS)
def test_a_process_may_die_anywhere(way: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, act, check, fewest = WAYS[way]
    deaths: list[str] = []
    for number in range(200):
        scene = Scene(world, number)
        prepare(scene)
        process = Process(dies_at=number)
        with watched(process, monkeypatch), contextlib.suppress(Killed):
            act(scene)
        born_again(world)
        if process.dead:
            deaths.append(process.died_before)
        if not way.startswith(NOBODY_ASKS_AGAIN):
            act(scene)
        settle(world)
        check(scene)
        nothing_is_lost_or_left(world)
        if not process.dead:
            break
    assert len(deaths) >= fewest, deaths
    assert not process.dead, "the way has no end"


def born_again(world: World) -> None:
    """A new process, with nothing of the dead one's memory."""
    world.res.database.dispose()
    world.res = Resources(world.res.settings, clock=world.clock)
    resources.use(world.res)


def nothing_is_lost_or_left(world: World) -> None:
    """Of all that there ever was in this world."""
    open_jobs = world.rows("SELECT status, error_code FROM image_jobs WHERE finished_at IS NULL")
    assert open_jobs == [], "a job is stuck"
    assert world.rows("SELECT id FROM image_jobs WHERE status = 'failed'") == []
    doubled = """SELECT image_id FROM image_jobs WHERE status = 'succeeded'
        GROUP BY image_id, source_etag, recipe_name HAVING count(*) > 1"""
    assert world.rows(doubled) == [], "a job was done twice as two"
    owned = world.rows("SELECT key, book_id, id FROM book_images")
    places = tuple(place for key, book, image in owned for place in (key, cutout_prefix(book, image)))
    assert [key for key in world.keys("books/") if not key.startswith(places)] == [], "no owner"
    assert world.messages() == []
    assert world.rows("SELECT target FROM object_deletions") == [], "a deletion was never done"
