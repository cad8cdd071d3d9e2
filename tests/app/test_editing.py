"""What people change: titles, order, recipes, and what they delete."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.services import books, deletions, editing, images, importing, jobs, results, sweep
from chalicelib.services.editing import Deleted
from tests.app.api import Api
from tests.app.world import JPEG, World, failed, succeeded
from workers.contracts import JobStatus, Recipe

SETTLED = {"hours": 2}
"""After this long no worker and no form given out can write any more."""


@pytest.fixture
def book_id(world: World) -> str:
    world.put_listing("atlas", "image_01.jpg", "image_02.jpg", "image_03.jpg")
    return importing.import_listing(world.res, "atlas").book_id


def ids(world: World, book_id: str) -> list[str]:
    return [it.image.id for it in books.get(world.res, book_id).images]


def write_outputs(world: World, prefix: str) -> None:
    for name in ("cutout", "display", "thumbnail"):
        world.put(f"{prefix}0123-u2net/{name}.webp", b"x")


def test_a_deleted_image_takes_its_objects_and_its_job_with_it(world: World, book_id: str) -> None:
    first, second, _ = world.messages()
    write_outputs(world, second.destination_prefix)
    assert editing.delete_image(world.res, book_id, second.image_id) == Deleted(1, 1)
    assert jobs.get(world.res, second.job_id).status == JobStatus.CANCELLED
    assert world.keys(second.destination_prefix) == []
    assert world.keys(f"books/{book_id}/image_") == [
        f"books/{book_id}/image_01.jpg",
        f"books/{book_id}/image_03.jpg",
    ]
    assert world.keys("listings/atlas/image_02.jpg"), "the listing keeps its photos"
    assert books.get(world.res, book_id).book.primary_image_id == first.image_id


def test_a_deletion_survives_a_crash_before_the_bucket_was_asked(
    world: World, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ids(world, book_id)[1]
    with monkeypatch.context() as crash:

        def die(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        crash.setattr(deletions, "run", die)
        with pytest.raises(KeyboardInterrupt):
            editing.delete_image(world.res, book_id, gone)
    assert world.keys(f"books/{book_id}/image_02.jpg"), "nobody came to it"
    assert sweep.run(world.res).deletions == 2
    assert world.keys(f"books/{book_id}/image_02.jpg") == []


def test_a_bucket_that_refuses_is_asked_again(
    world: World, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ClientError

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "SlowDown", "Message": "no"}}, "DeleteObject")

    with monkeypatch.context() as broken:
        broken.setattr(world.res.clients.s3, "delete_object", refuse)
        editing.delete_image(world.res, book_id, ids(world, book_id)[1])
    assert world.keys(f"books/{book_id}/image_02.jpg")
    world.clock.advance(minutes=3)
    sweep.run(world.res)
    assert world.keys(f"books/{book_id}/image_02.jpg") == []


def test_a_bucket_that_does_not_answer_is_asked_once_and_nothing_is_forgotten(
    world: World, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def silent(*arguments: Any, **named: Any) -> None:
        asked.append(f"{arguments} {named}")
        raise EndpointConnectionError(endpoint_url="https://bucket.invalid")

    with monkeypatch.context() as broken:
        for name in ("delete_object", "get_paginator"):
            broken.setattr(world.res.clients.s3, name, silent)
        editing.delete_book(world.res, book_id)
    assert len(asked) == 1
    assert world.keys("books/")
    world.clock.advance(minutes=3)
    sweep.run(world.res)
    assert world.keys("books/") == []


def test_what_a_worker_or_a_form_writes_after_the_deletion_goes_too(world: World, book_id: str) -> None:
    first, _, _ = world.messages()
    form = images.presign(world.res, book_id, "image/jpeg")
    editing.delete_image(world.res, book_id, form.image_id)
    editing.delete_image(world.res, book_id, first.image_id)
    world.put(form.fields["key"], JPEG)
    write_outputs(world, first.destination_prefix)
    assert results.apply(world.res, succeeded(first)) is results.Applied.UNCHANGED
    assert jobs.get(world.res, first.job_id).status == JobStatus.CANCELLED
    assert sweep.run(world.res).deletions == 1, "a result says where something was written"
    assert world.keys(first.destination_prefix) == []
    write_outputs(world, first.destination_prefix)
    world.clock.advance(**SETTLED)
    sweep.run(world.res)
    assert world.keys(first.destination_prefix) == world.keys(form.fields["key"]) == []
    assert world.rows("SELECT count(*) FROM object_deletions") == [(0,)]


def test_a_large_book_s_objects_are_deleted_with_it(
    world: World, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than are deleted in one transaction; what a slow bucket leaves is one round of the schedule."""
    monkeypatch.setattr(deletions, "_AT_ONCE", 2)
    keys = [it.image.key for it in books.get(world.res, book_id).images]
    with monkeypatch.context() as slow:
        slow.setattr(editing, "_DELETION_SECONDS", 0)
        editing.delete_book(world.res, book_id)
    assert world.rows("SELECT count(*) FROM object_deletions WHERE due_at <= %s", world.clock.now) == [(5,)]
    assert sweep.run(world.res).deletions == 5
    assert [key for key in keys if world.keys(key)] == []
    world.put_listing("more", "image_01.jpg", "image_02.jpg")
    other = importing.import_listing(world.res, "more").book_id
    editing.delete_book(world.res, other)
    assert world.rows("SELECT count(*) FROM object_deletions WHERE due_at <= %s", world.clock.now) == [(0,)]


