"""How long each page takes until it shows what it is for: `python benchmarks/pages.py [--visits 8]`.

Run with the local stack up and some books in it (`./bmx demo`). A *first* visit is made by a browser that
knows nothing; a *return* by one that has the page's files and is signed in. Both count from the start of the
navigation, by the browser's own clock, to the moment when the page's list is no longer `aria-busy`.
"""

import argparse
import os
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

from bmx.api import Api
from local.paths import Paths
from local.stack import LocalStack, StackStatus

WATCH = """
const seen = setInterval(() => {
  const parts = [...document.querySelectorAll("main [aria-busy]")];
  if (parts.length && parts.every((it) => it.ariaBusy === "false")) {
    window.shownAt = performance.now();
    clearInterval(seen);
  }
}, 5);
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visits", type=int, default=8)
    visits = parser.parse_args().visits
    status = LocalStack(Paths.default()).running()
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    print("| page | first visit | return | slowest |\n| --- | --- | --- | --- |")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--disable-gpu", "--no-first-run", *sandbox]
        )
        for name, path in _pages(status).items():
            first = [_first(browser, status, path) for _ in range(visits)]
            again = _returns(browser, status, path, visits)
            columns = (statistics.median(first), statistics.median(again), max(*first, *again))
            print(f"| {name} | {' | '.join(f'{seconds:.2f} s' for seconds in columns)} |")
        browser.close()


def _pages(status: StackStatus) -> dict[str, str]:
    with Api(status.api_url, status.api_key) as api:
        book = api.call("GET", "/books?limit=1")["items"][0]["id"]
    return {"books": "", "a book": f"books/{book}", "System": "admin"}


def _first(browser: Browser, status: StackStatus, path: str) -> float:
    with _new(browser) as page:
        return _visit(page, _signed_in(status, path))


def _returns(browser: Browser, status: StackStatus, path: str, visits: int) -> list[float]:
    with _new(browser) as page:
        _visit(page, _signed_in(status, path))
        return [_visit(page, f"{status.web_url}{path}") for _ in range(visits)]


@contextmanager
def _new(browser: Browser) -> Iterator[Page]:
    """A page of a browser that knows nothing."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    try:
        page = context.new_page()
        page.add_init_script(WATCH)
        yield page
    finally:
        context.close()


def _signed_in(status: StackStatus, path: str) -> str:
    return f"{status.web_url}{path}#key={quote(status.api_key)}"


def _visit(page: Page, address: str) -> float:
    """Seconds until the page shows what it is for."""
    # Another address that differs in its fragment alone would not be a navigation.
    page.goto("about:blank")
    page.goto(address)
    # Not `wait_for_function`: the pages' policy forbids what it evaluates.
    deadline = time.monotonic() + 30
    while (shown := page.evaluate("window.shownAt ?? 0")) == 0:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{address} showed nothing within 30 seconds")
        time.sleep(0.02)
    page.wait_for_load_state("networkidle")
    return float(shown) / 1000


if __name__ == "__main__":
    main()
