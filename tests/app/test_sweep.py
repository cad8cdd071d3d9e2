"""The minute's round: deadlines, attempts, back-off, several rounds at once."""

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from chalicelib.faults import Fault, FaultCode, NotFoundError
from chalicelib.services import books, health, images, importing, jobs, results, retrying, sweep
from tests.app.world import JPEG, QUEUES, World, failed, succeeded
from workers.contracts import ErrorCode, JobStatus, QueueConfig, parse_job

DEADLINE = QueueConfig.model_validate(QUEUES["image_processing"]).result_deadline


def import_one(world: World) -> str:
    world.put_listing("atlas", "image_01.jpg")
    importing.import_listing(world.res, "atlas")
    return world.messages()[0].job_id


def test_a_job_without_result_is_sent_five_times_and_then_failed(world: World) -> None:
    job_id = import_one(world)
    for attempt in range(2, 6):
        world.clock.advance(seconds=DEADLINE - 5)
        assert sweep.run(world.res).sent == 0, "the deadline has not passed"
        world.clock.advance(seconds=10)
        assert sweep.run(world.res).sent == 1
        assert len(world.messages()) == 1, "a worker takes it, and dies"
        assert jobs.get(world.res, job_id).attempts == attempt
    world.clock.advance(seconds=DEADLINE + 5)
    report = sweep.run(world.res)
    assert (report.sent, report.gave_up) == (0, 1)
    job = jobs.get(world.res, job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, ErrorCode.NO_RESULT)


def test_messages_that_wait_for_a_worker_are_not_sent_again(world: World) -> None:
    """The worker stands still for hours: nothing is lost, and nothing is doubled."""
    world.put_listing("atlas", "image_01.jpg", "image_02.jpg")
    importing.import_listing(world.res, "atlas")
    for _ in range(12):
        world.clock.advance(seconds=DEADLINE + 1)
        report = sweep.run(world.res)
        assert (report.sent, report.gave_up) == (0, 0)
    assert [it.attempts for it in (jobs.get(world.res, it.job_id) for it in world.messages())] == [1, 1]
    world.clock.advance(seconds=DEADLINE + 1)
    assert sweep.run(world.res).sent == 2, "they were taken, and no result came"


def test_a_long_queue_that_is_worked_off_is_not_sent_again(world: World) -> None:
    """It takes three deadlines. Those of one batch have one time of sending, and are answered one by one."""
    world.put_listing("atlas", *(f"image_{number:02d}.jpg" for number in range(1, 41)))
    importing.import_listing(world.res, "atlas")
    sqs, url = boto3.client("sqs"), world.queue_url()
    taken = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=4)["Messages"]
    for number in range(40):
        # The last ones are in work for long after no message waits.
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"] if number < 36 else (taken[number - 36],)
        world.clock.advance(seconds=3 * DEADLINE / 40)
        results.apply(world.res, succeeded(parse_job(message["Body"])))
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        report = sweep.run(world.res)
        assert (report.sent, report.gave_up) == (0, 0)
    assert world.messages() == []


