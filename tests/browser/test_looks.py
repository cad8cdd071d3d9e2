"""Every page at the width of a desk and of a phone, light and dark: nobody is kept out, nothing sticks out.

`BMX_SCREENSHOTS=FOLDER` keeps the pictures.
"""

import os
import time
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visiting, signed_in
from tests.running_stack import RunningStack

pytestmark = pytest.mark.local

PAGES = {"books": "", "book": "books/{book_id}", "system": "admin", "api": "docs", "sign-in": "sign-in"}
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def violations(page: Page) -> list[str]:
    """What axe finds, and where."""
    found = Axe().run(page, options=AXE).response
    assert found["passes"], "axe looked at nothing"
    return [
        f"{it['id']}: {it['help']}: {node['target']}" for it in found["violations"] for node in it["nodes"]
    ]


def keep(page: Page, folder: Path, name: str) -> None:
    """A picture of the whole page, which says something only to who looks at it."""
    folder = Path(os.environ.get("BMX_SCREENSHOTS", folder))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)


@pytest.mark.parametrize(
    ("look", "width", "dark"), [("desk", 1200, False), ("dark", 1200, True), ("phone", 380, False)]
)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_used_by_everybody_at_every_width(
    visiting: Visiting,
    running: RunningStack,
    book_id: str,
    tmp_path: Path,
    name: str,
    look: str,
    width: int,
    dark: bool,
) -> None:
    with visiting(width, 800, dark=dark) as visit:
        page = visit.page
        page.goto(signed_in(running, PAGES[name].format(book_id=book_id)))
        expect(page.locator("main h1:visible")).to_have_count(1)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        page.wait_for_load_state("networkidle")
        keep(page, tmp_path, f"{name}-{look}")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_dialogs_can_be_used_by_everybody(
    visiting: Visiting, running: RunningStack, book_id: str, tmp_path: Path, dark: bool
) -> None:
    with visiting(380, 800, dark=dark) as visit:
        page = visit.page
        for path, opener in (
            ("", "Add a book"),
            ("books/{book_id}", "Rename"),
            ("books/{book_id}", "Delete book"),
            ("books/{book_id}", "Cut out again…"),
        ):
            page.goto("about:blank")
            page.goto(signed_in(running, path.format(book_id=book_id)))
            page.get_by_role("button", name=opener).click()
            expect(page.locator("dialog[open]")).to_be_visible()
            keep(page, tmp_path, f"dialog-{opener.split()[0].lower()}-{'dark' if dark else 'light'}")
            assert violations(page) == []


def test_everything_is_reached_by_keys_alone(visiting: Visiting, running: RunningStack, book_id: str) -> None:
    """From the list to a book, to its slider, and to a new order of its photos, without a pointer."""
    with visiting() as visit:
        page = visit.page
        page.goto(signed_in(running, "?q=pages"))
        expect(page.locator(f"#book-{book_id}")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        _tab_to(page, f"book-{book_id}")
        page.keyboard.press("Enter")
        expect(page.locator("#gallery[aria-busy=false]")).to_be_visible()
        _tab_to(page, None, tag="IMAGE-COMPARE")
        page.keyboard.press("End")
        expect(page.get_by_role("slider")).to_have_value("100")
        _tab_to(page, "act-delete")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Cancel")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#act-delete")).to_be_focused()
        _tab_to(page, None, within="#gallery")
        first = page.evaluate("document.activeElement.id")
        page.keyboard.press("Alt+ArrowRight")
        expect(page.locator("#gallery li").nth(1).get_by_role("button")).to_have_id(first)
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#gallery li").nth(0).get_by_role("button")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#gallery li").nth(0).get_by_role("button")).to_have_attribute(
            "aria-pressed", "true"
        )


def _tab_to(page: Page, identifier: str | None, *, tag: str = "", within: str = "") -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """([id, tag, within]) => { const it = document.activeElement;
              if (id) return it.id === id;
              return tag ? it.tagName === tag : Boolean(it.closest(within)); }""",
            [identifier, tag, within],
        )
        if found:
            return
    raise AssertionError(f"{identifier or tag or within} is not reached by Tab")


@pytest.mark.parametrize("name", PAGES)
def test_how_long_a_page_takes_is_reported(
    visiting: Visiting, running: RunningStack, book_id: str, name: str, record_property: pytest.FixtureRequest
) -> None:
    """Seconds until a warm page shows its content. A machine that is busy makes it no fault of the page, so
    the goal of a second is not judged here.
    """
    with visiting() as visit:
        address = signed_in(running, PAGES[name].format(book_id=book_id))
        for _ in range(2):
            visit.page.goto("about:blank")
            started = time.monotonic()
            visit.page.goto(address, wait_until="commit")
            expect(visit.page.locator("main h1:visible")).to_have_count(1)
            expect(visit.page.locator("[aria-busy=true]")).to_have_count(0)
            seconds = time.monotonic() - started
    record_property("seconds", round(seconds, 3))  # type: ignore[operator]
    print(f"{name}: {seconds:.2f} s")  # noqa: T201 - for who runs it with -s
