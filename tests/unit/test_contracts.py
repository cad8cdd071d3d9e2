"""Messages and statuses that application and workers share."""

import json

import pytest
from pydantic import ValidationError

from workers.contracts import (
    ErrorCode,
    ImageJob,
    ImageResult,
    JobStatus,
    QueueConfig,
    Recipe,
    ResultStatus,
    UnsupportedVersionError,
    can_follow,
    parse_job,
    parse_result,
)

JOB = {
    "version": 1,
    "job_id": "j",
    "image_id": "i",
    "book_id": "b",
    "source": {"bucket": "images", "key": "books/b/image_01.jpg", "etag": "abc"},
    "destination_prefix": "books/b/cutouts/i/",
}


def test_a_job_survives_its_way_through_the_queue() -> None:
    job = parse_job(json.dumps(JOB))
    assert parse_job(job.model_dump_json()) == job
    assert job.recipe == Recipe()


@pytest.mark.parametrize("version", [2, 0, "1", None])
def test_a_message_of_another_version_is_refused_by_name(version: object) -> None:
    with pytest.raises(UnsupportedVersionError, match="version 1"):
        parse_job(json.dumps({**JOB, "version": version}))
    with pytest.raises(UnsupportedVersionError):
        parse_result(json.dumps({"version": version, "job_id": "j", "status": "failed"}))


@pytest.mark.parametrize("prefix", ["/books/", "books/b", ""])
def test_a_destination_is_a_prefix(prefix: str) -> None:
    with pytest.raises(ValidationError):
        ImageJob.model_validate({**JOB, "destination_prefix": prefix})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        parse_job(json.dumps({**JOB, "colour": "blue"}))


def test_a_result_says_what_became_of_the_job() -> None:
    with pytest.raises(ValidationError, match="needs outputs"):
        ImageResult(job_id="j", status=ResultStatus.SUCCEEDED)
    with pytest.raises(ValidationError, match="needs an error"):
        ImageResult(job_id="j", status=ResultStatus.FAILED)


def test_equal_recipes_have_equal_names_and_others_have_not() -> None:
    names = {Recipe(precision=p, cutout_format=f).name for p in ("int8", "fp32") for f in ("webp", "png")}
    assert len(names) == 4
    assert Recipe().name == "u2net-int8-webp"


def test_what_has_ended_does_not_start_again_unless_it_failed() -> None:
    for status in JobStatus:
        revivable = {after for after in JobStatus if can_follow(status, after) and not after.is_final}
        if status is JobStatus.FAILED:
            assert revivable == {JobStatus.PENDING}
        elif status.is_final:
            assert revivable == set()


def test_each_open_status_can_end_because_results_may_overtake_notes() -> None:
    for status in (JobStatus.PENDING, JobStatus.QUEUED, JobStatus.QUEUE_FAILED):
        assert can_follow(status, JobStatus.SUCCEEDED)
        assert can_follow(status, JobStatus.FAILED)


def test_a_deadline_covers_every_delivery() -> None:
    queue = QueueConfig(
        queue="q",
        arn="arn:aws:sqs:us-west-2:123456789012:q",
        dlq="q-dlq",
        consumer="container",
        visibility_timeout=360,
        max_receive=3,
    )
    assert queue.result_deadline == 360 * 3 + 60


def test_error_codes_are_words_for_an_api() -> None:
    assert all(code.value == code.value.lower() and " " not in code.value for code in ErrorCode)
