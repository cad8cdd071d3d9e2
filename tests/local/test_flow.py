"""The way of an image on the running stack, every part of it the real one."""

import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from botocore.exceptions import ClientError
from PIL import Image

from bmx.api import ApiProblem
from tests.running_stack import Bmx, PhotoMaker, RunningStack
from workers.contracts import ErrorCode
from workers.samples.bad_inputs import BAD_INPUTS
from workers.samples.listings import write_listings

pytestmark = pytest.mark.local

ENDS = {
    "text.jpg": ErrorCode.NOT_AN_IMAGE,
    "empty.jpg": ErrorCode.SOURCE_EMPTY,
    "truncated.jpg": ErrorCode.CORRUPT_IMAGE,
    "bomb.png": ErrorCode.SOURCE_TOO_LARGE,
    "blank.jpg": ErrorCode.NO_SUBJECT,
    "cmyk.jpg": None,
    "deep.png": None,
    "animated.webp": None,
    "palette.png": None,
}
"""What each bad input ends as: its code, or None for a cutout."""


@pytest.fixture(scope="module")
def demo(running: RunningStack) -> dict[str, Any]:
    envelope = running.bmx.json("demo", timeout=600)
    assert envelope["status"] == "ok", envelope
    data: dict[str, Any] = envelope["data"]
    return data


def test_the_demo_ends_with_a_processed_primary_image_for_every_book(demo: dict[str, Any]) -> None:
    assert len(demo["books"]) == 3
    for book in demo["books"]:
        assert {picture["status"] for picture in book["pictures"]} == {"succeeded"}
        assert book["primary_kind"] == "processed"
        assert book["pictures"][0]["is_primary"]


def test_the_demo_shows_its_work(demo: dict[str, Any]) -> None:
    with Image.open(demo["contact_sheet"]) as sheet:
        assert sheet.format == "PNG"
        assert min(sheet.size) > 500
    assert len(demo["cutouts"]) == sum(len(book["pictures"]) for book in demo["books"])


def test_cutouts_are_as_the_photos_truth_says(demo: dict[str, Any], tmp_path: Path) -> None:
    """Full upright size with alpha, close to what the generator drew; measured finely in benchmarks/."""
    listings = write_listings(tmp_path / "samples", truth=tmp_path / "truth")
    for listing in listings:
        for photo in listing.photos:
            with Image.open(tmp_path / "truth" / listing.item / f"{photo.stem}.png") as file:
                truth = np.asarray(file.convert("L"), np.float64) / 255
            cutout = next(Path(path) for path in demo["cutouts"] if f"/{listing.item}/{photo.stem}." in path)
            with Image.open(cutout) as file:
                assert file.mode == "RGBA"
                alpha = np.asarray(file.getchannel("A"), np.float64) / 255
            assert alpha.shape == truth.shape
            assert np.abs(alpha - truth).mean() < 0.02


def test_a_second_demo_finds_the_first_ones_books(demo: dict[str, Any], bmx: Bmx) -> None:
    again = bmx.json("demo")["data"]
    assert [book["id"] for book in again["books"]] == [book["id"] for book in demo["books"]]
    assert not any(book["created"] for book in again["books"])


def test_a_listing_that_does_not_exist_is_told_with_its_prefix(running: RunningStack) -> None:
    with running.api() as api, pytest.raises(ApiProblem, match="listings/no-such-listing/") as refused:
        api.post("/books", {"listing_item_id": "no-such-listing"})
    assert refused.value.status == 404


def test_each_bad_photo_ends_as_a_cutout_or_a_code_and_never_stops_the_others(
    running: RunningStack, tmp_path: Path
) -> None:
    paths = []
    for name, make in BAD_INPUTS.items():
        path = tmp_path / name
        path.write_bytes(make())
        paths.append(path)
    book = running.wait_for_book(running.import_photos("bad-inputs", paths))
    ends = {
        name: (image["job"]["error"] or {}).get("code")
        for name, image in zip(BAD_INPUTS, book["images"], strict=True)
    }
    assert ends == ENDS
    assert all(image["job"]["status"] in ("succeeded", "failed") for image in book["images"])


