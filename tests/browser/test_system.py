"""The system's page in a real browser: what an operator sees and puts right."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Person, signed_in
from tests.running_stack import RunningStack

pytestmark = pytest.mark.local


def test_the_page_says_how_each_part_is(page: Page, running: RunningStack) -> None:
    page.goto(signed_in(running, "admin"))
    expect(page.locator("#overall")).to_have_text("Healthy")
    expect(page.locator("#checks")).to_contain_text(re.compile(r"SQS Queues – \d+ ms"))
    expect(page.locator("#queues tr")).to_have_count(5)
    expect(page.locator("#declared tr")).to_have_count(5)
    expect(page.locator("#config")).to_contain_text(running.status.images_bucket)


@pytest.fixture
def dead(running: RunningStack) -> Iterator[Any]:
    """A message that was given up, in the queues of a worker that does not run here; SQS's client."""
    sqs = running.status.connection.client("sqs")
    urls = [
        sqs.get_queue_url(QueueName=f"bluemoxon-local-analysis{suffix}")["QueueUrl"]
        for suffix in ("-dlq", "")
    ]
    sqs.send_message(QueueUrl=urls[0], MessageBody='{"book":"of hours"}')
    yield lambda: sqs.receive_message(QueueUrl=urls[1], VisibilityTimeout=0).get("Messages", [])
    for url in urls:
        sqs.purge_queue(QueueUrl=url)


def test_dead_letters_are_looked_at_and_sent_again_after_a_dry_run(
    page: Page, running: RunningStack, dead: Callable[[], list[dict[str, str]]]
) -> None:
    page.goto(signed_in(running, "admin"))
    row = page.locator("#queues tr[data-worker=analysis]")
    expect(row.locator(".badge.bad")).to_have_text("1")
    page.get_by_role("button", name="Look at the dead letters of analysis").click()
    expect(page.get_by_role("dialog")).to_contain_text('"book": "of hours"')
    page.keyboard.press("Escape")
    again = page.get_by_role("button", name="Send again the dead letters of analysis")
    again.click()
    expect(page.get_by_role("alertdialog")).to_contain_text("A dry run found 1 message")
    page.get_by_role("button", name="Cancel").click()
    assert dead() == []
    again.click()
    page.get_by_role("alertdialog").get_by_role("button", name="Send 1 message").click()
    expect(page.locator("#toasts")).to_contain_text("1 message sent again.")
    assert [json.loads(it["Body"]) for it in dead()] == [{"book": "of hours"}]
    expect(again).to_be_hidden()


def test_failed_jobs_say_why_and_are_tried_again_one_or_all(
    page: Page, running: RunningStack, tmp_path: Path
) -> None:
    for number in (1, 2):
        (tmp_path / f"image_{number:02d}.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"no picture" * 50)
    book = running.import_photos(f"failing-{tmp_path.name}", sorted(tmp_path.iterdir()))

    def sent() -> dict[str, str]:
        return {it["job"]["id"]: it["job"]["queued_at"] for it in running.wait_for_book(book)["images"]}

    jobs = list(first := sent())
    page.goto(signed_in(running, "admin"))
    rows = [page.locator(f"#failed [data-job='{job}']") for job in jobs]
    for row in rows:
        expect(row).to_contain_text("_image)")
    rows[0].get_by_role("button").click()
    expect(page.locator("#toasts")).to_contain_text("The job is sent again.")
    second = sent()
    assert [second[job] > first[job] for job in jobs] == [True, False]
    page.get_by_role("button", name="Try all again").click()
    expect(page.locator("#toasts")).to_contain_text(re.compile(r"\d+ jobs? sent again"))
    third = sent()
    assert all(third[job] > second[job] for job in jobs)


def test_the_record_tells_who_did_what(page: Page, running: RunningStack) -> None:
    with running.api() as api:
        made = api.post("/books", {"title": "recorded"})["id"]
        api.call("DELETE", f"/books/{made}")
    page.goto(signed_in(running, "admin"))
    first = page.locator("#audit tr").first
    expect(first).to_contain_text("delete book")
    expect(first).to_contain_text("api-key:current")
    expect(first).to_contain_text("200")


@pytest.fixture
def key_kept(running: RunningStack) -> Iterator[None]:
    """The stack's key is afterwards what it was."""
    assert running.status.outputs is not None
    arn = running.status.outputs["api"]["environment"]["BMX_API_KEY_SECRET_ARN"]
    secrets = running.status.connection.client("secretsmanager")
    before = secrets.get_secret_value(SecretId=arn)["SecretString"]
    yield
    secrets.put_secret_value(SecretId=arn, SecretString=before)


@pytest.mark.usefixtures("key_kept")
def test_a_new_key_is_made_and_this_tab_goes_on_with_it(page: Page, running: RunningStack) -> None:
    page.goto(signed_in(running, "admin"))
    page.get_by_role("button", name="Make a new key").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Make a new key").click()
    told = page.locator("dialog code.secret")
    expect(told).to_be_visible()
    key = told.inner_text()
    page.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_role("button", name="End the previous key")).to_be_visible()
    with page.expect_request(lambda it: it.url.endswith("/system-info")) as asked:
        page.reload()
    assert asked.value.headers["x-api-key"] == key != running.status.api_key
    expect(page.locator("#overall")).to_have_text("Healthy")
    expect(page.locator("#audit tr").first).not_to_contain_text(key)


def test_a_viewer_sees_the_state_and_nothing_to_act_on(
    page: Page, running: RunningStack, person: Callable[[str], Person], dead: object
) -> None:
    person("viewer").sign_in(page, running, "admin")
    expect(page.locator("#overall")).to_have_text("Healthy")
    expect(page.locator("#queues tr[data-worker=analysis] .badge.bad")).to_have_text("1")
    expect(page.get_by_role("heading", name="Infrastructure")).to_be_hidden()
    expect(page.get_by_role("heading", name="API keys")).to_be_hidden()
    expect(page.get_by_role("heading", name="Who did what")).to_be_hidden()
    assert page.get_by_role("button").all_inner_texts() == ["Sign out", "Refresh"]
    token = page.evaluate("JSON.parse(Object.values(sessionStorage)[0]).token")
    refused = page.request.post(
        f"{running.status.api_url}/dlq/analysis/redrive",
        headers={"Authorization": f"Bearer {token}"},
        data={"dry_run": True},
    )
    assert (refused.status, refused.json()["code"]) == (403, "forbidden")
