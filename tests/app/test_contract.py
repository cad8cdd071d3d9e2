"""The document and the API say the same: every example is valid, and generated calls find nothing."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jsonschema_rs
import pytest
import schemathesis
from chalice.test import Client, HTTPResponse
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from chalicelib import resources
from chalicelib.resources import Resources
from chalicelib.services import dead_letters
from tests.app.api import Api
from tests.app.world import World

if TYPE_CHECKING:
    from chalice.app import Chalice

Json = dict[str, Any]
EXAMPLES = 12
"""Generated calls of each operation; seeded, so that every run makes the same ones."""

NO_PATH = json.dumps({"code": "not_found", "message": "", "details": {}, "request_id": ""}).encode()


@pytest.fixture
def document(api: Api) -> Json:
    found: Json = api.json("GET", "/openapi.json", key=None)
    return found


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_is_described_with_examples_and_refusals(document: Json) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["tags"], name
        good = [it for status, it in operation["responses"].items() if status.startswith("2")]
        assert all("example" in it["content"]["application/json"] for it in good), name
        for status, answer in operation["responses"].items():
            if status >= "400" and "examples" in answer["content"]["application/json"]:
                for code, example in answer["content"]["application/json"]["examples"].items():
                    assert example["value"]["code"] == code
        if "security" not in operation:
            assert {"401", "403", "429", "500", "503"} <= set(operation["responses"]), name


def test_every_example_is_valid(document: Json) -> None:
    checked = 0

    def check(name: str, schema: Json, example: Any) -> None:
        nonlocal checked
        validator = jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})
        assert [error.message for error in validator.iter_errors(example)] == [], name
        checked += 1

    for name, operation in operations(document):
        for parameter in operation["parameters"]:
            if parameter["name"] == "cursor":
                continue
            check(f"{name} {parameter['name']}", parameter["schema"], parameter["example"])
        answers = [it for it in operation["responses"].values() if "content" in it]
        for holder in [*answers, *([operation["requestBody"]] if "requestBody" in operation else [])]:
            for media in holder["content"].values():
                for example in [{"value": media["example"]}] if "example" in media else []:
                    check(name, media["schema"], example["value"])
                for example in media.get("examples", {}).values():
                    check(name, media["schema"], example["value"])
    assert checked > 200


class Gateway:
    """The application as a WSGI program; what API Gateway hands on, as chalice's own test client does."""

    def __init__(self, app: "Chalice", world: World) -> None:
        self._client = Client(app)
        self._world = world

    def __call__(self, environ: Mapping[str, Any], start_response: Any) -> list[bytes]:
        # The document's server is ".", the folder that it lies in.
        path = "/" + quote(environ["PATH_INFO"].encode("latin-1").lstrip(b"/"), safe="/")
        if environ.get("QUERY_STRING"):
            path += f"?{environ['QUERY_STRING']}"
        headers = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        if environ.get("CONTENT_TYPE"):
            headers["content-type"] = environ["CONTENT_TYPE"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = self._client.http.request(environ["REQUEST_METHOD"], path, headers=headers, body=body)
        if answer.status_code == 403 and b"Missing Authentication Token" in answer.body:
            # Any path that is not declared; the real gateway is told to answer it like this.
            answer = HTTPResponse(NO_PATH, {"content-type": "application/json"}, 404)
        sent = [(name, str(value)) for name, value in answer.headers.items()]
        start_response(f"{answer.status_code} -", sent)
        return [answer.body]


@pytest.fixture
def schema(world: World, chalice_app: "Chalice", book: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(dead_letters, "_WAIT_SECONDS", 0)
    res = Resources(replace(world.res.settings, calls_per_minute=0), clock=world.clock)
    resources.use(res)
    yield schemathesis.openapi.from_wsgi("/openapi.json", Gateway(chalice_app, world))
    res.database.dispose()


def test_generated_calls_find_no_answer_that_is_not_in_the_document(
    world: World, schema: Any, book: Any
) -> None:
    called, found = 0, []

    def call(case: Any, *excluded: Any) -> None:
        nonlocal called
        called += 1
        if "book_id" in (case.path_parameters or {}) and called % 2:
            case.path_parameters["book_id"] = book["id"]
        key = world.res.api_keys.read().current
        case.call_and_validate(headers={"X-API-Key": key}, excluded_checks=[unsupported_method, *excluded])

    for result in schema.get_all_operations():
        operation = result.ok()
        # What no schema can say: bytes that are no image, a model that the worker does not hold, and a cursor
        # that was never given out.
        recipe = operation.path.endswith("/process")
        uploads = operation.method == "post" and operation.path.endswith("/images")
        goes_on = operation.path.endswith("/jobs/retry") or any(it.name == "cursor" for it in operation.query)
        opaque = uploads or recipe or goes_on
        excluded = [positive_data_acceptance] if opaque else []
        try:
            _generate(operation, call, excluded)
        except (BaseExceptionGroup, AssertionError) as error:
            found += [f"{operation.label}: {it}" for it in _leaves(error)]
    assert not found, "\n\n".join(found)
    assert called > 300


def _generate(operation: Any, call: Callable[..., None], excluded: list[Any]) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        call(case, *excluded)

    run()


def _leaves(error: BaseException) -> Iterator[str]:
    """What was found, out of the groups that Hypothesis and Schemathesis put it in."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield str(error)