def test_a_folder_of_ones_own_photos_becomes_a_book(running: RunningStack, photos: PhotoMaker) -> None:
    folder = photos("My Folder", 2)[0].parent
    (folder / "notes.txt").write_text("not a photo")
    envelope = running.bmx.json("import", str(folder), "--title", "Mine")
    assert envelope["status"] == "ok"
    assert "notes.txt" in envelope["warnings"][0]
    (book,) = envelope["data"]["books"]
    assert (book["title"], len(book["pictures"]), book["finished"]) == ("Mine", 2, True)


def test_an_upload_by_presigned_post_is_cut_out(running: RunningStack, photos: PhotoMaker) -> None:
    first, second = photos("presigned", 2)
    book_id = running.import_photos("presigned", [first])
    with running.api() as api:
        form = api.post(f"/books/{book_id}/images/presign", {"content_type": "image/jpeg"})
        sent = httpx.post(form["url"], data=form["fields"], files={"file": second.read_bytes()})
        assert sent.is_success, sent.text
        api.post(f"/books/{book_id}/images/complete", {"image_id": form["image_id"]})
    book = running.wait_for_book(book_id)
    uploaded = next(image for image in book["images"] if image["id"] == form["image_id"])
    assert uploaded["state"] == "processed"
    assert not uploaded["is_primary"]


def test_signed_addresses_give_the_stored_bytes(running: RunningStack, demo: dict[str, Any]) -> None:
    with running.api() as api:
        image = api.get(f"/books/{demo['books'][0]['id']}")["images"][0]
    for output in image["outputs"].values():
        content = httpx.get(output["url"]).raise_for_status().content
        assert len(content) == output["bytes"]
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.size == (output["width"], output["height"])
            assert Image.MIME[str(picture.format)] == output["content_type"]


def test_without_the_key_nothing_is_told(running: RunningStack) -> None:
    for headers in ({}, {"X-API-Key": "wrong"}):
        answer = httpx.get(f"{running.status.api_url}/books", headers=headers)
        assert answer.status_code == 401
        assert set(answer.json()) == {"code", "message", "details", "request_id"}


def test_an_unknown_path_is_not_found_in_the_one_shape(running: RunningStack) -> None:
    for method, path in (("GET", "nowhere"), ("GET", "books/a/b/c/d"), ("DELETE", "books")):
        answer = httpx.request(method, f"{running.status.api_url}/{path}")
        assert answer.status_code == 404, answer.text
        assert answer.json()["code"] == "not_found"
        assert set(answer.json()) == {"code", "message", "details", "request_id"}


def test_the_deep_health_check_finds_every_part_well(running: RunningStack) -> None:
    report = httpx.get(f"{running.status.api_url}/health/deep", timeout=60)
    assert report.status_code == 200, report.text
    assert report.json()["status"] == "healthy"


def test_the_image_worker_may_not_read_the_databases_secret(running: RunningStack) -> None:
    connection = running.status.connection
    outputs = running.status.outputs
    assert outputs is not None
    session = connection.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::000000000000:role/{outputs['functions']['image_processing']}",
        RoleSessionName="probe",
    )["Credentials"]
    import boto3

    worker = boto3.Session(
        session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"], region_name="us-west-2"
    )
    endpoint = running.stack.emulator.endpoint
    secrets = worker.client("secretsmanager", endpoint_url=endpoint)
    with pytest.raises(ClientError, match="AccessDenied"):
        secrets.get_secret_value(SecretId=outputs["database"]["secret_arn"])
    s3 = worker.client("s3", endpoint_url=endpoint)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=outputs["images_bucket"], Key="listings/x/image_01.jpg", Body=b"x")
