"""Uploads and the primary image."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import EndpointConnectionError

from chalicelib.faults import Fault, FaultCode, NotFoundError
from chalicelib.services import books, images, importing, jobs, listings, results, sweep
from tests.app.api import Api
from tests.app.world import JPEG, PNG, WEBP, World, failed, succeeded
from workers.contracts import ImageResult, JobStatus, ResultStatus


@pytest.fixture
def book_id(world: World) -> str:
    world.put_listing("atlas", "image_01.jpg", "image_02.jpg")
    return importing.import_listing(world.res, "atlas").book_id


def post(url: str, fields: Mapping[str, str], body: bytes) -> int:
    """What a browser does with a presigned form."""
    return requests.post(url, data=fields, files={"file": ("a.png", body)}, timeout=10).status_code


@pytest.mark.parametrize(("body", "suffix"), [(JPEG, "jpg"), (PNG, "png"), (WEBP, "webp")])
def test_an_upload_is_named_by_its_content_and_queued(
    world: World, book_id: str, body: bytes, suffix: str
) -> None:
    world.messages()
    image_id = images.upload(world.res, book_id, body)
    image = images.get(world.res, book_id, image_id)
    assert image.key == f"books/{book_id}/image_03-{image_id[-12:]}.{suffix}"
    assert image.bytes == len(body)
    assert [it.image_id for it in world.messages()] == [image_id]


@pytest.mark.parametrize("body", [b"", b"just text, whatever its name", b"GIF89a" + b"\0" * 50])
def test_an_upload_that_is_no_image_leaves_nothing(world: World, book_id: str, body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        images.upload(world.res, book_id, body)
    assert caught.value.code is FaultCode.UNSUPPORTED_MEDIA_TYPE
    assert len(books.get(world.res, book_id).images) == 2


def test_a_large_upload_is_shown_the_other_way(world: World, book_id: str) -> None:
    with pytest.raises(Fault, match="presign") as caught:
        images.upload(world.res, book_id, JPEG + bytes(images.MAX_DIRECT_BYTES))
    assert caught.value.code is FaultCode.PAYLOAD_TOO_LARGE


def test_a_presigned_upload_is_registered_once(world: World, book_id: str) -> None:
    world.messages()
    form = images.presign(world.res, book_id, "image/png")
    with pytest.raises(Fault) as early:
        images.complete(world.res, book_id, form.image_id)
    assert early.value.code is FaultCode.UPLOAD_MISSING

    assert post(form.url, form.fields, PNG) == 204
    images.complete(world.res, book_id, form.image_id)
    images.complete(world.res, book_id, form.image_id)

    image = images.get(world.res, book_id, form.image_id)
    assert (image.status, image.bytes) == ("stored", len(PNG))
    assert [it.image_id for it in world.messages()] == [form.image_id]


def test_a_form_that_is_used_again_is_registered_by_completing_again(world: World, book_id: str) -> None:
    world.messages()
    form = images.presign(world.res, book_id, "image/png")
    assert post(form.url, form.fields, PNG) == 204
    images.complete(world.res, book_id, form.image_id)
    (first,) = world.messages()
    results.apply(world.res, succeeded(first))

    assert post(form.url, form.fields, PNG + b"another") == 204
    images.complete(world.res, book_id, form.image_id)
    images.complete(world.res, book_id, form.image_id)
    (second,) = world.messages()
    assert (second.image_id, second.source.key) == (first.image_id, first.source.key)
    assert second.source.etag != first.source.etag
    assert jobs.get(world.res, first.job_id).status == JobStatus.SUPERSEDED
    image = images.get(world.res, book_id, form.image_id)
    assert (image.bytes, image.outputs) == (len(PNG) + 7, None)
    assert results.apply(world.res, succeeded(first)) is results.Applied.UNCHANGED
    assert results.apply(world.res, succeeded(second)) is results.Applied.SUCCEEDED


def test_a_failed_job_of_a_changed_photo_gives_way_to_its_new_one(world: World, book_id: str) -> None:
    world.messages()
    form = images.presign(world.res, book_id, "image/png")
    assert post(form.url, form.fields, PNG) == 204
    images.complete(world.res, book_id, form.image_id)
    (first,) = world.messages()
    assert post(form.url, form.fields, PNG + b"another") == 204
    changed = ImageResult(job_id=first.job_id, status=ResultStatus.SUPERSEDED)
    assert results.apply(world.res, changed) is results.Applied.FAILED
    images.complete(world.res, book_id, form.image_id)
    assert [it.image_id for it in world.messages()] == [form.image_id]
    assert jobs.get(world.res, first.job_id).status == JobStatus.SUPERSEDED


def test_a_registered_photo_that_became_something_else_is_refused_and_kept(
    world: World, book_id: str
) -> None:
    image = images.get(world.res, book_id, images.upload(world.res, book_id, PNG))
    world.put(image.key, b"just text")
    with pytest.raises(Fault) as caught:
        images.complete(world.res, book_id, image.id)
    assert caught.value.code is FaultCode.UNSUPPORTED_MEDIA_TYPE
    assert world.keys(image.key) == [image.key]
    assert images.get(world.res, book_id, image.id).etag == image.etag


def test_a_presigned_form_is_bound_to_key_type_and_size(world: World, book_id: str) -> None:
    import base64
    import json

    form = images.presign(world.res, book_id, "image/png")
    conditions = json.loads(base64.b64decode(form.fields["policy"]))["conditions"]
    assert {"key": f"books/{book_id}/image_03-{form.image_id[-12:]}.png"} in conditions
    assert {"Content-Type": "image/png"} in conditions
    assert ["content-length-range", 1, images.MAX_UPLOAD_BYTES] in conditions


def test_a_presigned_upload_of_something_else_is_deleted(world: World, book_id: str) -> None:
    form = images.presign(world.res, book_id, "image/png")
    key = images.get(world.res, book_id, form.image_id).key
    world.put(key, b"just text")
    with pytest.raises(Fault) as caught:
        images.complete(world.res, book_id, form.image_id)
    assert caught.value.code is FaultCode.UNSUPPORTED_MEDIA_TYPE
    assert world.keys(key) == []


def test_the_first_upload_to_a_book_without_images_is_its_primary(world: World) -> None:
    world.run("INSERT INTO books (id, title) VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', 'Empty')")
    image_id = images.upload(world.res, "01890a5d-ac96-774b-bcce-b302099a8057", JPEG)
    primary = books.get(world.res, "01890a5d-ac96-774b-bcce-b302099a8057").primary
    assert primary is not None
    assert primary.id == image_id


def test_make_primary_queues_an_image_without_cutout(world: World, book_id: str) -> None:
    first, second = world.messages()
    results.apply(world.res, failed(second))
    images.change(world.res, book_id, second.image_id, primary=True)
    assert books.get(world.res, book_id).book.primary_image_id == second.image_id
    assert [it.job_id for it in world.messages()] == [second.job_id]

    results.apply(world.res, succeeded(first))
    images.change(world.res, book_id, first.image_id, primary=True)
    assert world.messages() == [], "it has its cutout"


def test_make_primary_sends_a_job_on_its_way_only_once(world: World, book_id: str) -> None:
    _, second = world.messages()
    images.change(world.res, book_id, second.image_id, primary=True)
    assert world.messages() == []
    assert jobs.get(world.res, second.job_id).status == JobStatus.QUEUED


def test_an_image_of_another_book_is_not_found(world: World, book_id: str) -> None:
    world.put_listing("other", "image_01.jpg")
    other = importing.import_listing(world.res, "other").book_id
    foreign = books.get(world.res, other).images[0].image.id
    with pytest.raises(NotFoundError):
        images.change(world.res, book_id, foreign, primary=True)
    with pytest.raises(NotFoundError):
        images.upload(world.res, "no-such-book", JPEG)


def test_the_bucket_keeps_the_type_of_an_upload(world: World, book_id: str) -> None:
    image = images.get(world.res, book_id, images.upload(world.res, book_id, WEBP))
    head = boto3.client("s3").head_object(Bucket=world.res.settings.images_bucket, Key=image.key)
    assert head["ContentType"] == "image/webp"


def test_a_key_of_a_finished_upload_gives_no_form_to_overwrite_it(world: World, api: Api, book: Any) -> None:
    path, key = f"/books/{book['id']}/images/presign", {"Idempotency-Key": "scan-0001"}
    made = api.json("POST", path, {"content_type": "image/jpeg"}, status=201, **key)
    world.put(made["fields"]["key"], JPEG)
    api.json("POST", f"/books/{book['id']}/images/complete", {"image_id": made["image_id"]})
    for _ in range(2):
        error = api.error("POST", path, {"content_type": "image/jpeg"}, status=409, **key)
        assert (error["code"], error["message"][:11]) == ("conflict", "This upload")
        assert error["details"]["image_id"] == made["image_id"]
        world.run("DELETE FROM idempotency_keys")


def test_a_repeated_call_for_a_form_gives_one_that_is_valid(world: World, api: Api, book: Any) -> None:
    path, key = f"/books/{book['id']}/images/presign", {"Idempotency-Key": "scan-0001"}
    first = api.json("POST", path, {"content_type": "image/jpeg"}, status=201, **key)
    world.clock.advance(hours=2)
    again = api.call("POST", path, {"content_type": "image/jpeg"}, **key)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.json_body["image_id"] == first["image_id"]
    assert again.json_body["fields"]["key"] == first["fields"]["key"]
    assert again.json_body["expires_at"] > world.clock.now.isoformat()


def test_what_the_last_form_of_a_key_puts_there_is_registered_or_deleted(
    world: World, api: Api, book: Any
) -> None:
    path, key = f"/books/{book['id']}/images/presign", {"Idempotency-Key": "scan-0001"}
    api.json("POST", path, {"content_type": "image/jpeg"}, status=201, **key)
    world.clock.advance(hours=23, minutes=50)
    form = api.json("POST", path, {"content_type": "image/jpeg"}, status=201, **key)
    world.clock.advance(minutes=14)
    sweep.run(world.res)
    world.put(form["fields"]["key"], JPEG)
    complete = f"/books/{book['id']}/images/complete"
    assert api.json("POST", complete, {"image_id": form["image_id"]})["state"] == "processing"
    late = api.json("POST", path, {"content_type": "image/jpeg"}, status=201)
    world.clock.advance(hours=25)
    assert sweep.run(world.res).abandoned_uploads == 1
    world.put(late["fields"]["key"], JPEG)
    world.clock.advance(hours=1)
    sweep.run(world.res)
    assert world.keys(late["fields"]["key"]) == []


def test_a_form_of_a_deleted_book_does_not_reach_the_one_imported_after_it(
    world: World, api: Api, book: Any
) -> None:
    """Both number their images alike."""
    old = images.presign(world.res, book["id"], "image/jpeg").fields["key"]
    api.json("DELETE", f"/books/{book['id']}")
    again = api.json("POST", "/books", {"listing_item_id": "atlas"}, status=201)
    new = images.presign(world.res, again["id"], "image/jpeg").fields["key"]
    assert again["id"] == book["id"]
    assert "/image_03-" in old
    assert "/image_03-" in new
    assert old != new


def test_two_calls_that_complete_an_upload_see_one_another(
    world: World, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has seen that no photo lies there and is about to delete it; meanwhile the form is used again and
    the other call comes. Whatever is registered in the end lies in the bucket.
    """
    form = images.presign(world.res, book_id, "image/png")
    world.put(form.fields["key"], b"just text")
    s3 = world.res.clients.s3
    delete = s3.delete_object
    with ThreadPoolExecutor() as pool:

        def overtaken(**named: Any) -> Any:
            monkeypatch.setattr(s3, "delete_object", delete)
            world.put(form.fields["key"], PNG)
            other.append(pool.submit(images.complete, world.res, book_id, form.image_id))
            with pytest.raises(TimeoutError):
                other[0].result(timeout=0.5)
            return delete(**named)

        other: list[Future[None]] = []
        monkeypatch.setattr(s3, "delete_object", overtaken)
        with pytest.raises(Fault) as first:
            images.complete(world.res, book_id, form.image_id)
        with pytest.raises(Fault) as second:
            other[0].result()
    assert first.value.code is FaultCode.UNSUPPORTED_MEDIA_TYPE
    assert second.value.code is FaultCode.UPLOAD_MISSING, "its caller sends the photo again"
    assert images.get(world.res, book_id, form.image_id).status == "uploading"


