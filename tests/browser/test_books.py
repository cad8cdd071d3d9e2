"""The list of books in a real browser, on the running stack."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from bmx.books import Listing, upload
from tests.browser.conftest import WAIT, Person, Visit, signed_in
from tests.running_stack import PhotoMaker, RunningStack

pytestmark = pytest.mark.local


def test_books_show_their_cutout_and_lead_to_their_page(
    page: Page, running: RunningStack, book_id: str
) -> None:
    page.goto(signed_in(running, "?q=pages"))
    card = page.locator(f"#books [data-id='{book_id}']")
    expect(card).to_contain_text("2 of 2 cut out")
    assert running.status.api_key not in page.url
    card.get_by_role("link").click()
    expect(page).to_have_url(re.compile(rf"/books/{book_id}$"))
    expect(page.locator("#title")).to_have_text("pages")


def test_what_is_typed_is_searched_and_the_address_remembers_it(
    page: Page, running: RunningStack, book_id: str
) -> None:
    page.goto(signed_in(running))
    expect(page.locator("#books li").first).to_be_visible()
    page.get_by_label("Search title or listing").press_sequentially("PAG")
    expect(page).to_have_url(re.compile(r"\?q=PAG$"))
    expect(page.locator(f"#books [data-id='{book_id}']")).to_be_visible()
    page.get_by_label("Failed").check(force=True)
    expect(page.get_by_role("heading", name="No book is like that")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Search title or listing")).to_have_value("PAG")
    expect(page.get_by_label("Failed")).to_be_checked()
    expect(page.locator("#nothing")).to_be_visible()
    page.get_by_role("button", name="Show all books").click()
    expect(page.locator(f"#books [data-id='{book_id}']")).to_be_visible()
    expect(page).to_have_url(running.status.web_url)


@pytest.fixture
def shelf(running: RunningStack) -> Iterator[int]:
    """More books than a page shows, all of one name."""
    count = 50
    made: list[str] = []
    with running.api() as api, ThreadPoolExecutor(2) as pool:
        try:
            for found in pool.map(lambda it: api.post("/books", {"title": f"shelf {it:02d}"}), range(count)):
                made.append(found["id"])
            yield count
        finally:
            list(pool.map(lambda it: api.call("DELETE", f"/books/{it}"), made))


def test_a_long_list_comes_page_by_page(page: Page, running: RunningStack, shelf: int) -> None:
    page.goto(f"{running.status.web_url}?q=shelf#key={running.status.api_key}")
    expect(page.locator("#count")).to_have_text("48 books and more")
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("#count")).to_have_text(f"{shelf} books")
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    names = page.locator("#books .name").all_inner_texts()
    assert sorted(names) == [f"shelf {it:02d}" for it in range(shelf)]


def test_a_book_is_made_renamed_and_deleted(visit: Visit, running: RunningStack) -> None:
    page = visit.page
    page.goto(signed_in(running))
    page.get_by_role("button", name="Add a book").click()
    page.get_by_label("Empty, for photos of your own").fill("Ein schönes <b>Buch</b>")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#title")).to_have_text("Ein schönes <b>Buch</b>")
    expect(page.get_by_role("heading", name="No photos yet")).to_be_visible()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Title").fill("A fine book")
    page.get_by_label("Title").press("Enter")
    expect(page.locator("#title")).to_have_text("A fine book")
    book = page.url.rsplit("/", 1)[-1]
    page.get_by_role("button", name="Delete book").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Delete book")).to_be_focused()
    page.get_by_role("button", name="Delete book").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete book").click()
    expect(page).to_have_url(running.status.web_url)
    visit.expects("404")
    page.goto(f"{running.status.web_url}books/{book}")
    expect(page.get_by_role("heading", name="No such book")).to_be_visible()
    expect(page.locator("#book")).to_be_hidden()
    expect(page.locator("#notice")).to_be_hidden()


def test_a_listing_is_imported_and_its_progress_is_seen(
    page: Page, running: RunningStack, photos: PhotoMaker
) -> None:
    listing = Listing("browser-import", "browser-import", tuple(photos("listing", 2)))
    upload(running.status.connection.client("s3"), running.status.images_bucket, listing)
    page.goto(signed_in(running))
    page.get_by_role("button", name="Add a book").click()
    page.get_by_label("From a listing, with its photos").fill("no-such-listing")
    expect(page.locator("datalist option[value=browser-import]")).to_have_count(1)
    page.get_by_label("From a listing, with its photos").fill("browser-import")
    page.get_by_role("button", name="Import").click()
    expect(page.locator("#progress")).to_contain_text("from listing browser-import")
    expect(page.locator("#progress")).to_contain_text("2 of 2 cut out", timeout=4 * WAIT)


def test_a_refusal_is_told_where_it_happened(visit: Visit, running: RunningStack) -> None:
    page = visit.page
    visit.expects("404")
    page.goto(signed_in(running))
    page.get_by_role("button", name="Add a book").click()
    page.get_by_label("From a listing, with its photos").fill("no-such-listing")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("no-such-listing")
    page.get_by_role("button", name="Close this message").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Add a book")).to_be_focused()


def test_a_viewer_is_offered_nothing_that_changes(
    page: Page, running: RunningStack, book_id: str, person: Callable[[str], Person]
) -> None:
    person("viewer").sign_in(page, running)
    expect(page.locator("#role")).to_have_text("viewer")
    expect(page.locator(f"#books [data-id='{book_id}']")).to_be_visible()
    expect(page.get_by_role("button", name="Add a book")).to_be_hidden()
    page.goto(f"{running.status.web_url}books/{book_id}")
    expect(page.locator("#gallery[aria-busy=false]")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    offered = [it for it in page.get_by_role("button").all_inner_texts() if not it.startswith("Photo")]
    assert offered == ["Sign out"]
    assert page.evaluate("document.querySelectorAll('[draggable=true]').length") == 0