def test_what_waits_does_not_keep_back_what_was_never_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker stands still with more jobs than a round looks at."""
    for number in range(2):
        world.put_listing(f"atlas-{number}", *(f"image_{it:03d}.jpg" for it in range(1, 121)))
        importing.import_listing(world.res, f"atlas-{number}")
    world.put_listing("last", "image_01.jpg", "image_02.jpg")
    with monkeypatch.context() as broken:
        world.break_queue(broken)
        importing.import_listing(world.res, "last")
    world.clock.advance(seconds=DEADLINE + 1)
    assert sweep.run(world.res).sent == 2


def test_a_lost_message_is_sent_again_while_others_wait(world: World) -> None:
    """Workers answer what was sent after it, so it does not wait any more."""
    lost = import_one(world)
    world.clock.advance(seconds=10)
    world.put_listing("later", "image_01.jpg")
    importing.import_listing(world.res, "later")
    (later,) = world.messages()
    world.clock.advance(seconds=10)
    world.put_listing("last", "image_01.jpg")
    importing.import_listing(world.res, "last")
    world.clock.advance(seconds=DEADLINE + 1)
    assert sweep.run(world.res).sent == 0, "nothing says that it does not wait"
    results.apply(world.res, succeeded(later))
    world.clock.advance(minutes=3)
    assert sweep.run(world.res).sent == 0, "one may come before the other"
    world.clock.advance(seconds=DEADLINE + 1)
    assert sweep.run(world.res).sent == 1
    assert jobs.get(world.res, lost).attempts == 2


def test_where_the_queue_does_not_say_how_long_it_is_the_deadline_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_listing("atlas", "image_01.jpg")
    importing.import_listing(world.res, "atlas")
    denied = health.Depth(name="q", status=health.QueueStatus.ACCESS_DENIED, message="denied")
    monkeypatch.setattr(health, "examine_queue", lambda *_: denied)
    world.clock.advance(seconds=DEADLINE + 1)
    assert sweep.run(world.res).sent == 1


def test_a_late_result_of_a_job_given_up_counts(world: World) -> None:
    world.put_listing("atlas", "image_01.jpg")
    importing.import_listing(world.res, "atlas")
    (message,) = world.messages()
    world.run("UPDATE image_jobs SET attempts = 5")
    world.clock.advance(seconds=DEADLINE + 1)
    assert sweep.run(world.res).gave_up == 1
    results.apply(world.res, succeeded(message))
    assert jobs.get(world.res, message.job_id).status == JobStatus.SUCCEEDED


def test_refusals_in_a_row_wait_longer_each(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put_listing("atlas", "image_01.jpg")
    world.break_queue(monkeypatch)
    importing.import_listing(world.res, "atlas")
    waits = []
    for _ in range(7):
        (due, now) = (world.rows("SELECT next_attempt_at FROM image_jobs")[0][0], world.clock.now)
        waits.append(round((due - now).total_seconds()))
        world.clock.now = due
        assert sweep.run(world.res).refused == 1
    assert waits == [30, 60, 120, 240, 480, 900, 900]


def test_rounds_at_the_same_time_send_each_job_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put_listing("atlas", *(f"image_{number:02d}.jpg" for number in range(1, 41)))
    with monkeypatch.context() as broken:
        world.break_queue(broken)
        importing.import_listing(world.res, "atlas")
    world.clock.advance(minutes=2)
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: sweep.run(world.res), range(4)))
    assert sum(it.sent for it in reports) == 40
    assert len(world.messages()) == 40


def test_a_failed_job_is_retried_by_hand_with_all_attempts_before_it(world: World) -> None:
    world.put_listing("atlas", "image_01.jpg")
    importing.import_listing(world.res, "atlas")
    (message,) = world.messages()
    results.apply(world.res, failed(message))
    job = retrying.retry(world.res, message.job_id)
    assert (job.status, job.attempts, job.error_code) == (JobStatus.QUEUED, 1, None)
    assert world.messages() == [message]


def test_a_job_on_its_way_or_done_is_not_retried(world: World) -> None:
    world.put_listing("atlas", "image_01.jpg")
    importing.import_listing(world.res, "atlas")
    (message,) = world.messages()
    with pytest.raises(Fault) as queued:
        retrying.retry(world.res, message.job_id)
    results.apply(world.res, succeeded(message))
    with pytest.raises(Fault) as done:
        retrying.retry(world.res, message.job_id)
    assert queued.value.code is done.value.code is FaultCode.JOB_NOT_RETRYABLE
    with pytest.raises(NotFoundError):
        retrying.retry(world.res, "01890a5d-ac96-774b-bcce-b302099a8057")


def test_an_upload_that_was_never_completed_is_deleted_after_a_day(world: World) -> None:
    world.put_listing("atlas", "image_01.jpg")
    book_id = importing.import_listing(world.res, "atlas").book_id
    sent, unsent = (images.presign(world.res, book_id, "image/jpeg") for _ in range(2))
    world.put(sent.fields["key"], JPEG)
    images.upload(world.res, book_id, JPEG)
    world.clock.advance(hours=23)
    assert sweep.run(world.res).abandoned_uploads == 0
    world.clock.advance(hours=2)
    assert sweep.run(world.res).abandoned_uploads == 2
    assert sweep.run(world.res).abandoned_uploads == 0
    assert world.keys(sent.fields["key"]) == []
    assert [it.image.position for it in books.get(world.res, book_id).images] == [1, 4]
    with pytest.raises(NotFoundError):
        images.complete(world.res, book_id, unsent.image_id)


def test_an_upload_whose_object_cannot_be_deleted_is_kept_for_the_next_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ClientError

    world.put_listing("atlas", "image_01.jpg")
    book_id = importing.import_listing(world.res, "atlas").book_id
    images.presign(world.res, book_id, "image/jpeg")
    world.messages()
    world.clock.advance(hours=25)

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteObject")

    with monkeypatch.context() as broken:
        broken.setattr(world.res.clients.s3, "delete_object", refuse)
        report = sweep.run(world.res)
    assert (report.sent, report.abandoned_uploads) == (1, 0), "the jobs are seen to all the same"
    assert sweep.run(world.res).abandoned_uploads == 1