def silent(**_: Any) -> None:
    raise EndpointConnectionError(endpoint_url="https://s3.example.invalid")


def test_an_upload_that_did_not_come_cannot_be_changed(world: World, api: Api, book: Any) -> None:
    path = f"/books/{book['id']}/images"
    late = api.json("POST", f"{path}/presign", {"content_type": "image/jpeg"}, status=201)
    world.clock.advance(minutes=20)
    api.error("PUT", f"{path}/{late['image_id']}", {"keep_original": True}, status=404)
    assert world.rows("SELECT keep_original FROM book_images WHERE id = %s", late["image_id"]) == [(False,)]


def test_a_book_has_room_for_so_many_images(
    world: World, api: Api, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "MOST_IMAGES", 3)
    path = f"/books/{book['id']}/images"
    late = api.json("POST", f"{path}/presign", {"content_type": "image/jpeg"}, status=201)
    world.put(late["fields"]["key"], JPEG)
    once = {"content_type": "image/jpeg", "Idempotency-Key": "upload-1"}
    world.clock.advance(minutes=20)
    with monkeypatch.context() as broken:
        broken.setattr(world.res.clients.s3, "put_object", silent)
        api.error("POST", path, JPEG, status=503, **once)
    world.clock.advance(minutes=20)
    api.json("POST", f"{path}/presign", {"content_type": "image/jpeg"}, status=201)
    for error in (
        api.error("POST", path, JPEG, status=409, content_type="image/jpeg"),
        api.error("POST", path, JPEG, status=409, **once),
        api.error("POST", f"{path}/presign", {"content_type": "image/jpeg"}, status=409),
        api.error("POST", f"{path}/complete", {"image_id": late["image_id"]}, status=409),
    ):
        assert (error["code"], error["details"]) == ("too_many_images", {"limit": 3})
    world.put_listing("long", *(f"image_{number:02d}.jpg" for number in range(1, 5)))
    error = api.error("POST", "/books", {"listing_item_id": "long"}, status=409)
    assert error["code"] == "too_many_images"
    assert world.rows("SELECT count(*) FROM object_deletions") == [(0,)]


