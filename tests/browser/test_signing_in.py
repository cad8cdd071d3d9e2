"""Signing in and out in a real browser: by key, by the user pool's own page, again in the middle of work."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Person, Visit, Visiting, signed_in
from tests.running_stack import RunningStack

pytestmark = pytest.mark.local

DIALOG = "dialog.sign-in"


def test_without_a_key_a_page_asks_and_goes_on_where_it_was(
    visit: Visit, running: RunningStack, book_id: str
) -> None:
    visit.expects("401")
    page = visit.page
    page.goto(f"{running.status.web_url}books/{book_id}")
    page.wait_for_url(re.compile(r"/sign-in\?next=books%2F"))
    page.get_by_label("API key").fill("wrong")
    page.get_by_label("API key").press("Enter")
    expect(page.get_by_text("The API key is wrong.")).to_be_visible()
    expect(page.get_by_label("API key")).to_be_focused()
    page.get_by_label("API key").fill(running.status.api_key)
    page.get_by_label("API key").press("Enter")
    expect(page.locator("#title")).to_have_text("pages")
    expect(page).to_have_url(f"{running.status.web_url}books/{book_id}")


@pytest.mark.parametrize(
    "outside", ["https://example.com/", "//example.com/", "javascript:alert(1)", "../.."]
)
def test_signing_in_leads_nowhere_else(page: Page, running: RunningStack, outside: str) -> None:
    page.goto(f"{running.status.web_url}sign-in?next={outside}")
    page.get_by_label("API key").fill(running.status.api_key)
    page.get_by_label("API key").press("Enter")
    page.wait_for_url(running.status.web_url)


def test_a_key_in_the_address_is_taken_out_of_it(page: Page, running: RunningStack) -> None:
    for address in (signed_in(running, "sign-in"), signed_in(running, "sign-in")):
        page.goto(address)  # the second time, the page is there already
        expect(page).to_have_url(f"{running.status.web_url}sign-in")


def test_another_tab_is_signed_in_too_and_out_again(
    visit: Visit, visiting: Visiting, running: RunningStack
) -> None:
    visit.page.goto(signed_in(running))
    expect(visit.page.locator("#who")).to_have_text("API key")
    other = visit.context.new_page()
    other.goto(f"{running.status.web_url}admin")
    expect(other.locator("#overall")).to_have_text("Healthy")
    other.get_by_role("button", name="Sign out").click()
    for page in (other, visit.page):
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert page.evaluate("sessionStorage.length") == 0
    with visiting() as stranger:
        stranger.page.goto(f"{running.status.web_url}admin")
        expect(stranger.page.get_by_role("heading", name="Sign in")).to_be_visible()


def _refuse_once(page: Page, method: str) -> None:
    """The next call of this kind is sent with a credential that the server refuses."""

    refused: list[str] = []

    def send(route: Route) -> None:
        if refused or route.request.method != method:
            route.continue_()
            return
        refused.append(route.request.url)
        kept = {name: it for name, it in route.request.headers.items() if name != "authorization"}
        route.continue_(headers={**kept, "x-api-key": "no-longer-valid"})

    page.route("**/books/*", send)


def _begin_to_rename(page: Page, running: RunningStack, book_id: str, title: str) -> None:
    expect(page.locator("#title")).to_have_text("pages")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Title").fill(title)
    _refuse_once(page, "PATCH")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(DIALOG)).to_contain_text("The API key is wrong. It was mistyped, or has been rotated")


def test_a_key_that_was_rotated_away_is_said_to_be_and_where_the_new_one_is(
    visit: Visit, running: RunningStack
) -> None:
    visit.expects("401")
    page = visit.page
    page.goto(signed_in(running))
    expect(page.locator("#who")).to_have_text("API key")
    # What was taken a moment ago is not in the secret any more.
    page.evaluate(
        """() => { const [[name, text]] = Object.entries(sessionStorage);
          sessionStorage.setItem(name, JSON.stringify({ ...JSON.parse(text), key: "rotated-away" })); }"""
    )
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator("#why")).to_contain_text("is no longer valid")
    expect(page.locator("#why")).to_contain_text("bmx keys rotate --stack local")


def _rename_back(running: RunningStack, book_id: str) -> None:
    with running.api() as api:
        api.call("PATCH", f"/books/{book_id}", {"title": "pages"})


def test_who_must_sign_in_again_loses_nothing(visit: Visit, running: RunningStack, book_id: str) -> None:
    visit.expects("401")
    page = visit.page
    page.goto(signed_in(running, f"books/{book_id}"))
    _begin_to_rename(page, running, book_id, "typed before")
    page.keyboard.press("Escape")
    page.locator(DIALOG).get_by_label("API key").fill(running.status.api_key)
    page.locator(DIALOG).get_by_label("API key").press("Enter")
    expect(page.locator("#title")).to_have_text("typed before")
    expect(page.get_by_role("dialog")).to_have_count(0)
    _rename_back(running, book_id)


def test_a_person_signs_in_again_in_a_window_of_its_own(
    visit: Visit, running: RunningStack, book_id: str, person: Callable[[str], Person]
) -> None:
    visit.expects("401")
    page, editor = visit.page, person("editor")
    editor.sign_in(page, running, f"books/{book_id}")
    _begin_to_rename(page, running, book_id, "typed by a person")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Sign in with your account").click()
    editor.enter(opened.value)
    expect(page.locator("#title")).to_have_text("typed by a person")
    _rename_back(running, book_id)


def test_the_pools_own_page_signs_in_by_a_code_that_is_of_no_use_alone(
    page: Page, running: RunningStack, person: Callable[[str], Person]
) -> None:
    asked: list[str] = []
    page.on("request", lambda it: asked.append(it.url))
    with page.expect_request(lambda it: it.url.endswith("/oauth2/token")) as token:
        person("editor").sign_in(page, running)
    expect(page.locator("#who")).to_have_text("editor@example.com")
    expect(page.locator("#role")).to_have_text("editor")
    begun = next(url for url in asked if "/oauth2/authorize?" in url)
    assert "code_challenge_method=S256" in begun
    sent = token.value.post_data or ""
    assert "code_verifier=" in sent
    alone = re.sub(r"code_verifier=[^&]*", "code_verifier=another", sent)
    answer = page.request.post(
        token.value.url, data=alone, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status == 400


def test_a_code_that_was_not_asked_for_here_is_not_taken(page: Page, running: RunningStack) -> None:
    page.goto(f"{running.status.web_url}sign-in?code=stolen&state=made-up")
    expect(page.locator("#notice")).to_have_text("This sign-in was not begun here. Begin again.")
    assert "code" not in page.url


def test_a_token_is_renewed_before_it_ends(
    page: Page, running: RunningStack, person: Callable[[str], Person]
) -> None:
    person("editor").sign_in(page, running)
    expect(page.locator("#role")).to_have_text("editor")
    page.evaluate(
        """() => { const [[name, text]] = Object.entries(sessionStorage);
          sessionStorage.setItem(name, JSON.stringify({ ...JSON.parse(text), expires: 0 })); }"""
    )
    with page.expect_request(lambda it: "grant_type=refresh_token" in (it.post_data or "")):
        page.reload()
    expect(page.locator("#role")).to_have_text("editor")


def test_a_network_that_fails_while_a_token_is_renewed_signs_nobody_out(
    visit: Visit, running: RunningStack, person: Callable[[str], Person]
) -> None:
    page = visit.page
    person("editor").sign_in(page, running)
    expect(page.locator("#role")).to_have_text("editor")
    page.evaluate(
        """() => { const [[name, text]] = Object.entries(sessionStorage);
          sessionStorage.setItem(name, JSON.stringify({ ...JSON.parse(text), expires: 0 })); }"""
    )
    visit.expects("ERR_FAILED")
    page.route("**/oauth2/token", lambda it: it.abort())
    page.reload()
    expect(page.locator("#notice")).to_contain_text("The sign-in cannot be renewed")
    page.unroute("**/oauth2/token")
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#who")).not_to_be_empty()
    assert "sign-in" not in page.url


def test_signing_out_ends_the_session_at_the_pool(
    visit: Visit, running: RunningStack, person: Callable[[str], Person]
) -> None:
    visit.expects("oauth2/revoke")  # the emulator has no such endpoint; Cognito has
    page = visit.page
    person("editor").sign_in(page, running)
    expect(page.locator("#role")).to_have_text("editor")
    with page.expect_request(lambda it: "/logout?" in it.url):
        page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{running.status.web_url}sign-in")
    page.goto(running.status.web_url)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_person_without_a_role_is_told_who_gives_one(visit: Visit, running: RunningStack) -> None:
    visit.expects("403")
    assert running.status.outputs is not None
    pool = {"UserPoolId": running.status.outputs["api"]["environment"]["BMX_USER_POOL_ID"]}
    cognito = running.status.connection.client("cognito-idp")
    nobody = Person("nobody@example.com", "Abcdefgh12345")
    cognito.admin_create_user(**pool, Username=nobody.name, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**pool, Username=nobody.name, Password=nobody.word, Permanent=True)
    try:
        nobody.sign_in(visit.page, running)
        expect(visit.page.locator("#notice")).to_contain_text("An administrator gives roles")
        expect(visit.page.get_by_role("button", name="Add a book")).to_be_hidden()
    finally:
        cognito.admin_delete_user(**pool, Username=nobody.name)
