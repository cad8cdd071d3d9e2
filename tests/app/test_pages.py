"""The pages: no secrets, relative links, one address for people and programs."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from chalice.test import Client

from chalicelib import resources
from chalicelib.api import pages
from chalicelib.api.pages import bucket_origin, relative_root
from chalicelib.resources import Resources
from tests.app.world import API_KEY, JPEG, World

if TYPE_CHECKING:
    from chalice.app import Chalice

STATIC = Path(pages.__file__).parents[1] / "web/static"
HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest.mark.parametrize(
    "path", ["/", "/admin", "/docs", "/sign-in", "/books/01890a5d-ac96-774b-bcce-b302099a8057"]
)
def test_pages_are_served_without_a_key_and_hold_none(
    world: World, chalice_app: "Chalice", path: str
) -> None:
    response = Client(chalice_app).http.get(path, headers=HTML)
    text = response.body.decode()
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert API_KEY not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", text), "the CSP forbids inline code"
    for link in re.findall(r'(?:href|src)="([^"]+)"', text):
        assert not link.startswith(("/", "http")), "links are relative to whatever prefix there is"


def test_what_takes_a_role_is_hidden_until_somebody_has_it(world: World, chalice_app: "Chalice") -> None:
    client = Client(chalice_app).http
    text = "".join(client.get(path, headers=HTML).body.decode() for path in ("/", "/admin", "/books/x"))
    tags = [tag for tag in re.findall(r"<[a-z][^>]*>", text) if "data-role" in tag]
    assert len(tags) >= 5
    assert [tag for tag in tags if not re.search(r"\shidden\b", tag)] == []
    assert "prints a link" not in text, "`bmx open` opens the pages with the key, and prints them without it"


def test_every_file_that_the_pages_name_is_served_and_kept(world: World, chalice_app: "Chalice") -> None:
    client = Client(chalice_app).http
    text = "".join(
        client.get(path, headers=HTML).body.decode()
        for path in ("/", "/admin", "/docs", "/sign-in", "/books/x")
    )
    (build,) = set(re.findall(r"static/(\w+)/", text))
    names = set(re.findall(rf"static/{build}/([\w.-]+)", text))
    imported = {
        name
        for file in STATIC.glob("*.js")
        for name in re.findall(r'(?:from|import) "\./([\w.-]+)"', file.read_text())
    }
    assert names | imported == {file.name for file in STATIC.iterdir()}, (
        "each file is used, and each is there"
    )
    for name in names | imported:
        response = client.get(f"/static/{build}/{name}", headers={"Accept": "image/webp,*/*"})
        assert response.status_code == 200
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "immutable" in response.headers["Cache-Control"]
    of_another_release = client.get("/static/0123456789abcdef/bmx.css")
    assert (of_another_release.status_code, of_another_release.headers["Cache-Control"]) == (200, "no-cache")
    assert client.get(f"/static/{build}/..%2Fsettings.py").status_code == 404


def test_every_module_is_loaded_with_its_page(world: World, chalice_app: "Chalice") -> None:
    """Imports that a page does not announce would be found one after the other."""
    client = Client(chalice_app).http
    for path in ("/", "/admin", "/docs", "/sign-in", "/books/x"):
        text = client.get(path, headers=HTML).body.decode()
        wanted = set(re.findall(r'<script[^>]*/([\w.-]+)"', text))
        announced = set(re.findall(r'modulepreload" href="[^"]*/([\w.-]+)"', text))
        needed = set(wanted)
        while needed:
            name = needed.pop()
            found = re.findall(r'(?:from|import) "\./([\w.-]+)"', (STATIC / name).read_text())
            needed |= set(found) - wanted
            wanted |= set(found)
        assert len(re.findall(r"<script", text)) == 1
        assert wanted - announced == set(re.findall(r'<script[^>]*/([\w.-]+)"', text)), path


def test_the_only_style_that_the_policy_lets_in_is_the_sliders(world: World, chalice_app: "Chalice") -> None:
    policy = Client(chalice_app).http.get("/", headers=HTML).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert re.search(r"style-src 'self' 'sha256-[\w+/=]+';", policy)


def test_the_pages_offer_the_pools_sign_in_where_there_is_one(world: World, chalice_app: "Chalice") -> None:
    client = Client(chalice_app).http
    assert "data-client-id" not in client.get("/sign-in", headers=HTML).body.decode()
    pool = "https://bluemoxon-test.auth.us-west-2.amazoncognito.com"
    resources.use(Resources(replace(world.res.settings, user_pool_client_id="web", sign_in_url=pool)))
    response = client.get("/sign-in", headers=HTML)
    assert f'data-client-id="web" data-sign-in-url="{pool}"' in response.body.decode()
    assert f" {pool};" in response.headers["Content-Security-Policy"]


def test_one_address_answers_people_and_programs(world: World, chalice_app: "Chalice") -> None:
    response = Client(chalice_app).http.get("/books/x", headers={"Accept": "application/json"})
    assert response.status_code == 401
    assert response.headers["Vary"] == "Accept"


@pytest.mark.parametrize(
    ("path", "depth", "root"),
    [
        ("/", 0, "./"),
        ("/api/", 0, "./"),
        ("/api", 0, "api/"),
        ("/api/admin", 1, "./"),
        ("/api/books/x", 2, "../"),
    ],
)
def test_the_root_is_found_from_every_page(path: str, depth: int, root: str) -> None:
    assert relative_root(path, depth) == root


def test_signed_addresses_have_the_origin_that_the_pages_allow(world: World) -> None:
    world.put("books/x/image_01.jpg", JPEG)
    url = world.res.urls.url("books/x/image_01.jpg")
    assert url.startswith(bucket_origin(world.res.settings) + "/books/x/image_01.jpg?")
