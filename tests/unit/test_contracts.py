"""Messages and statuses that application and workers share."""

import json
import re
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from pydantic import ValidationError

from workers.contracts import (
    RDS_ROOTS,
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


def test_the_roots_of_rds_are_there_for_every_region_a_stack_may_be_in() -> None:
    regions = set(re.findall(r"^Amazon RDS (\S+) Root CA", RDS_ROOTS.read_text(), re.M))
    assert {"us-west-2", "us-east-1", "eu-central-1", "ap-southeast-2"} <= regions
    roots = ssl.create_default_context(cafile=str(RDS_ROOTS)).get_ca_certs()
    assert len(roots) >= 3 * len(regions)
    for root in roots:
        assert root["subject"] == root["issuer"]
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(root["notAfter"])), UTC)
        assert ends > datetime.now(UTC) + timedelta(days=365), "take newer roots into rds-roots.pem"


def test_libpq_reads_the_roots_of_rds() -> None:
    """It does so as soon as a server agrees to TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def agree() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(8)
                connection.sendall(b"S")

        threading.Thread(target=agree, daemon=True).start()
        with pytest.raises(psycopg.OperationalError) as ended:
            psycopg.connect(
                f"host=127.0.0.1 port={server.getsockname()[1]} user=x dbname=x gssencmode=disable",
                sslmode="verify-full",
                sslrootcert=str(RDS_ROOTS),
                connect_timeout=5,
            )
    assert "root certificate" not in str(ended.value)
    assert "SSL" in str(ended.value)
