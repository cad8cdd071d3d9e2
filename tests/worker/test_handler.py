"""The queue handler: what is answered, what is tried again, what is written."""

import io
import json
import logging
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from PIL import Image

from tests.worker.aws import BUCKET, Aws, Context
from workers.contracts import ErrorCode, Recipe, ResultStatus, S3Object
from workers.image_processor import handler as worker_handler
from workers.image_processor.cutout.pipeline import VERSION
from workers.image_processor.settings import Settings, SettingsError


def test_a_job_gives_three_outputs_and_a_result(aws: Aws, jpeg: bytes) -> None:
    job = aws.job("j1", jpeg)
    assert aws.run(job) == []
    (result,) = aws.results()
    assert result.status is ResultStatus.SUCCEEDED
    assert result.job_id == "j1"
    assert result.outputs is not None
    assert result.engine is not None
    assert (result.engine.model, result.engine.precision) == ("u2net", "int8")
    for stored, suffix, side in (
        (result.outputs.cutout, "cutout.webp", 640),
        (result.outputs.display, "display.webp", 640),
        (result.outputs.thumbnail, "thumbnail.webp", 400),
    ):
        assert stored.key.startswith("books/b1/cutouts/i1/")
        assert stored.key.endswith(f"-u2net-int8-webp-{VERSION}/{suffix}")
        head = aws.s3.head_object(Bucket=BUCKET, Key=stored.key)
        assert head["ContentType"] == stored.content_type == "image/webp"
        assert "immutable" in head["CacheControl"]
        image = Image.open(io.BytesIO(aws.content(stored.key)))
        assert image.format == "WEBP"
        assert image.size == (stored.width, stored.height)
        assert max(image.size) == side
        assert head["ContentLength"] == stored.bytes
    assert Image.open(io.BytesIO(aws.content(result.outputs.cutout.key))).mode == "RGBA"


def test_the_same_job_twice_gives_the_same_keys_and_bytes(aws: Aws, jpeg: bytes) -> None:
    job = aws.job("j1", jpeg, Recipe(cutout_format="png"))
    aws.run(job)
    aws.run(job)
    first, second = aws.results()
    assert first.outputs == second.outputs
    assert first.outputs is not None
    assert first.outputs.cutout.key.endswith(".png")
    listed = aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="books/b1/cutouts/")
    assert listed["KeyCount"] == 3


def test_only_the_messages_at_fault_are_delivered_again(aws: Aws, jpeg: bytes) -> None:
    failed = aws.run("not json", aws.job("good", jpeg), json.dumps({"version": 9, "job_id": "x"}), "{}")
    assert failed == ["0", "2", "3"]
    (result,) = aws.results()
    assert result.job_id == "good"


def test_a_replaced_photo_is_superseded(aws: Aws, jpeg: bytes) -> None:
    job = aws.job("j1", jpeg)
    aws.s3.put_object(Bucket=BUCKET, Key=job.source.key, Body=b"another photo")
    assert aws.run(job) == []
    (result,) = aws.results()
    assert result.status is ResultStatus.SUPERSEDED
    assert result.error is not None
    assert result.error.code is ErrorCode.SOURCE_CHANGED


def test_a_missing_photo_fails(aws: Aws, jpeg: bytes) -> None:
    job = aws.job("j1", jpeg)
    aws.s3.delete_object(Bucket=BUCKET, Key=job.source.key)
    assert aws.run(job) == []
    (result,) = aws.results()
    assert (result.status, result.error and result.error.code) == (
        ResultStatus.FAILED,
        ErrorCode.SOURCE_MISSING,
    )


