"""What every call goes through: idempotency keys, audit, rates, sizes, tags, headers."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import resources
from chalicelib.resources import Resources
from chalicelib.services import idempotency, images, results, sweep
from tests.app.api import Api
from tests.app.world import JPEG, PREVIOUS_KEY, World, failed, succeeded

if TYPE_CHECKING:
    from chalice.app import Chalice

KEY = {"Idempotency-Key": "0b6a5d0e"}


def test_the_same_key_and_body_give_the_same_answer_and_one_book(world: World, api: Api) -> None:
    body = {"title": "Once"}
    first = api.call("POST", "/books", body, **KEY)
    again = api.call("POST", "/books", body, **KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.body == again.body
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (
        None,
        "true",
    )
    after_rotation = api.call("POST", "/books", body, key=PREVIOUS_KEY, **KEY)
    assert after_rotation.body == first.body, "the caller is the same whichever key it shows"
    assert len(api.json("GET", "/books")["items"]) == 1


def test_the_same_key_for_something_else_is_refused(api: Api, book: Any) -> None:
    api.json("POST", "/books", {"title": "Once"}, status=201, **KEY)
    for path, body in (("/books", {"title": "Twice"}), (f"/books/{book['id']}/images", JPEG)):
        error = api.error("POST", path, body, status=422, content_type=_type(body), **KEY)
        assert error["code"] == "idempotency_key_reused"
    assert api.error("POST", "/books", {"title": "x"}, status=400, **{"Idempotency-Key": "ä"})["code"]


def _type(body: Any) -> str:
    return "image/jpeg" if isinstance(body, bytes) else "application/json"


def test_a_refusal_is_not_kept(world: World, api: Api) -> None:
    body = {"listing_item_id": "late"}
    assert api.error("POST", "/books", body, status=404, **KEY)["code"] == "listing_not_found"
    world.put_listing("late", "image_01.jpg")
    assert api.json("POST", "/books", body, status=201, **KEY)["created"]


def test_calls_at_the_same_time_make_one(
    world: World, api: Api, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second meets the first while it runs: it is told to wait, and makes nothing."""
    path = f"/books/{book['id']}/images"
    codes: list[Any] = []
    upload = images.upload

    def overtaken(*arguments: Any) -> str:
        monkeypatch.setattr(images, "upload", upload)
        answer = api.call("POST", path, JPEG, content_type="image/jpeg", **KEY)
        codes.append((answer.status_code, answer.json_body["code"], answer.headers["Retry-After"]))
        return upload(*arguments)

    monkeypatch.setattr(images, "upload", overtaken)
    api.json("POST", path, JPEG, status=201, content_type="image/jpeg", **KEY)
    assert codes == [(409, "idempotency_in_progress", "2")]
    assert len(api.json("GET", f"/books/{book['id']}")["images"]) == 3


