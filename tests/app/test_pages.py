"""The pages: no secrets, relative links, one address for people and programs."""

import re
from typing import TYPE_CHECKING

import pytest
from chalice.test import Client

from chalicelib.api.pages import bucket_origin, relative_root
from tests.app.world import API_KEY, JPEG, World

if TYPE_CHECKING:
    from chalice.app import Chalice

HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest.mark.parametrize("path", ["/", "/admin", "/docs", "/books/01890a5d-ac96-774b-bcce-b302099a8057"])
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


def test_what_needs_the_key_is_hidden_until_there_is_one(world: World, chalice_app: "Chalice") -> None:
    client = Client(chalice_app).http
    text = "".join(client.get(path, headers=HTML).body.decode() for path in ("/", "/admin", "/books/x"))
    tags = {
        name: next(tag for tag in re.findall(r"<[a-z][^>]*>", text) if f'id="{name}"' in tag)
        for name in ("import-form", "system", "drop", "gallery-section")
    }
    assert [name for name, tag in tags.items() if not re.search(r"\shidden\b", tag)] == []
    assert "prints a link" not in text, "`bmx open` opens the pages with the key, and prints them without it"


def test_every_file_that_the_pages_name_is_served(world: World, chalice_app: "Chalice") -> None:
    client = Client(chalice_app).http
    text = "".join(
        client.get(path, headers=HTML).body.decode() for path in ("/", "/admin", "/docs", "/books/x")
    )
    names = set(re.findall(r"static/([\w.]+)", text))
    assert names >= {"bmx.css", "books.js", "book.js", "admin.js", "docs.js", "moxon.svg"}
    for name in names | {"bmx.js"}:
        response = client.get(f"/static/{name}", headers={"Accept": "image/webp,*/*"})
        assert response.status_code == 200
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/static/..%2Fsettings.py").status_code == 404


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
    from chalicelib.api.present import signed_url

    world.put("books/x/image_01.jpg", JPEG)
    url = signed_url(world.res, "books/x/image_01.jpg")
    assert url.startswith(bucket_origin(world.res.settings) + "/books/x/image_01.jpg?")
