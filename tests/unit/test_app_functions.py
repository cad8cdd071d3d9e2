"""The application's functions without I/O."""

import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import ids, settings
from chalicelib.api.errors import STATUS
from chalicelib.api.present import decode_cursor, encode_cursor, kind_of, state_of
from chalicelib.db.models import BookImage, Job
from chalicelib.faults import Fault, FaultCode, MisconfiguredError
from chalicelib.services.books import Standing
from chalicelib.services.jobs import backoff
from chalicelib.services.keys import image_key, listing_prefix, photo_number, sniff
from workers.contracts import JobStatus

QUEUE = (
    '{"queue":"q","arn":"arn:aws:sqs:us-west-2:123456789012:q","dlq":"d","consumer":"chalice",'
    '"visibility_timeout":60,"max_receive":3}'
)
IMAGE_QUEUE = QUEUE.replace("}", ',"models":[{"model":"u2net","precision":"int8"}]}')
ENVIRONMENT = {
    "BMX_STACK": "local",
    "BMX_IMAGES_BUCKET": "images",
    "BMX_QUEUES": f'{{"image_processing":{IMAGE_QUEUE},"image_results":{QUEUE}}}',
    "BMX_API_KEY_SECRET_ARN": "arn:aws:secretsmanager:us-west-2:123456789012:secret:key",
}


def test_ids_sort_by_time_and_have_version_7() -> None:
    first = ids.new_id()
    time.sleep(0.002)
    second = ids.new_id()
    assert first < second
    assert first[14] == "7"
    assert first[19] in "89ab"
    assert ids.is_id(first)


@pytest.mark.parametrize("text", ["", "x", "{01890a5d-ac96-774b-bcce-b302099a8057}", "01890A5D" + "0" * 24])
def test_only_the_canonical_form_is_an_id(text: str) -> None:
    assert not ids.is_id(text)


def test_the_book_of_a_listing_has_always_the_same_id() -> None:
    assert ids.book_id_of_listing("atlas") == ids.book_id_of_listing("atlas")
    assert ids.book_id_of_listing("atlas") != ids.book_id_of_listing("Atlas")


@given(st.integers(min_value=0, max_value=100))
def test_the_back_off_grows_and_ends(refusals: int) -> None:
    assert timedelta(seconds=30) <= backoff(refusals) <= backoff(refusals + 1) <= timedelta(minutes=15)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("image_01.jpg", (1, "jpg")),
        ("image_0012.WEBP", (12, "webp")),
        ("IMAGE_7.png", (7, "png")),
        ("image_01.gif", None),
        ("image_.jpg", None),
        ("image_01.jpg.txt", None),
        ("deeper/image_01.jpg", None),
        ("", None),
    ],
)
def test_photos_are_known_by_their_names(name: str, found: tuple[int, str] | None) -> None:
    assert photo_number(name) == found


def test_keys() -> None:
    assert listing_prefix("atlas") == "listings/atlas/"
    assert image_key("b", 3, "webp") == "books/b/image_03.webp"
    assert image_key("b", 123, "jpg") == "books/b/image_123.jpg"


@given(st.binary(max_size=32))
def test_sniffing_takes_any_bytes(head: bytes) -> None:
    assert sniff(head) in {None, "image/jpeg", "image/png", "image/webp"}


def test_every_fault_has_its_http_status() -> None:
    assert set(STATUS) == set(FaultCode)


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\n", codec="utf-8")), min_size=1))
def test_a_cursor_comes_back_as_it_was_given(parts: list[str]) -> None:
    assert decode_cursor(encode_cursor(*parts), len(parts)) == parts


@given(st.text(max_size=30))
def test_an_invented_cursor_is_an_invalid_request(cursor: str) -> None:
    with pytest.raises(Fault) as caught:
        decode_cursor(cursor, 99)
    assert caught.value.code is FaultCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("image", "status", "outputs", "state"),
    [
        ("uploading", None, None, "uploading"),
        ("copy_failed", JobStatus.FAILED, None, "copy_failed"),
        ("stored", None, None, "unprocessed"),
        ("stored", JobStatus.PENDING, None, "processing"),
        ("stored", JobStatus.QUEUED, None, "processing"),
        ("stored", JobStatus.QUEUE_FAILED, None, "processing"),
        ("stored", JobStatus.SUCCEEDED, {}, "processed"),
        ("stored", JobStatus.FAILED, None, "failed"),
    ],
)
def test_one_word_for_an_image(
    image: str, status: JobStatus | None, outputs: dict[str, str] | None, state: str
) -> None:
    row = BookImage(status=image, outputs=outputs, keep_original=False)
    assert state_of(Standing.of(row, Job(status=status) if status else None)) == state
    assert kind_of(row) == ("original" if outputs is None else "processed")


def test_a_kept_original_is_shown_though_there_is_a_cutout() -> None:
    assert kind_of(BookImage(outputs={}, keep_original=True)) == "original"


def test_settings_from_the_environment() -> None:
    loaded = settings.load(ENVIRONMENT)
    assert (loaded.database, loaded.user_pool_id, loaded.region) == (None, None, "us-west-2")
    assert loaded.account == "123456789012"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BMX_STACK", ""),
        ("BMX_IMAGES_BUCKET", ""),
        ("BMX_QUEUES", ""),
        ("BMX_QUEUES", "{"),
        ("BMX_QUEUES", "{}"),
        ("BMX_QUEUES", f'{{"image_processing":{QUEUE},"image_results":{QUEUE}}}'),
        ("BMX_QUEUES", '{"image_processing": {"queue": "q"}}'),
        ("BMX_DATABASE", '{"host": "h", "password": "p"}'),
    ],
)
def test_settings_name_the_variable_that_is_wrong(name: str, value: str) -> None:
    with pytest.raises(MisconfiguredError, match=name) as caught:
        settings.load(ENVIRONMENT | {name: value})
    assert "bmx config sync" in caught.value.fix


def test_a_misplaced_password_is_not_repeated() -> None:
    with pytest.raises(MisconfiguredError) as caught:
        settings.load(ENVIRONMENT | {"BMX_DATABASE": '{"host": "h", "password": "hunter2"}'})
    assert "hunter2" not in str(caught.value)


def test_the_package_holds_the_locked_versions() -> None:
    root = Path(__file__).parents[2]
    locked = _pins(root / "requirements" / "bmx.txt")
    packaged = _pins(root / "app" / "requirements.txt")
    assert {"boto3", "psycopg", "pydantic", "sqlalchemy"} <= set(packaged)
    assert packaged.items() <= locked.items(), "run ./bmx dev lock"


def _pins(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9_.-]+)==(\S+)", file.read_text(), flags=re.MULTILINE))
