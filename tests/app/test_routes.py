"""The routes as API Gateway calls them."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from chalice.test import Client

from chalicelib import resources
from chalicelib.db import migrate
from chalicelib.resources import Resources
from tests.app.api import Api
from tests.app.world import API_KEY, JPEG, World, failed, succeeded
from workers.contracts import ImageResult

if TYPE_CHECKING:
    from chalice.app import Chalice

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


def test_import_list_and_get(world: World, api: Api, book: Any) -> None:
    assert book["created"]
    assert book["progress"] == {"total": 2, "processed": 0, "processing": 2, "failed": 0}
    assert book["primary_image"]["kind"] == "original"
    again = api.json("POST", "/books", {"listing_item_id": "atlas"}, status=200)
    assert (again["id"], again["created"], again["title"]) == (book["id"], False, "An atlas")
    (listed,) = api.json("GET", "/books")["items"]
    assert listed["id"] == book["id"]
    assert "images" not in listed
    assert api.json("GET", "/listings/atlas")["book_id"] == book["id"]


def test_a_processed_book(world: World, api: Api, book: Any, chalice_app: "Chalice") -> None:
    first, second = world.messages()
    event = Client(chalice_app).events.generate_sqs_event(
        [it.model_dump_json() for it in (succeeded(first), failed(second))]
    )
    reply = Client(chalice_app).lambda_.invoke("image_results", event).payload
    assert reply == {"batchItemFailures": []}
    shown = api.json("GET", f"/books/{book['id']}")
    assert shown["primary_image"]["kind"] == "processed"
    assert shown["primary_image"]["key"].endswith("/display.webp")
    assert [it["state"] for it in shown["images"]] == ["processed", "failed"]
    assert shown["images"][1]["job"]["error"]["code"] == "corrupt_image"
    assert "X-Amz-Expires=900" in shown["images"][0]["outputs"]["cutout"]["url"]

    (job,) = api.json("GET", "/jobs?status=failed")["items"]
    assert job["id"] == second.job_id
    assert api.json("POST", f"/jobs/{job['id']}/retry")["status"] == "queued"
    assert api.json("GET", f"/jobs/{job['id']}")["attempts"] == 1

    kept = api.json("PUT", f"/books/{book['id']}/images/{first.image_id}", {"keep_original": True})
    assert kept["kind"] == "original"
    assert kept["outputs"] is not None


def test_handlers_besides_the_api(world: World, api: Api, book: Any, chalice_app: "Chalice") -> None:
    functions = Client(chalice_app).lambda_
    event = Client(chalice_app).events.generate_cw_event("aws.events", "Scheduled Event", {}, [])
    assert functions.invoke("sweep", event).payload == {
        "sent": 0,
        "refused": 0,
        "gave_up": 0,
        "abandoned_uploads": 0,
        "deletions": 0,
        "forgotten": 0,
    }
    migrated = functions.invoke("migrate").payload
    assert migrated["before"] == migrated["after"]


def test_pages_of_a_list_meet_without_gap_or_overlap(world: World, api: Api) -> None:
    for number in range(5):
        world.put_listing(f"item-{number}", "image_01.jpg", "image_02.jpg")
        api.json("POST", "/books", {"listing_item_id": f"item-{number}"}, status=201)
    for path, key, total in (("/books", "id", 5), ("/jobs", "id", 10), ("/listings", "listing_item_id", 5)):
        seen: list[str] = []
        cursor = ""
        while True:
            page = api.json("GET", f"{path}?limit=2{cursor}")
            seen += [it[key] for it in page["items"]]
            if not page["next_cursor"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert len(seen) == len(set(seen)) == total, path


def test_uploads_and_primary(world: World, api: Api, book: Any) -> None:
    image = api.json(
        "POST", f"/books/{book['id']}/images", JPEG, status=201, **{"content-type": "image/jpeg"}
    )
    assert (image["position"], image["state"], image["is_primary"]) == (3, "processing", False)
    made = api.json("PUT", f"/books/{book['id']}/images/{image['id']}", {"primary": True})
    assert made["is_primary"]
    form = api.json("POST", f"/books/{book['id']}/images/presign", {"content_type": "image/jpeg"}, status=201)
    world.put(form["fields"]["key"], JPEG)
    done = api.json("POST", f"/books/{book['id']}/images/complete", {"image_id": form["image_id"]})
    assert done["state"] == "processing"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", f"/books/{UNKNOWN}", None, 404, "not_found"),
        ("GET", "/books/not-an-id", None, 404, "not_found"),
        ("GET", f"/jobs/{UNKNOWN}", None, 404, "not_found"),
        ("POST", f"/jobs/{UNKNOWN}/retry", None, 404, "not_found"),
        ("PUT", f"/books/{UNKNOWN}/images/{UNKNOWN}", {"primary": True}, 404, "not_found"),
        ("GET", "/listings/none", None, 404, "listing_not_found"),
        ("GET", "/listings/..%2Fx", None, 404, "listing_not_found"),
        ("POST", "/books", {"listing_item_id": "none"}, 404, "listing_not_found"),
        ("POST", "/books", {"listing_item_id": "../etc"}, 400, "invalid_request"),
        ("POST", "/books", {"listing_item_id": "a", "surprise": 1}, 400, "invalid_request"),
        ("POST", "/books", b"{", 400, "invalid_request"),
        ("POST", "/books", {}, 400, "invalid_request"),
        ("GET", "/books?limit=0", None, 400, "invalid_request"),
        ("GET", "/books?limit=x", None, 400, "invalid_request"),
        ("GET", "/books?cursor=%00", None, 400, "invalid_request"),
        ("GET", "/books?cursor=YQ", None, 400, "invalid_request"),
        ("GET", "/jobs?cursor=YQ", None, 400, "invalid_request"),
        ("GET", "/jobs?status=lost", None, 400, "invalid_request"),
        ("PUT", "/books", None, 405, "method_not_allowed"),
    ],
)
def test_errors_have_one_shape(api: Api, method: str, path: str, body: Any, status: int, code: str) -> None:
    assert api.error(method, path, body, status=status)["code"] == code


def test_what_names_no_listing_is_no_listing(api: Api) -> None:
    assert api.error("GET", "/listings/-", status=404)["code"] == "listing_not_found"


def test_listings_are_paged_past_what_lies_beside_them(world: World, api: Api) -> None:
    for number in range(6):
        world.put(f"listings/{number}-beside.txt", b"")
        world.put_listing(f"{number}-listing", "image_01.jpg")
    found: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api.json("GET", f"/listings?limit=2{cursor and f'&cursor={cursor}'}")
        found.append([it["listing_item_id"] for it in page["items"]])
        cursor = page["next_cursor"]
    assert found == [[f"{number}-listing", f"{number + 1}-listing"] for number in (0, 2, 4)]


def test_a_listing_s_photos_are_paged_by_number(world: World, api: Api) -> None:
    world.put_listing("long", "image_10.jpg", "image_2.jpg", "image_01.png", "image_01.jpg", "notes.txt")
    names: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api.json("GET", f"/listings/long?limit=2{cursor and f'&cursor={cursor}'}")
        names.append([it["key"].rpartition("/")[2] for it in page["photos"]])
        cursor = page["next_cursor"]
    assert names == [["image_01.jpg", "image_01.png"], ["image_2.jpg", "image_10.jpg"]]
    error = api.error("GET", "/listings/long?cursor=bm9uZQ", status=400)
    assert error["code"] == "invalid_request"


def test_a_missing_listing_names_the_prefix(api: Api) -> None:
    error = api.error("POST", "/books", {"listing_item_id": "none"}, status=404)
    assert error["details"]["prefix"] == "listings/none/"


def test_other_content_types_are_refused_in_the_same_shape(api: Api, book: Any) -> None:
    error = api.error("POST", "/books", b"a=b", status=415, content_type="application/x-www-form-urlencoded")
    assert error["code"] == "unsupported_media_type"
    path = f"/books/{book['id']}/images"
    assert api.error("POST", path, JPEG, status=415, content_type="text/plain")["details"]["supported"]
    assert api.error("POST", path, b"text", status=415, content_type="image/png")["code"]


@pytest.mark.parametrize("path", ["/books", "/jobs", "/listings", "/admin/system-info", f"/books/{UNKNOWN}"])
def test_every_route_with_data_wants_the_key(world: World, api: Api, path: str) -> None:
    assert api.error("GET", path, status=401, key=None)["code"] == "unauthorized"
    assert api.error("GET", path, status=401, key="wrong")["code"] == "unauthorized"
    world.write_secret(world.key_secret, {"current": "", "previous": None})
    world.res.api_keys._fetched = None
    for key in (None, "wrong", API_KEY, ""):
        assert api.error("GET", path, status=503, key=key)["code"] == "misconfigured"


def test_an_unforeseen_error_tells_nothing_and_is_logged(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from chalicelib.services import books

    def explode(*_: Any, **__: Any) -> None:
        raise RuntimeError("with a secret in it")

    monkeypatch.setattr(books, "page", explode)
    error = api.error("GET", "/books", status=500)
    assert error["code"] == "internal_error"
    assert "secret" not in error["message"]
    assert "with a secret in it" in caplog.text


def test_an_unreachable_database_is_unavailable(world: World, api: Api) -> None:
    world.res.database.dispose()
    world.change_password("another")
    error = api.error("GET", "/books", status=503)
    assert error["code"] == "unavailable"
    assert world.role not in str(error), "a viewer is told neither user nor address"


def test_a_secret_that_cannot_be_read_is_not_named_to_everybody(world: World, api: Api) -> None:
    world.res.database.dispose()
    boto3.client("secretsmanager").delete_secret(SecretId=world.database_secret)
    error = api.error("GET", "/books", status=503)
    assert error["code"] == "misconfigured"
    assert world.database_secret not in str(error)


def test_checks_that_a_caller_has_run_are_counted(world: World, api: Api) -> None:
    res = Resources(replace(world.res.settings, calls_per_minute=1), clock=world.clock)
    resources.use(res)
    api.json("GET", "/health/deep")
    assert api.error("GET", "/health/deep", status=429)["code"] == "rate_limited"
    api.json("GET", "/health/deep", key=None)
    res.database.dispose()


def test_the_system_tells_the_revision_of_a_schema_that_is_too_old(world: World, api: Api) -> None:
    older = migrate.previous_revision()
    world.run("UPDATE alembic_version SET version_num = %s", older)
    found = api.json("GET", "/admin/system-info")
    assert found["status"] == "unhealthy"
    assert found["infrastructure"]["database"]["schema_revision"] == older


def test_health(world: World, api: Api) -> None:
    assert api.json("GET", "/health", key=None)["status"] == "ok"
    assert api.json("GET", "/health/deep", key=None)["status"] == "healthy"
    info = api.json("GET", "/admin/system-info")
    assert info["infrastructure"]["database"]["schema_revision"] is not None
    assert {it["worker"] for it in info["infrastructure"]["queues"]} == set(world.res.settings.queues.root)


def test_deep_health_tells_strangers_only_how_each_check_is(world: World, api: Api) -> None:
    full = api.call("GET", "/health/deep").json_body
    assert "PostgreSQL" in next(it["message"] for it in full["checks"] if it["name"] == "database")
    assert {it["worker"] for it in full["queues"]} == set(world.res.settings.queues.root)
    for key in (None, "wrong", ""):
        response = api.call("GET", "/health/deep", key=key)
        assert response.status_code == 200
        assert response.json_body["queues"] is None
        for check in response.json_body["checks"]:
            assert {name for name, value in check.items() if value is not None} == {
                "name",
                "label",
                "status",
            }
        text = response.body.decode()
        for secret in ("PostgreSQL", "bluemoxon-test", 'latency_ms":1'):
            assert secret not in text


def test_strangers_cannot_have_the_checks_run_at_will(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.services import health

    examined: list[None] = []
    examine = health.examine

    def counted(res: Any) -> health.Health:
        examined.append(None)
        return examine(res)

    monkeypatch.setattr(health, "examine", counted)
    for _ in range(5):
        api.json("GET", "/health/deep", key=None)
    assert len(examined) == 1
    api.json("GET", "/health/deep")
    assert len(examined) == 2, "who has the key sees the present state"
    world.clock.advance(seconds=10)
    api.json("GET", "/health/deep", key=None)
    assert len(examined) == 3


@pytest.mark.parametrize("key", [None, API_KEY])
def test_an_empty_key_is_seen_without_a_key(world: World, api: Api, key: str | None) -> None:
    world.write_secret(world.key_secret, {"current": ""})
    found = api.json("GET", "/health/deep", key=key, status=503)
    assert found["status"] == "unhealthy"
    assert [it["name"] for it in found["checks"] if it["status"] == "unhealthy"] == ["secrets"]


def test_an_image_tells_the_photo_it_was_copied_from(world: World, api: Api, book: Any) -> None:
    sources = [it["source_key"] for it in book["images"]]
    assert sources == ["listings/atlas/image_01.jpg", "listings/atlas/image_02.jpg"]
    uploaded = api.json("POST", f"/books/{book['id']}/images", JPEG, status=201, content_type="image/jpeg")
    assert uploaded["source_key"] is None


def test_an_upload_that_never_came_is_left_out_once_its_form_has_expired(
    world: World, api: Api, book: Any
) -> None:
    path = f"/books/{book['id']}"
    form = api.json("POST", f"{path}/images/presign", {"content_type": "image/jpeg"}, status=201)
    assert [it["state"] for it in api.json("GET", path)["images"]][2:] == ["uploading"]
    world.clock.advance(minutes=16)
    shown = api.json("GET", path)
    assert [it["state"] for it in shown["images"]] == ["processing", "processing"]
    world.put(form["fields"]["key"], JPEG)
    late = api.json("POST", f"{path}/images/complete", {"image_id": form["image_id"]})
    assert late["state"] == "processing"


def test_the_openapi_document_names_every_route(api: Api, chalice_app: "Chalice") -> None:
    document = api.json("GET", "/openapi.json", key=None)
    assert document["openapi"].startswith("3.1")
    pages = {"/", "/admin", "/docs", "/sign-in", "/static/{build}/{name}", "/openapi.json"}
    declared = {
        (method.lower(), path)
        for path, methods in chalice_app.routes.items()
        for method in methods
        if path not in pages
    }
    described = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert described == declared
    references = {
        part for part in json.dumps(document).split('"') if part.startswith("#/components/schemas/")
    }
    assert {it.rsplit("/", 1)[1] for it in references} <= set(document["components"]["schemas"])


def test_a_result_for_no_book_of_ours_is_acknowledged(world: World, chalice_app: "Chalice") -> None:
    result = ImageResult.model_validate(
        {"job_id": UNKNOWN, "status": "failed", "error": {"code": "no_subject", "message": "x"}}
    )
    client = Client(chalice_app)
    event = client.events.generate_sqs_event([result.model_dump_json()])
    assert client.lambda_.invoke("image_results", event).payload == {"batchItemFailures": []}
