"""From a listing to a book with jobs."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.faults import Fault, FaultCode
from chalicelib.resources import Resources
from chalicelib.services import books, importing, jobs, listings, retrying, sweep
from tests.app.world import World
from workers.contracts import ErrorCode, JobStatus


def fail_copies_of(world: World, monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    """Make the server-side copy of these keys fail."""
    copy = world.res.clients.s3.copy_object

    def refuse(**arguments: Any) -> Any:
        if arguments["CopySource"]["Key"] in keys:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "gone"}}, "CopyObject")
        return copy(**arguments)

    monkeypatch.setattr(world.res.clients.s3, "copy_object", refuse)


def test_every_photo_becomes_an_image_with_a_job_and_the_first_is_primary_and_sent_first(
    world: World,
) -> None:
    world.put_listing("atlas", "image_02.jpg", "image_01.webp", "image_10.png", "notes.txt")

    imported = importing.import_listing(world.res, "atlas", "An atlas")

    gallery = books.get(world.res, imported.book_id)
    assert imported.created
    assert gallery.book.title == "An atlas"
    assert [it.image.key for it in gallery.images] == [
        f"books/{imported.book_id}/image_01.webp",
        f"books/{imported.book_id}/image_02.jpg",
        f"books/{imported.book_id}/image_10.png",
    ]
    assert gallery.primary is gallery.images[0].image
    sent = world.messages()
    assert [it.image_id for it in sent] == [it.image.id for it in gallery.images]
    assert all(it.job is not None and it.job.status == JobStatus.QUEUED for it in gallery.images)
    assert sent[0].source.etag == gallery.images[0].image.etag
    assert sent[0].destination_prefix == f"books/{imported.book_id}/cutouts/{sent[0].image_id}/"


def test_more_photos_than_one_batch_are_all_sent(world: World) -> None:
    world.put_listing("many", *(f"image_{number:02d}.jpg" for number in range(1, 24)))
    importing.import_listing(world.res, "many")
    assert len({it.job_id for it in world.messages()}) == 23


def test_a_listing_that_does_not_exist_names_the_prefix(world: World) -> None:
    world.put_listing("atlas-2", "image_01.jpg")
    with pytest.raises(Fault) as caught:
        importing.import_listing(world.res, "atlas")
    assert caught.value.code is FaultCode.LISTING_NOT_FOUND
    assert caught.value.details["prefix"] == "listings/atlas/"
    assert world.rows("SELECT id FROM books") == []


def test_one_failed_copy_is_recorded_and_the_next_photo_is_primary(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_listing("atlas", "image_01.jpg", "image_02.jpg", "image_03.jpg")
    fail_copies_of(world, monkeypatch, "listings/atlas/image_01.jpg")

    book_id = importing.import_listing(world.res, "atlas").book_id

    first, second, third = books.get(world.res, book_id).images
    assert first.image.status == "copy_failed"
    assert first.job is not None
    assert first.job.status == JobStatus.FAILED
    assert first.job.error_code == ErrorCode.COPY_FAILED
    assert books.get(world.res, book_id).primary is not None
    assert books.get(world.res, book_id).book.primary_image_id == second.image.id
    assert [it.image_id for it in world.messages()] == [second.image.id, third.image.id]


def test_a_failed_copy_is_made_again_by_retry(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put_listing("atlas", "image_01.jpg")
    with monkeypatch.context() as broken:
        fail_copies_of(world, broken, "listings/atlas/image_01.jpg")
        book_id = importing.import_listing(world.res, "atlas").book_id
        (only,) = books.get(world.res, book_id).images
        assert only.job is not None
        with pytest.raises(Fault, match="could not be copied"):
            retrying.retry(world.res, only.job.id)

    assert retrying.retry(world.res, only.job.id).status == JobStatus.QUEUED
    gallery = books.get(world.res, book_id)
    assert gallery.primary is not None
    assert gallery.primary.status == "stored"
    (sent,) = world.messages()
    assert sent.source.etag == gallery.primary.etag


def test_the_same_listing_twice_is_one_book(world: World) -> None:
    world.put_listing("atlas", "image_01.jpg")
    first = importing.import_listing(world.res, "atlas")
    second = importing.import_listing(world.res, "atlas")
    assert (first.created, second.created) == (True, False)
    assert first.book_id == second.book_id
    assert len(world.messages()) == 1


def test_the_same_listing_at_the_same_time_is_one_book(world: World) -> None:
    world.put_listing("atlas", "image_01.jpg", "image_02.jpg")
    _ = world.res.clients.s3, world.res.clients.sqs, world.res.clients.secrets, world.res.database.engine
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: importing.import_listing(world.res, "atlas"), range(4)))
    assert sum(it.created for it in made) == 1
    assert len({it.book_id for it in made}) == 1
    assert world.rows("SELECT count(*) FROM book_images") == [(2,)]
    assert len(world.messages()) == 2


def test_a_call_that_comes_second_does_not_have_the_first_ones_copies_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_listing("atlas", "image_01.jpg", "image_02.jpg")
    look = listings.photos

    def overtaken(res: Resources, item: str) -> tuple[listings.Photo, ...]:
        monkeypatch.setattr(listings, "photos", look)
        assert importing.import_listing(world.res, "atlas").created
        return look(res, item)

    monkeypatch.setattr(listings, "photos", overtaken)
    assert not importing.import_listing(world.res, "atlas").created
    copies = world.keys("books/")
    assert len(copies) == 2
    world.clock.advance(hours=1, minutes=1)
    sweep.run(world.res)
    assert world.keys("books/") == copies
    assert world.rows("SELECT count(*) FROM object_deletions") == [(0,)]


def test_a_call_that_would_wait_too_long_for_another_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_listing("atlas", "image_01.jpg")
    monkeypatch.setattr(importing, "_WAIT_FOR_OTHER", "200ms")
    copying, go_on = Event(), Event()
    copy = world.res.clients.s3.copy_object

    def slow(**arguments: Any) -> Any:
        copying.set()
        assert go_on.wait(30)
        return copy(**arguments)

    monkeypatch.setattr(world.res.clients.s3, "copy_object", slow)
    _ = world.res.clients.sqs, world.res.clients.secrets, world.res.database.engine
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(importing.import_listing, world.res, "atlas")
        try:
            assert copying.wait(30)
            with pytest.raises(Fault) as refused:
                importing.import_listing(world.res, "atlas")
        finally:
            go_on.set()
        assert first.result().created
    assert refused.value.code == FaultCode.IMPORT_IN_PROGRESS


def test_the_rows_are_committed_when_the_message_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_listing("atlas", "image_01.jpg", "image_02.jpg")
    seen: list[int] = []
    send = world.res.clients.sqs.send_message_batch

    def watch(**arguments: Any) -> Any:
        seen.append(world.rows("SELECT count(*) FROM image_jobs WHERE status = 'pending'")[0][0])
        return send(**arguments)

    monkeypatch.setattr(world.res.clients.sqs, "send_message_batch", watch)
    importing.import_listing(world.res, "atlas")
    assert seen == [2]


def test_a_refused_message_is_kept_and_sent_by_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_listing("atlas", "image_01.jpg")
    with monkeypatch.context() as broken:
        world.break_queue(broken)
        book_id = importing.import_listing(world.res, "atlas").book_id
    (only,) = books.get(world.res, book_id).images
    assert only.job is not None
    assert only.job.status == JobStatus.QUEUE_FAILED
    assert "AccessDenied" in (only.job.send_error or "")
    assert world.messages() == []

    assert sweep.run(world.res).sent == 0, "the back-off has not passed"
    world.clock.advance(seconds=31)
    assert sweep.run(world.res).sent == 1
    assert [it.job_id for it in world.messages()] == [only.job.id]
    after = jobs.get(world.res, only.job.id)
    assert (after.status, after.send_error, after.attempts) == (JobStatus.QUEUED, None, 1)


def test_a_stop_between_commit_and_sending_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_listing("atlas", "image_01.jpg")

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(jobs, "send", stop)
        with pytest.raises(KeyboardInterrupt):
            importing.import_listing(world.res, "atlas")
    assert world.rows("SELECT status FROM image_jobs") == [("pending",)]
    world.clock.advance(seconds=61)
    assert sweep.run(world.res).sent == 1
    assert len(world.messages()) == 1
