"""Results: twice, out of order, unknown, outdated, foreign."""

import logging
from typing import Any

import pytest

from chalicelib.api.present import kind_of, state_of
from chalicelib.events import NothingAppliedError, apply_results
from chalicelib.services import books, images, importing, jobs, results
from chalicelib.services.books import Standing
from chalicelib.services.results import Applied
from tests.app.world import World, failed, succeeded
from workers.contracts import ErrorCode, ImageJob, ImageResult, JobStatus, Problem, ResultStatus


@pytest.fixture
def job(world: World) -> ImageJob:
    """The primary image's job of a book with two images."""
    world.put_listing("atlas", "image_01.jpg", "image_02.jpg")
    importing.import_listing(world.res, "atlas")
    return world.messages()[0]


def test_a_result_that_is_faster_than_the_record_of_its_sending(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_listing("atlas", "image_01.jpg")
    send = world.res.clients.sqs.send_message_batch

    def send_and_answer(**arguments: Any) -> Any:
        answer = send(**arguments)
        for message in arguments["Entries"]:
            job = ImageJob.model_validate_json(message["MessageBody"])
            assert results.apply(world.res, succeeded(job)) is Applied.SUCCEEDED
        return answer

    monkeypatch.setattr(world.res.clients.sqs, "send_message_batch", send_and_answer)
    importing.import_listing(world.res, "atlas")
    ((status, attempts, in_order),) = world.rows(
        "SELECT status, attempts, queued_at <= finished_at FROM image_jobs"
    )
    assert (status, attempts, in_order) == ("succeeded", 1, True)


def test_a_success_shows_the_cutout_and_keeps_the_original(world: World, job: ImageJob) -> None:
    assert results.apply(world.res, succeeded(job)) is Applied.SUCCEEDED
    gallery = books.get(world.res, job.book_id)
    primary = gallery.primary
    assert primary is not None
    assert primary.id == job.image_id
    assert kind_of(primary) == "processed"
    assert primary.key == job.source.key
    assert world.keys(job.source.key) == [job.source.key]
    assert jobs.get(world.res, job.job_id).status == JobStatus.SUCCEEDED


def test_the_same_result_twice_changes_nothing(world: World, job: ImageJob) -> None:
    results.apply(world.res, succeeded(job))
    before = world.rows("SELECT updated_at, finished_at FROM image_jobs WHERE id = %s", job.job_id)
    world.clock.advance(minutes=5)
    assert results.apply(world.res, succeeded(job)) is Applied.UNCHANGED
    assert world.rows("SELECT updated_at, finished_at FROM image_jobs WHERE id = %s", job.job_id) == before


def test_a_failure_after_a_success_changes_nothing(world: World, job: ImageJob) -> None:
    results.apply(world.res, succeeded(job))
    assert results.apply(world.res, failed(job)) is Applied.UNCHANGED
    assert jobs.get(world.res, job.job_id).status == JobStatus.SUCCEEDED


def test_a_success_after_a_failure_counts(world: World, job: ImageJob) -> None:
    assert results.apply(world.res, failed(job)) is Applied.FAILED
    assert jobs.get(world.res, job.job_id).error_code == ErrorCode.CORRUPT_IMAGE
    assert results.apply(world.res, succeeded(job)) is Applied.SUCCEEDED
    assert jobs.get(world.res, job.job_id).error_code is None


def test_a_result_that_overtakes_the_note_of_its_sending_stands(world: World, job: ImageJob) -> None:
    world.run("UPDATE image_jobs SET status = 'pending', attempts = 0 WHERE id = %s", job.job_id)
    results.apply(world.res, succeeded(job))
    assert jobs.send(world.res, [job.job_id]).sent == []
    assert jobs.get(world.res, job.job_id).status == JobStatus.SUCCEEDED


def test_a_result_of_an_unknown_job_is_acknowledged_with_a_warning(
    world: World, job: ImageJob, caplog: pytest.LogCaptureFixture
) -> None:
    for unknown in ("01890a5d-ac96-774b-bcce-b302099a8057", "not-an-id"):
        with caplog.at_level(logging.WARNING):
            result = succeeded(job).model_copy(update={"job_id": unknown})
            assert apply_results(world.res, [("m1", result.model_dump_json())]) == {"batchItemFailures": []}
        assert unknown in caplog.text


def test_a_result_of_an_older_source_is_superseded(world: World, job: ImageJob) -> None:
    world.run("UPDATE book_images SET etag = 'newer' WHERE id = %s", job.image_id)
    assert results.apply(world.res, succeeded(job)) is Applied.SUPERSEDED
    assert images.get(world.res, job.book_id, job.image_id).outputs is None


def test_a_source_that_changed_unrecorded_is_a_failure_with_its_reason(world: World, job: ImageJob) -> None:
    result = ImageResult(job_id=job.job_id, status=ResultStatus.SUPERSEDED)
    assert results.apply(world.res, result) is Applied.FAILED
    ended = jobs.get(world.res, job.job_id)
    assert (ended.status, ended.error_code) == (JobStatus.FAILED, ErrorCode.SOURCE_CHANGED)
    assert "complete" in (ended.error_message or "")
    entry = books.get(world.res, job.book_id).images[0]
    assert state_of(Standing.of(entry.image, entry.job)) == "failed"
    assert results.apply(world.res, result) is Applied.UNCHANGED


def test_a_source_that_changed_and_is_recorded_leaves_its_newer_job_alone(
    world: World, job: ImageJob
) -> None:
    world.run("UPDATE book_images SET etag = 'newer' WHERE id = %s", job.image_id)
    result = ImageResult(job_id=job.job_id, status=ResultStatus.SUPERSEDED)
    assert results.apply(world.res, result) is Applied.SUPERSEDED
    assert jobs.get(world.res, job.job_id).error_code is None


def test_an_image_that_is_no_longer_primary_does_not_take_the_place_back(world: World, job: ImageJob) -> None:
    other = books.get(world.res, job.book_id).images[1].image
    images.change(world.res, job.book_id, other.id, primary=True)
    results.apply(world.res, succeeded(job))
    gallery = books.get(world.res, job.book_id)
    assert gallery.book.primary_image_id == other.id
    assert gallery.primary is not None
    assert kind_of(gallery.primary) == "original"
    assert state_of(Standing.of(gallery.images[0].image, gallery.images[0].job)) == "processed"


def test_a_result_that_names_foreign_objects_is_refused(world: World, job: ImageJob) -> None:
    with pytest.raises(Problem, match="books/other/"):
        results.apply(world.res, succeeded(job, prefix="books/other/cutouts/x/"))
    assert images.get(world.res, job.book_id, job.image_id).outputs is None


def test_only_the_bad_messages_of_a_batch_come_again(world: World, job: ImageJob) -> None:
    newer = succeeded(job).model_dump_json().replace('"version":1', '"version":2', 1)
    batch = [("good", succeeded(job).model_dump_json()), ("newer", newer), ("noise", "{"), ("list", "[]")]
    reply = apply_results(world.res, batch)
    assert [it["itemIdentifier"] for it in reply["batchItemFailures"]] == ["newer", "noise", "list"]
    assert jobs.get(world.res, job.job_id).status == JobStatus.SUCCEEDED


def test_an_unreachable_database_leaves_the_results_in_the_queue(
    world: World, job: ImageJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.res.database.dispose()
    world.change_password("another")
    with pytest.raises(NothingAppliedError):
        apply_results(world.res, [("m1", succeeded(job).model_dump_json())])


def test_a_message_alone_stays_in_the_queue_whatever_its_mapping_reports(world: World) -> None:
    with pytest.raises(NothingAppliedError):
        apply_results(world.res, [("noise", "{")])
    assert apply_results(world.res, []) == {"batchItemFailures": []}


def test_a_failure_that_comes_late_says_more_than_that_no_result_came(world: World) -> None:
    world.put_listing("late", "image_01.jpg")
    importing.import_listing(world.res, "late")
    (message,) = world.messages()
    world.run("UPDATE image_jobs SET status = 'failed', error_code = 'no_result'")
    assert results.apply(world.res, failed(message)) == "failed"
    assert results.apply(world.res, failed(message)) == "unchanged"
    assert jobs.get(world.res, message.job_id).error_code == "corrupt_image"
