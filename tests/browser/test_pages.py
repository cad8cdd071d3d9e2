"""The pages in a real browser, on the running stack: what a bookseller and an operator see and click."""

import os
import re
import shutil
from collections.abc import Iterator

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


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
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


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of its own; whatever it complains about fails the test."""
    context: BrowserContext = chromium.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(WAIT)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


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


def test_without_a_key_the_page_asks_for_it(page: Page, running: RunningStack) -> None:
    page.goto(running.status.web_url)
    page.locator("#key").fill(running.status.api_key)
    page.locator("#key").press("Enter")
    expect(page.locator("#books li").first).to_be_visible(timeout=WAIT)


@pytest.mark.parametrize("path", ["", "admin", "books/{book_id}"])
def test_nothing_sticks_out_at_a_phones_width(
    page: Page, running: RunningStack, book_id: str, path: str
) -> None:
    page.set_viewport_size({"width": 380, "height": 800})
    page.goto(_signed_in(running, path.format(book_id=book_id)))
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=WAIT)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
