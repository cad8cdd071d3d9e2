"""A browser and visits with it: what a page complains about on its console fails the test."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.running_stack import RunningStack

QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
)
WAIT = 30_000
"""Milliseconds within which a page must show something: the first call of a function starts it."""


expect.set_options(timeout=WAIT)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's browser, for one file: Playwright keeps an event loop running while it is open, in which
    no Pulumi program could run.
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
    """A browser of its own, its first page, and what its pages complained about on the console."""

    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expects(self, text: str) -> None:
        """Chromium itself reports every refused request; this one is what the test is about."""
        self.expected.append(text)

    @property
    def unexpected(self) -> list[str]:
        return [it for it in self.complaints if not any(text in it for text in self.expected)]


def _complaint(message: ConsoleMessage) -> Iterator[str]:
    address = str(message.location.get("url", ""))
    # The pool's own page has no icon; ours name theirs.
    if message.type == "error" and not address.endswith("/favicon.ico"):
        yield f"{message.text} {address}"


Visiting = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture
def visiting(chromium: Browser) -> Visiting:
    """`with visiting(width=…, dark=…)`: a browser that knows nothing of the others."""

    @contextmanager
    def open_one(width: int = 1200, height: int = 900, *, dark: bool = False) -> Iterator[Visit]:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        context.set_default_timeout(WAIT)
        # Where nothing is warm, each file of a page starts a process of the function.
        context.set_default_navigation_timeout(4 * WAIT)
        complaints: list[str] = []
        context.on("console", lambda message: complaints.extend(_complaint(message)))
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        visit = Visit(context, context.new_page(), complaints)
        yield visit
        context.close()
        assert visit.unexpected == []

    return open_one


@pytest.fixture
def visit(visiting: Visiting) -> Iterator[Visit]:
    """A browser of a test's own."""
    with visiting() as one:
        yield one


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit.page


@pytest.fixture(scope="module")
def book_id(running: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A book with two cutouts."""
    return make_book(running, tmp_path_factory.mktemp("pages"), "pages", 2)


def make_book(running: RunningStack, folder: Path, name: str, count: int) -> str:
    """A new book with so many small photos, all cut out; its id."""
    from PIL import Image

    from workers.samples.generator import generate

    paths = []
    for number in range(1, count + 1):
        paths.append(folder / f"image_{number:02d}.jpg")
        Image.fromarray(generate(700 + number, size=(640, 480), pose="lying").image).save(paths[-1])
    found = running.import_photos(f"{name}-{folder.name}", paths)
    with running.api() as api:
        api.call("PATCH", f"/books/{found}", {"title": name})
    running.wait_for_book(found)
    return found


def signed_in(running: RunningStack, path: str = "") -> str:
    """The address of a page that signs in with the stack's API key."""
    return f"{running.status.web_url}{path}#key={running.status.api_key}"


@dataclass(frozen=True)
class Person:
    """Somebody in the stack's user pool."""

    name: str
    word: str

    def sign_in(self, page: Page, running: RunningStack, path: str = "") -> None:
        """Through the pool's own page, to the page at `path`."""
        page.goto(f"{running.status.web_url}sign-in?next={path}")
        page.get_by_role("button", name="Sign in with your account").click()
        self.enter(page)
        page.wait_for_url(f"{running.status.web_url}{path}")

    def enter(self, page: Page) -> None:
        """Fill in the pool's page."""
        page.get_by_label("Username").fill(self.name)
        page.get_by_label("Password").fill(self.word)
        page.get_by_role("button", name="Sign in").click()


@pytest.fixture(scope="module")
def person(running: RunningStack) -> Iterator[Callable[[str], Person]]:
    """`person("viewer")`: somebody with that role."""
    assert running.status.outputs is not None
    pool = {"UserPoolId": running.status.outputs["api"]["environment"]["BMX_USER_POOL_ID"]}
    cognito = running.status.connection.client("cognito-idp")
    made: dict[str, Person] = {}

    def make(role: str) -> Person:
        if role not in made:
            found = Person(f"{role}@example.com", "Abcdefgh12345")
            named = {**pool, "Username": found.name}
            cognito.admin_create_user(**named, MessageAction="SUPPRESS")
            cognito.admin_set_user_password(**named, Password=found.word, Permanent=True)
            cognito.admin_add_user_to_group(**named, GroupName=role)
            made[role] = found
        return made[role]

    yield make
    for found in made.values():
        cognito.admin_delete_user(**pool, Username=found.name)