def test_a_bad_photo_fails_with_its_code(aws: Aws) -> None:
    assert aws.run(aws.job("j1", b"this is no picture")) == []
    (result,) = aws.results()
    assert (result.status, result.error and result.error.code) == (
        ResultStatus.FAILED,
        ErrorCode.NOT_AN_IMAGE,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"source": {"bucket": BUCKET, "key": "k", "etag": "a\nb"}},
        {"source": {"bucket": "no such bucket", "key": "k", "etag": "a"}},
        {"source": {"bucket": BUCKET, "key": "\ud800", "etag": "a"}},
        {"recipe": {"precision": "int3"}},
        {"destination_prefix": "/"},
    ],
    ids=["etag", "bucket", "surrogate", "precision", "prefix"],
)
def test_a_job_that_no_try_can_end_well_is_answered(
    aws: Aws, jpeg: bytes, changes: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    body = json.dumps({**json.loads(aws.job("j1", jpeg).model_dump_json()), **changes})
    assert aws.run(body) == []
    (result,) = aws.results()
    assert (result.job_id, result.status) == ("j1", ResultStatus.FAILED)
    assert result.error is not None
    assert result.error.code is ErrorCode.INVALID_JOB
    assert '"invalid_job"' in capsys.readouterr().out


def test_an_image_without_the_default_model_loses_no_job(
    aws: Aws, jpeg: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its jobs are not ended: a mended image gets them. The log says where it happened, and a metric that."""
    monkeypatch.setenv("BMX_MODEL_DIR", str(tmp_path))
    written = io.StringIO()
    (stream,) = [h for h in worker_handler.logger.handlers if isinstance(h, logging.StreamHandler)]
    before = stream.setStream(written)
    try:
        assert aws.run(aws.job("j1", jpeg)) == ["0"]
    finally:
        stream.setStream(before)
    assert aws.results() == []
    (left,) = [json.loads(line) for line in written.getvalue().splitlines() if "another try" in line]
    assert "in run" in left["exception"]
    assert left["exception_name"] == "MissingModelError"
    (metric,) = [
        json.loads(line) for line in capsys.readouterr().out.splitlines() if '"LeftForRetry"' in line
    ]
    assert (metric["LeftForRetry"], metric["job_id"], metric["fault"]) == ([1.0], "j1", "MissingModelError")


@pytest.mark.parametrize("model", ["u2netp", "no-such-model"])
def test_a_recipe_that_the_worker_does_not_hold_fails(
    aws: Aws, jpeg: bytes, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BMX_MODEL_DIR", str(tmp_path))
    assert aws.run(aws.job("j1", jpeg, Recipe(model=model, precision="int8"))) == []
    (result,) = aws.results()
    assert result.error is not None
    assert result.error.code is ErrorCode.UNKNOWN_MODEL


@pytest.mark.parametrize(
    "fault",
    [
        ClientError({"Error": {"Code": "SlowDown", "Message": "reduce your rate"}}, "GetObject"),
        ClientError({"Error": {"Code": "InternalError", "Message": "try again"}}, "GetObject"),
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject"),
        ConnectTimeoutError(endpoint_url="http://127.0.0.1"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_fault_that_can_pass_is_tried_again(
    aws: Aws, jpeg: bytes, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = aws.job("j1", jpeg)

    def refuse(**_arguments: object) -> object:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(worker_handler.worker().s3, "get_object", refuse)
        assert aws.run(job) == ["0"]
    assert aws.results() == []
    assert aws.run(job) == []
    assert [result.status for result in aws.results()] == [ResultStatus.SUCCEEDED]


def test_a_refused_result_is_tried_again(aws: Aws, jpeg: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    job = aws.job("j1", jpeg)
    aws.sqs.delete_queue(QueueUrl=aws.result_queue_url)
    assert aws.run(job) == ["0"]


def test_a_missing_bucket_is_the_platforms_fault_and_is_tried_again(aws: Aws, jpeg: bytes) -> None:
    job = aws.job("j1", jpeg)
    elsewhere = S3Object(bucket="no-such-bucket", key=job.source.key, etag=job.source.etag)
    assert aws.run(job.model_copy(update={"source": elsewhere})) == ["0"]


def test_a_message_without_enough_time_is_left_for_another_invocation(aws: Aws, jpeg: bytes) -> None:
    job = aws.job("j1", jpeg)
    assert aws.run(job, context=Context(remaining_ms=worker_handler.START_BUDGET_MS - 1)) == ["0"]
    assert aws.results() == []
    assert aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="books/b1/cutouts/")["KeyCount"] == 0


def test_work_that_takes_too_long_stops_by_itself(aws: Aws, jpeg: bytes) -> None:
    """Before Lambda would stop it in silence; nothing is half written, and the message comes again."""
    job = aws.job("j1", jpeg)
    assert aws.run(job, context=Draining()) == ["0"]  # type: ignore[arg-type]
    assert aws.results() == []
    assert aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="books/b1/cutouts/")["KeyCount"] == 0


class Draining:
    """A context whose time runs out between two steps."""

    function_name = "image-processor"

    def __init__(self) -> None:
        self.remaining_ms = worker_handler.START_BUDGET_MS

    def get_remaining_time_in_millis(self) -> int:
        """Eight seconds less each time it is asked."""
        self.remaining_ms -= 8_000
        return self.remaining_ms + 8_000


def test_each_answer_is_measured(aws: Aws, jpeg: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    aws.run(aws.job("measured", jpeg), aws.job("bad", b"this is no picture"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    good, bad = lines
    assert (good["job_id"], good["status"], good["Succeeded"], good["LowQuality"]) == (
        "measured",
        "succeeded",
        [1.0],
        [0.0],
    )
    assert good["InferTime"][0] > 0
    assert good["CutoutBytes"][0] > 0
    assert (bad["Succeeded"], bad["error"]) == ([0.0], "not_an_image")
    (described,) = good["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "BlueMoxon"
    assert described["Dimensions"] == [["service"]]


def test_the_result_says_how_good_the_cutout_is(aws: Aws, jpeg: bytes) -> None:
    aws.run(aws.job("j1", jpeg))
    (result,) = aws.results()
    assert result.quality is not None
    assert (result.quality.level, result.quality.reasons) == ("good", ())


def test_log_lines_name_the_job(aws: Aws, jpeg: bytes) -> None:
    written = io.StringIO()
    (stream,) = [h for h in worker_handler.logger.handlers if isinstance(h, logging.StreamHandler)]
    before = stream.setStream(written)
    try:
        aws.run(aws.job("j-logged", jpeg))
    finally:
        stream.setStream(before)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    answered = [line for line in lines if line["message"] == "image job answered"]
    assert [line["job_id"] for line in answered] == ["j-logged"]
    assert answered[0]["timings_ms"]["infer"] > 0


def test_missing_settings_are_named() -> None:
    with pytest.raises(SettingsError, match="BMX_RESULT_QUEUE_URL and BMX_MODEL_DIR"):
        Settings.from_environment({})