def test_a_call_that_was_cut_off_is_taken_over_and_makes_nothing_twice(
    world: World, api: Api, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/books/{book['id']}/images"

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(idempotency, "finish", die)
        crash.setattr(idempotency, "give_back", die)
        with pytest.raises(KeyboardInterrupt):
            api.call("POST", path, JPEG, content_type="image/jpeg", **KEY)
    assert api.error("POST", path, JPEG, status=409, content_type="image/jpeg", **KEY)["code"]
    world.clock.advance(minutes=2)
    made = api.json("POST", path, JPEG, status=201, content_type="image/jpeg", **KEY)
    shown = api.json("GET", f"/books/{book['id']}")["images"]
    assert [it["id"] for it in shown][2:] == [made["id"]]


def test_a_key_is_forgotten_after_a_day(world: World, api: Api) -> None:
    first = api.json("POST", "/books", {"title": "Once"}, status=201, **KEY)
    world.clock.now += idempotency.KEEP + timedelta(minutes=1)
    assert sweep.run(world.res).forgotten == 1
    assert api.json("POST", "/books", {"title": "Other"}, status=201, **KEY)["id"] != first["id"]


def test_a_key_used_again_after_its_day_makes_something_new(world: World, api: Api, book: Any) -> None:
    """Also where no round of the schedule has forgotten it, and each day anew."""
    calls: list[tuple[str, Any, str]] = [
        ("/books", {"title": "Once"}, "id"),
        (f"/books/{book['id']}/images", JPEG, "id"),
        (f"/books/{book['id']}/images/presign", {"content_type": "image/jpeg"}, "image_id"),
    ]
    made: list[str] = []
    for _ in range(3):
        for number, (path, body, name) in enumerate(calls):
            key = {"Idempotency-Key": f"key-{number}"}
            for _ in range(2):
                answer = api.json("POST", path, body, status=201, content_type=_type(body), **key)
            made.append(answer[name])
            assert len(set(made)) == len(made)
        world.clock.now += idempotency.KEEP + timedelta(minutes=1)


def test_what_a_key_made_and_somebody_deleted_is_cut_out_when_it_is_made_again(
    world: World, api: Api, book: Any
) -> None:
    """The job of the deleted image is done, and would count for the new one if it had the same id."""
    path, key = f"/books/{book['id']}/images", {"Idempotency-Key": "scan"}
    for hours in (0, 25):
        world.clock.advance(hours=hours)
        world.messages()
        made = api.json("POST", path, JPEG, status=201, content_type="image/jpeg", **key)
        (job,) = [it for it in world.messages() if it.image_id == made["id"]]
        results.apply(world.res, succeeded(job))
        api.json("DELETE", f"{path}/{made['id']}")
    presign = {"content_type": "image/jpeg"}
    for _ in range(2):
        form = api.json("POST", f"{path}/presign", presign, status=201, **{"Idempotency-Key": "form"})
        world.put(form["fields"]["key"], JPEG)
        api.json("POST", f"{path}/complete", {"image_id": form["image_id"]})
        (job,) = [it for it in world.messages() if it.image_id == form["image_id"]]
        results.apply(world.res, succeeded(job))
        api.json("DELETE", f"{path}/{form['image_id']}")


def test_imports_and_retries_are_found_by_their_book(world: World, api: Api, book: Any) -> None:
    (job, _) = world.messages()
    results.apply(world.res, failed(job))
    api.json("POST", f"/jobs/{job.job_id}/retry")
    api.json("POST", "/jobs/retry", {"book_id": book["id"]})
    entries = api.json("GET", f"/audit?book_id={book['id']}")["items"]
    assert [it["action"] for it in entries] == ["retry_jobs", "retry_job", "create_book"]


def test_what_a_later_release_wrote_is_shown_without_what_is_not_known(
    world: World, api: Api, book: Any
) -> None:
    (first, _) = world.messages()
    results.apply(world.res, succeeded(first))
    new = '{"new_in_the_next_release": true}'
    world.run("UPDATE image_jobs SET recipe = recipe || %s::jsonb", new)
    world.run(
        "UPDATE book_images SET recipe = recipe || %s::jsonb, subject = subject || %s::jsonb,"
        " outputs = jsonb_set(outputs || %s::jsonb, '{cutout,new}', '1')",
        *(new, new, new),
    )
    shown = api.json("GET", f"/books/{book['id']}")["images"][0]
    assert (shown["state"], shown["subject"]["coverage"]) == ("processed", 0.5)
    assert api.json("GET", "/books")["items"][0]["primary_image"]["kind"] == "processed"
    assert len(api.json("GET", "/jobs")["items"]) == 2
    assert "new" not in json.dumps([shown["outputs"], shown["subject"], shown["job"]["recipe"]])


def test_a_row_that_cannot_be_read_is_not_the_callers_fault(
    world: World, api: Api, book: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.run("UPDATE image_jobs SET recipe = '[]'")
    assert api.error("GET", "/jobs", status=500)["code"] == "internal_error"
    assert "ValidationError" in caplog.text


def test_every_change_is_in_the_audit_log_with_who_and_what(world: World, api: Api, book: Any) -> None:
    api.json("PATCH", f"/books/{book['id']}", {"title": "New"}, key=PREVIOUS_KEY)
    api.error("DELETE", f"/books/{book['id']}/images/none", status=404)
    api.json("GET", f"/books/{book['id']}")
    entries = api.json("GET", f"/audit?book_id={book['id']}")["items"]
    assert [(it["action"], it["actor"], it["status"], it["code"]) for it in entries] == [
        ("delete_image", "api-key:current", 404, "not_found"),
        ("update_book", "api-key:previous", 200, None),
        ("create_book", "api-key:current", 201, None),
    ]
    assert entries[1]["parameters"] == {"book_id": book["id"], "title": "New"}
    (created,) = api.json("GET", "/audit?action=create_book")["items"]
    assert created["parameters"]["listing_item_id"] == "atlas"
    page = api.json("GET", "/audit?limit=2")
    rest = api.json("GET", f"/audit?limit=2&cursor={page['next_cursor']}")
    assert [it["action"] for it in page["items"] + rest["items"]] == [
        "delete_image",
        "update_book",
        "create_book",
    ]


def test_an_entry_is_there_even_if_the_call_never_ended(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.services import audit

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(audit, "end", die)
        with pytest.raises(KeyboardInterrupt):
            api.call("POST", "/books", {"title": "x"})
    (entry,) = api.json("GET", "/audit")["items"]
    assert (entry["action"], entry["status"]) == ("create_book", None)


def limited(world: World, calls: int) -> None:
    resources.use(Resources(replace(world.res.settings, calls_per_minute=calls), clock=world.clock))


def test_an_address_is_signed_once_in_five_minutes_and_never_given_out_later(
    world: World, book: Any, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what it opens stays open for ten minutes at least, and for fifteen at most."""
    signed: list[tuple[str, int]] = []

    def sign(_operation: str, *, Params: dict[str, str], ExpiresIn: int) -> str:  # noqa: N803 - boto3's names
        signed.append((Params["Key"], ExpiresIn))
        return f"https://signed.example/{len(signed)}"

    monkeypatch.setattr(world.res.clients.s3, "generate_presigned_url", sign)
    world.clock.now = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

    def shown() -> list[str]:
        return [it["original_url"] for it in api.json("GET", f"/books/{book['id']}")["images"]]

    first = shown()
    world.clock.advance(seconds=299)
    assert shown() == first
    assert sorted(signed) == sorted((image["key"], 900) for image in book["images"])
    world.clock.advance(seconds=1)
    assert not set(shown()) & set(first)


def test_a_caller_is_held_to_the_limit_over_all_processes(world: World, api: Api) -> None:
    world.clock.now = world.clock.now.replace(second=20, microsecond=0)
    for _ in range(2):
        limited(world, 4)
        api.json("GET", "/jobs")
        api.json("GET", "/jobs", key=PREVIOUS_KEY)
    answer = api.call("GET", "/jobs")
    assert (answer.status_code, answer.json_body["code"]) == (429, "rate_limited")
    assert answer.headers["Retry-After"] == "40"
    api.json("GET", "/health", key=None)
    world.clock.advance(seconds=40)
    api.json("GET", "/jobs")
    resources.current().database.dispose()


def test_calls_are_not_counted_where_the_database_does_not_answer(world: World, api: Api) -> None:
    world.res.database.dispose()
    world.change_password("another")
    assert api.json("GET", "/admin/system-info")["status"] == "unhealthy"


def test_concurrent_calls_are_counted_each(world: World, api: Api) -> None:
    world.clock.now = world.clock.now.replace(second=20, microsecond=0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: world.res.rates.count("someone"), range(20)))
    assert world.rows("SELECT calls FROM rate_windows WHERE caller = 'someone'") == [(20,)]


def test_a_long_body_is_refused(api: Api) -> None:
    body = json.dumps({"title": "x" * 70_000}).encode()
    assert api.error("POST", "/books", body, status=413)["code"] == "payload_too_large"


@pytest.mark.parametrize("which", ["", "/{id}", "/{id}/images/{image}"])
def test_who_has_the_answer_is_told_so(world: World, api: Api, book: Any, which: str) -> None:
    world.clock.now = world.clock.now.replace(minute=1, second=0)
    path = "/books" + which.format(id=book["id"], image=book["images"][0]["id"])
    first = api.call("GET", path)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = api.call("GET", path, if_none_match=f'"other", {tag}')
    assert (again.status_code, again.body, again.headers["ETag"]) == (304, b"", tag)
    world.clock.advance(minutes=5)
    assert api.call("GET", path, if_none_match=tag).status_code == 200, "signed addresses expire"
    world.clock.advance(minutes=-5)
    api.json("PUT", f"/books/{book['id']}/images/{book['images'][0]['id']}", {"keep_original": True})
    api.json("PATCH", f"/books/{book['id']}", {"title": "Other"})
    assert api.call("GET", path, if_none_match=tag).status_code == 200, "it has changed"


def test_other_origins_are_kept_out_and_browsers_told_to_be_careful(api: Api, chalice_app: "Chalice") -> None:
    for answer in (
        api.call("GET", "/books", origin="https://elsewhere.example"),
        api.call("GET", "/books", key=None),
        api.call("GET", "/health", key=None),
        api.call("GET", "/", key=None, accept="text/html"),
    ):
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Strict-Transport-Security"]
    assert not any(entry.cors for methods in chalice_app.routes.values() for entry in methods.values())


def test_calls_are_answered_while_the_schema_has_no_table_to_count_them_in(world: World, api: Api) -> None:
    world.run("DROP TABLE rate_windows")
    assert api.json("GET", "/books")["items"] == []