def test_an_object_that_an_image_owns_is_kept_whatever_was_noted(
    world: World, book_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    image = books.get(world.res, book_id).images[0].image
    with world.res.database.session() as session:
        deletions.give_up(world.res, session, [image.key, "books/nobodys.jpg"])
    world.put("books/nobodys.jpg", JPEG)
    deletions.run(world.res, seconds=0)
    assert world.keys(image.key) == [image.key]
    assert world.keys("books/nobodys.jpg") == []
    assert image.key in caplog.text


def test_a_key_of_a_deleted_image_is_not_given_to_another(world: World, book_id: str) -> None:
    last = ids(world, book_id)[-1]
    editing.delete_image(world.res, book_id, last)
    uploaded = images.get(world.res, book_id, images.upload(world.res, book_id, JPEG))
    assert uploaded.key.startswith(f"books/{book_id}/image_04-")
    world.clock.advance(**SETTLED)
    sweep.run(world.res)
    assert world.keys(uploaded.key)


def test_the_next_image_becomes_primary_and_is_sent_if_it_needs_it(world: World, book_id: str) -> None:
    first, second, third = world.messages()
    results.apply(world.res, succeeded(first))
    results.apply(world.res, failed(second))
    editing.delete_image(world.res, book_id, first.image_id)
    assert books.get(world.res, book_id).book.primary_image_id == second.image_id
    assert [it.job_id for it in world.messages()] == [second.job_id]
    for image_id in (second.image_id, third.image_id):
        editing.delete_image(world.res, book_id, image_id)
    assert books.get(world.res, book_id).primary is None


def test_a_deleted_book_is_gone_and_its_listing_can_be_imported_again(world: World, book_id: str) -> None:
    sent = world.messages()
    results.apply(world.res, succeeded(sent[0]))
    assert editing.delete_book(world.res, book_id) == Deleted(3, 2)
    assert world.keys(f"books/{book_id}/") == []
    assert [jobs.get(world.res, it.job_id).status for it in sent] == ["succeeded", "cancelled", "cancelled"]
    again = importing.import_listing(world.res, "atlas")
    assert (again.book_id, again.created) == (book_id, True)
    world.clock.advance(**SETTLED)
    sweep.run(world.res)
    assert len(world.keys(f"books/{book_id}/image_")) == 3, "what has an owner again stays"


def test_an_import_that_was_cut_off_leaves_no_orphans(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put_listing("lost", "image_01.jpg", "image_02.jpg")

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(importing, "_write", die)
        with pytest.raises(KeyboardInterrupt):
            importing.import_listing(world.res, "lost")
    left = [key for key in world.keys("books/") if "image_0" in key]
    assert len(left) == 2
    sweep.run(world.res)
    assert world.keys("books/") == left, "it may still be going on"
    world.clock.advance(**SETTLED)
    sweep.run(world.res)
    assert world.keys("books/") == []


def test_images_exchange_their_positions(world: World, api: Api, book_id: str) -> None:
    first, second, third = ids(world, book_id)
    shown = api.json("PUT", f"/books/{book_id}/order", {"image_ids": [third, first, second]})
    assert [(it["id"], it["position"]) for it in shown["images"]] == [(third, 1), (first, 2), (second, 3)]
    strange = "no\0image"
    for wrong in ([third, first], [third, first, first], [third, first, second, book_id], [third, strange]):
        assert api.error("PUT", f"/books/{book_id}/order", {"image_ids": wrong}, status=409)["code"]
    assert ids(world, book_id) == [third, first, second]


def test_another_recipe_is_another_job_and_the_cutout_stays_until_it_is_done(
    world: World, api: Api, book_id: str
) -> None:
    first, _, _ = world.messages()
    results.apply(world.res, succeeded(first))
    path = f"/books/{book_id}/images/{first.image_id}"
    api.json("PUT", path, {"keep_original": True})
    shown = api.json("POST", f"{path}/process", {"cutout_format": "png"})
    assert (shown["state"], shown["kind"]) == ("processing", "processed")
    (sent,) = world.messages()
    assert sent.recipe == Recipe(cutout_format="png")
    assert jobs.get(world.res, first.job_id).status == JobStatus.SUPERSEDED
    results.apply(world.res, succeeded(sent))
    assert "-png/" in api.json("GET", path)["outputs"]["cutout"]["key"]
    api.json("POST", f"{path}/process", {"cutout_format": "png"})
    assert world.messages() == [], "it is done"


def test_a_recipe_takes_no_model_that_the_worker_does_not_hold(world: World, api: Api, book_id: str) -> None:
    first, _, _ = world.messages()
    path = f"/books/{book_id}/images/{first.image_id}/process"
    held = api.json("GET", "/models")["items"]
    assert held == [model.model_dump() for model in world.res.settings.models]
    for wanted in ({"precision": "fp32"}, {"model": "u2netp"}):
        refused = api.error("POST", path, wanted, status=422)
        assert refused["code"] == "unknown_model"
        assert refused["details"]["models"] == ["u2net:int8", "rembg-isnet-general-use:fp32"]
    assert world.messages() == []
    api.json("POST", path, held[1])
    (sent,) = world.messages()
    assert (sent.recipe.model, sent.recipe.precision) == ("rembg-isnet-general-use", "fp32")


def test_books_are_made_found_renamed_and_deleted(world: World, api: Api, book_id: str) -> None:
    world.clock.advance(seconds=1)
    made = api.json("POST", "/books", {"title": "100% wool: an ATLAS_of sheep"}, status=201)
    assert (made["listing_item_id"], made["images"], made["created"]) == (None, [], True)

    def found(query: str) -> list[str]:
        return [it["id"] for it in api.json("GET", f"/books?{query}")["items"]]

    assert found("q=atlas") == [made["id"], book_id]
    assert found("q=sheep%20atlas") == [made["id"]]
    assert found("q=100%25") == [made["id"]]
    assert found("q=%25") == [made["id"]], "a percent sign means itself"
    assert found("q=s_sheep") == []
    assert found("listing_item_id=atlas") == [book_id]
    assert found("progress=processing") == [book_id]
    assert found("progress=done") == [made["id"]]
    sent = world.messages()
    results.apply(world.res, failed(sent[0]))
    assert found("progress=failed") == [book_id]
    world.run("DELETE FROM image_jobs WHERE status = 'queued'")
    assert (found("progress=failed"), found("progress=done")) == ([book_id], [made["id"]])
    outputs = succeeded(sent[0]).outputs
    assert outputs is not None
    world.run("UPDATE book_images SET outputs = %s", outputs.model_dump_json())
    assert found("progress=failed") == [], "it is shown by its cutout, whatever became of another recipe"
    assert found("progress=done") == [made["id"], book_id]
    renamed = api.json("PATCH", f"/books/{made['id']}", {"title": " Sheep "})
    assert renamed["title"] == "Sheep"
    assert api.json("DELETE", f"/books/{made['id']}")["images"] == 0
    assert api.error("GET", f"/books/{made['id']}", status=404)["code"] == "not_found"
    assert api.error("DELETE", f"/books/{made['id']}", status=404)["code"] == "not_found"


def test_all_failed_jobs_are_sent_again(
    world: World, api: Api, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = world.messages()
    for message in sent:
        results.apply(world.res, failed(message))
    editing.delete_image(world.res, book_id, sent[2].image_id)
    done = api.json("POST", "/jobs/retry", {"limit": 1})
    assert done.pop("next_cursor")
    assert done == {"sent": 1, "refused": 0, "not_retried": [], "remaining": 1}
    with monkeypatch.context() as broken:
        world.break_queue(broken)
        done = api.json("POST", "/jobs/retry", {"book_id": book_id, "error_code": "corrupt_image"})
    assert (done["sent"], done["refused"], done["remaining"]) == (0, 1, 0)
    assert api.json("POST", "/jobs/retry", {"status": "queue_failed"})["sent"] == 1
    assert len(world.messages()) == 2


def fail_two_for_good(world: World) -> None:
    """Two jobs whose photos are gone, so that no retry helps."""
    world.put_listing("gone", "image_01.jpg", "image_02.jpg")
    importing.import_listing(world.res, "gone")
    world.messages()
    world.run("UPDATE book_images SET status = 'copy_failed', source_key = 'listings/none.jpg'")
    world.run("UPDATE image_jobs SET status = 'failed', error_code = 'copy_failed'")


def test_retrying_all_tells_what_it_could_not_retry(world: World, api: Api) -> None:
    fail_two_for_good(world)
    done = api.json("POST", "/jobs/retry", {})
    assert (done["sent"], done["remaining"]) == (0, 0)
    assert len(done["not_retried"]) == 2
    assert "could not be copied" in done["not_retried"][0]["reason"]


def test_jobs_that_cannot_be_retried_do_not_stand_before_those_that_can(world: World, api: Api) -> None:
    fail_two_for_good(world)
    world.put_listing("atlas", "image_01.jpg")
    importing.import_listing(world.res, "atlas")
    (message,) = world.messages()
    results.apply(world.res, failed(message))
    first = api.json("POST", "/jobs/retry", {"limit": 2})
    assert (first["sent"], len(first["not_retried"]), first["remaining"]) == (0, 2, 1)
    second = api.json("POST", "/jobs/retry", {"limit": 2, "cursor": first["next_cursor"]})
    assert (second["sent"], second["remaining"], second["next_cursor"]) == (1, 0, None)
    assert [it.job_id for it in world.messages()] == [message.job_id]


def test_a_pass_over_all_failed_jobs_ends_while_the_queue_refuses_each(
    world: World, api: Api, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for message in world.messages():
        results.apply(world.res, failed(message))
    world.run("UPDATE image_jobs SET status = 'queue_failed'")
    place: dict[str, str] = {}
    refused = []
    with monkeypatch.context() as broken:
        world.break_queue(broken)
        for _ in range(3):
            done = api.json("POST", "/jobs/retry", {"status": "queue_failed", "limit": 1} | place)
            refused.append(done["refused"])
            place = {"cursor": done["next_cursor"]}
    assert refused == [1, 1, 1]
    assert done["next_cursor"] is None


def test_a_retry_refuses_a_cursor_that_was_not_given_out(api: Api) -> None:
    error = api.error("POST", "/jobs/retry", {"cursor": "bm90LWFuLWlk"}, status=400)
    assert error["code"] == "invalid_request"


def test_a_job_that_another_release_wrote_keeps_none_of_the_others_back(world: World, book_id: str) -> None:
    sent = world.messages()
    world.run("UPDATE image_jobs SET status = 'pending', next_attempt_at = now() - interval '1 day'")
    world.run(
        "UPDATE image_jobs SET recipe = recipe || '{\"feather\": 2}' WHERE id = %s::uuid", sent[0].job_id
    )
    world.clock.advance(hours=1)
    sweep.run(world.res)
    assert {it.job_id for it in world.messages()} == {it.job_id for it in sent[1:]}
    kept = jobs.get(world.res, sent[0].job_id)
    assert (kept.status, kept.send_error) == (
        JobStatus.QUEUE_FAILED,
        "This release cannot read the job: another one wrote it.",
    )