def test_a_book_with_all_the_images_it_may_have_fits_into_an_answer(
    world: World, api: Api, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6 MiB; with session credentials, as Lambda has them, each signed address is over 1.5 KB long."""
    first = world.messages()[0]
    results.apply(world.res, succeeded(first))
    world.run(
        """INSERT INTO book_images (id, book_id, position, status, key, etag, content_type, source_key,
            recipe, recipe_name, outputs, subject, quality)
        SELECT gen_random_uuid(), book_id, n, status, key || n, etag, content_type, source_key,
            recipe, recipe_name, outputs, subject, quality
        FROM book_images, generate_series(3, %s) n WHERE id = %s""",
        listings.MOST_IMAGES,
        first.image_id,
    )
    world.run(
        """INSERT INTO image_jobs (id, image_id, book_id, status, source_etag, recipe, recipe_name, result)
        SELECT gen_random_uuid(), i.id, j.book_id, j.status, j.source_etag, j.recipe, j.recipe_name, j.result
        FROM image_jobs j, book_images i WHERE j.image_id = %s AND i.position > 2""",
        first.image_id,
    )
    signed = world.res.urls.url
    monkeypatch.setattr(world.res.urls, "url", lambda key: signed(key) + "x" * 1500)
    answer = api.call("GET", f"/books/{book_id}")
    assert answer.status_code == 200
    assert len(answer.json_body["images"]) == listings.MOST_IMAGES
    assert len(answer.body) < 5_000_000


def test_two_wishes_for_an_image_are_both_met_or_neither(world: World, api: Api, book: Any) -> None:
    path = f"/books/{book['id']}/images"
    upload = api.json("POST", f"{path}/presign", {"content_type": "image/jpeg"}, status=201)
    wishes = {"primary": True, "keep_original": True}
    api.error("PUT", f"{path}/{upload['image_id']}", wishes, status=409)
    assert world.rows("SELECT keep_original FROM book_images WHERE id = %s", upload["image_id"]) == [(False,)]
    second = book["images"][1]["id"]
    done = api.json("PUT", f"{path}/{second}", wishes)
    assert (done["is_primary"], done["keep_original"]) == (True, True)
