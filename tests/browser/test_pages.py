"""The pages in a real browser, on the running stack: what a bookseller and an operator see and click."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.running_stack import PhotoMaker, RunningStack

pytestmark = pytest.mark.local

QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
)
WAIT = 30_000
"""Milliseconds within which a page must show something: the first call of a function starts it."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's browser, for this file only: Playwright keeps an event loop running while it is open, in
    which no Pulumi program could run.
    """
    executable = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if executable is None:
        pytest.skip("needs: Chromium (Debian: apt-get install chromium)")
    arguments = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page and what it complained about on the console."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expects(self, text: str) -> None:
        """Chromium itself reports every refused request; this one is what the test is about."""
        self.expected.append(text)

    @property
    def unexpected(self) -> list[str]:
        return [it for it in self.complaints if not any(text in it for text in self.expected)]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """A page of its own; whatever it complains about unexpectedly fails the test."""
    context: BrowserContext = chromium.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(WAIT)
    visit = Visit(context.new_page())
    visit.page.on(
        "console",
        lambda message: visit.complaints.append(message.text) if message.type == "error" else None,
    )
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    yield visit
    context.close()
    assert visit.unexpected == []


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit.page


@pytest.fixture(scope="module")
def book_id(running: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A book with two cutouts."""
    from PIL import Image

    from workers.samples.generator import generate

    folder = tmp_path_factory.mktemp("pages")
    paths = []
    for number in (1, 2):
        paths.append(folder / f"image_{number:02d}.jpg")
        Image.fromarray(generate(700 + number, size=(640, 480), pose="lying").image).save(paths[-1])
    found = running.import_photos("pages", paths)
    running.wait_for_book(found)
    return found


def _signed_in(running: RunningStack, path: str = "") -> str:
    return f"{running.status.web_url}{path}#key={running.status.api_key}"


def test_books_show_their_cutout_and_lead_to_their_page(
    page: Page, running: RunningStack, book_id: str
) -> None:
    page.goto(_signed_in(running))
    card = page.locator("#books li", has_text="pages")
    expect(card).to_contain_text("2 of 2 cut out", timeout=WAIT)
    assert running.status.api_key not in page.url
    card.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(rf"/books/{book_id}$"))
    expect(page.locator("#title")).to_have_text("pages", timeout=WAIT)


def test_the_slider_compares_before_and_after_by_keyboard(
    page: Page, running: RunningStack, book_id: str
) -> None:
    page.goto(_signed_in(running, f"books/{book_id}"))
    slider = page.get_by_role("slider")
    slider.focus()
    before = int(slider.input_value())
    slider.press("ArrowRight")
    assert int(slider.input_value()) > before
    loaded = page.locator(".compare img").evaluate_all(
        "all => all.every(it => it.complete && it.naturalWidth)"
    )
    assert loaded


def test_another_photo_can_be_made_primary(page: Page, running: RunningStack, book_id: str) -> None:
    page.goto(_signed_in(running, f"books/{book_id}"))
    page.get_by_role("button", name="Make primary").click()
    second = page.locator("#gallery li").nth(1)
    expect(second).to_contain_text("Primary", timeout=WAIT)
    with running.api() as api:
        assert [image["is_primary"] for image in api.get(f"/books/{book_id}")["images"]] == [False, True]


def test_a_photo_chosen_on_the_page_is_uploaded_and_cut_out(
    page: Page, running: RunningStack, book_id: str, photos: PhotoMaker
) -> None:
    (photo,) = photos("chosen", 1)
    page.goto(_signed_in(running, f"books/{book_id}"))
    expect(page.locator("#gallery li")).to_have_count(2, timeout=WAIT)
    page.set_input_files("#files", photo)
    expect(page.locator("#gallery li[data-state=processed]")).to_have_count(3, timeout=2 * WAIT)


def test_the_admin_page_says_how_each_part_is(page: Page, running: RunningStack) -> None:
    page.goto(_signed_in(running, "admin"))
    expect(page.locator("#overall")).to_have_text("Healthy", timeout=WAIT)
    expect(page.locator("#checks")).to_contain_text(re.compile(r"SQS Queues – \d+ ms"))
    expect(page.locator("#queues tr")).to_have_count(5)


@pytest.mark.usefixtures("book_id")
def test_without_a_key_the_page_asks_for_it_and_offers_nothing_else(
    page: Page, running: RunningStack
) -> None:
    page.goto(running.status.web_url)
    expect(page.locator("#key")).to_be_focused(timeout=WAIT)
    expect(page.locator("#import-form")).to_be_hidden()
    page.locator("#key").fill(running.status.api_key)
    page.locator("#key").press("Enter")
    expect(page.locator("#books li").first).to_be_visible(timeout=WAIT)
    expect(page.locator("#import-form")).to_be_visible()


def test_an_address_without_a_book_says_so(visit: Visit, running: RunningStack) -> None:
    page = visit.page
    visit.expects("404")
    page.goto(_signed_in(running, "books/nope"))
    expect(page.locator("#title")).to_have_text("No such book", timeout=WAIT)
    expect(page.get_by_role("link", name="All books")).to_be_visible()
    expect(page.get_by_text("Add photos")).to_be_hidden()
    expect(page.get_by_text("Gallery")).to_be_hidden()
    expect(page.locator("#notice")).to_be_hidden()


def test_a_photo_that_cannot_be_shown_is_a_plain_tile(
    page: Page, running: RunningStack, tmp_path: Path
) -> None:
    photo = tmp_path / "image_01.jpg"
    photo.write_bytes(b"\xff\xd8\xff\xe0" + b"no picture" * 50)
    book_id = running.import_photos("broken", [photo])
    running.wait_for_book(book_id)
    page.goto(_signed_in(running, f"books/{book_id}"))
    tile = page.locator("#gallery li[data-state=failed]")
    expect(tile.locator(".nopic")).to_have_text("No picture", timeout=WAIT)
    expect(page.locator("#stage .nopic")).to_have_text("No picture")
    expect(page.locator("main img")).to_have_count(0)
    page.goto(_signed_in(running))
    expect(page.locator("#books li", has_text="broken").locator(".nopic")).to_have_text(
        "No picture", timeout=WAIT
    )


@pytest.mark.parametrize("width", [380, 1200])
@pytest.mark.parametrize("path", ["", "admin", "docs", "books/{book_id}"])
def test_nothing_sticks_out_at_the_width_of_a_phone_or_a_desk(
    page: Page, running: RunningStack, book_id: str, path: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(_signed_in(running, path.format(book_id=book_id)))
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=WAIT)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_api_is_described_and_searched(page: Page, running: RunningStack) -> None:
    """Without a key, and with nothing but the application's own files: the policy forbids the rest."""
    page.goto(f"{running.status.web_url}docs")
    calls = page.locator("#operations details")
    expect(calls.first).to_be_visible(timeout=WAIT)
    assert calls.count() > 25
    page.locator("#find").fill("delete image")
    expect(page.locator("#operations details:visible")).to_have_count(1)
    page.locator("#delete_image summary").press("Enter")
    expect(page.locator("#delete_image")).to_contain_text("404")
    expect(page.locator("#delete_image")).to_contain_text("Takes the role editor.")
