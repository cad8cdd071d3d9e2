"""One book's page in a real browser: its photos, and all that may be done with them."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import WAIT, Visit, make_book, signed_in
from tests.running_stack import PhotoMaker, RunningStack

pytestmark = pytest.mark.local

TILES = "#gallery li"
IN_THE_BUCKET = re.compile(r"-images-\d+/books/")
DRAG = """document.querySelector('[data-id="{id}"]').dispatchEvent(
    new DragEvent('{event}', {{ bubbles: true, dataTransfer: new DataTransfer() }}))"""


@pytest.fixture
def own_book(page: Page, running: RunningStack, tmp_path: Path) -> str:
    """The page shows a book with two cutouts that no other test changes."""
    found = make_book(running, tmp_path, tmp_path.name, 2)
    page.goto(signed_in(running, f"books/{found}"))
    expect(page.locator(TILES)).to_have_count(2)
    return found


def images(running: RunningStack, book: str) -> list[dict[str, object]]:
    with running.api() as api:
        found: list[dict[str, object]] = api.get(f"/books/{book}")["images"]
    return found


def test_the_slider_compares_before_and_after_by_keyboard(
    page: Page, running: RunningStack, book_id: str
) -> None:
    page.goto(signed_in(running, f"books/{book_id}"))
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    expect(slider).to_have_value("51")
    expect(page.locator("image-compare")).to_have_attribute("style", "--exposure: 51%;")
    cut = page.locator("image-compare [slot=image-2]")
    assert "polygon" in cut.evaluate("it => getComputedStyle(it).clipPath"), "the CSP lets its style in"
    assert page.locator("image-compare img").evaluate_all(
        "all => Promise.all(all.map(it => it.decode())).then(() => all.every(it => it.naturalWidth))"
    )


def test_a_photo_is_made_primary_and_shown_by_its_original(
    page: Page, running: RunningStack, own_book: str
) -> None:
    page.locator(TILES).nth(1).get_by_role("button").click()
    page.get_by_role("button", name="Make primary").click()
    expect(page.locator(TILES).nth(1)).to_contain_text("Primary")
    page.get_by_role("button", name="Keep the original").click()
    expect(page.locator("#about")).to_contain_text("Shown by its original.")
    expect(page.get_by_role("button", name="Use the cutout")).to_be_focused()
    first, second = images(running, own_book)
    assert (first["is_primary"], second["is_primary"], second["kind"]) == (False, True, "original")


def test_photos_are_put_in_order_by_keys_by_buttons_and_by_dragging(
    page: Page, running: RunningStack, own_book: str
) -> None:
    one, two = (image["id"] for image in images(running, own_book))
    tiles = page.locator(TILES)
    # Who may move them is known after the book is shown.
    expect(tiles.nth(0)).to_have_attribute("draggable", "true")
    tiles.nth(0).get_by_role("button").focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator("#moved")).to_have_text("Moved to place 2 of 2.")
    expect(page.locator(f"#pick-{one}")).to_be_focused()
    assert [image["id"] for image in images(running, own_book)] == [two, one]
    page.get_by_role("button", name="Move earlier").click()
    expect(tiles.nth(0)).to_have_attribute("data-id", str(one))
    assert [image["id"] for image in images(running, own_book)] == [one, two]
    with page.expect_response(lambda it: it.url.endswith("/order") and it.ok):
        tiles.nth(1).drag_to(tiles.nth(0), target_position={"x": 5, "y": 50})
    assert [image["id"] for image in images(running, own_book)] == [two, one]


def test_moves_follow_one_another_and_one_that_failed_is_told_as_that(
    visit: Visit, running: RunningStack, own_book: str
) -> None:
    page = visit.page
    one, two = (image["id"] for image in images(running, own_book))
    expect(page.locator(TILES).nth(0)).to_have_attribute("draggable", "true")
    page.locator(f"#pick-{one}").focus()
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator("#moved")).to_have_text("Moved to place 1 of 2.")
    assert [image["id"] for image in images(running, own_book)] == [one, two]
    visit.expects("500")
    page.route("**/order", lambda it: it.fulfill(status=500, json={"message": "It could not be done."}))
    page.keyboard.press("Alt+ArrowRight")
    expect(page.get_by_text("It could not be done.")).to_be_visible()
    expect(page.locator("#moved")).to_have_text("Moved to place 1 of 2.")


LATER = "#later"
"""What makes an address another one, and leads to the same."""


def test_pictures_and_links_get_addresses_that_are_valid(
    visit: Visit, running: RunningStack, book_id: str
) -> None:
    """Signed ones end after a quarter of an hour; a page is open for longer."""
    page = visit.page
    visit.expects("403")
    page.clock.install()
    page.route(IN_THE_BUCKET, lambda it: it.fulfill(status=403))
    page.goto(signed_in(running, f"books/{book_id}"))
    expect(page.locator("#book .nopic")).to_have_count(4)
    page.unroute(IN_THE_BUCKET)

    def later(route: Route) -> None:
        text = route.fetch().text()
        route.fulfill(body=re.sub(r'(https?://[^"]*/books/[^"]*)"', rf'\1{LATER}"', text))

    page.route(f"**/books/{book_id}", later)
    page.clock.fast_forward("10:00")
    expect(page.locator("#book .nopic")).to_have_count(0)
    assert page.locator("#book img").evaluate_all(
        "all => Promise.all(all.map(it => it.decode())).then(() => all.every(it => it.naturalWidth))"
    )
    links = page.locator("#about .links a").evaluate_all("all => all.map(it => it.href)")
    assert [it.endswith(LATER) for it in links] == [True] * 3


def test_a_photo_that_comes_while_another_is_dragged_is_shown_and_kept(
    page: Page, running: RunningStack, own_book: str, photos: PhotoMaker
) -> None:
    (photo,) = photos("third", 1)
    one, two = (str(image["id"]) for image in images(running, own_book))
    tiles = page.locator(TILES)
    expect(tiles.nth(0)).to_have_attribute("draggable", "true")
    page.evaluate(DRAG.format(event="dragstart", id=two))
    with running.api() as api:
        third = api.upload(f"/books/{own_book}/images", photo.read_bytes(), "image/jpeg")["id"]
    with page.expect_response(lambda it: it.url.endswith(f"/books/{own_book}") and it.ok):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(tiles).to_have_count(2)
    page.evaluate(
        f"document.querySelector('[data-id=\"{one}\"]').before(document.querySelector('[data-id=\"{two}\"]'))"
    )
    with page.expect_response(lambda it: it.url.endswith("/order")) as ordered:
        page.evaluate(DRAG.format(event="dragend", id=two))
    assert ordered.value.ok
    expect(tiles).to_have_count(3)
    assert [image["id"] for image in images(running, own_book)] == [two, one, third]


def test_a_photo_is_deleted_once_somebody_agreed(page: Page, running: RunningStack, own_book: str) -> None:
    page.get_by_role("button", name="Delete…").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete…")).to_be_focused()
    expect(page.locator(TILES)).to_have_count(2)
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete photo").click()
    expect(page.locator(TILES)).to_have_count(1)
    (left,) = images(running, own_book)
    assert left["is_primary"]


def test_a_photo_is_cut_out_again_by_another_recipe(page: Page, running: RunningStack, own_book: str) -> None:
    page.get_by_role("button", name="Cut out again").click()
    expect(page.get_by_label("Network").get_by_role("option")).to_have_text(["u2net in int8: the usual one"])
    page.get_by_label("Format of the cutout").select_option("png")
    page.get_by_role("dialog").get_by_role("button", name="Cut out").click()
    expect(page.locator("#about")).to_contain_text("u2net, int8, png")
    expect(page.locator("#about .badge").first).to_have_text("Cut out", timeout=4 * WAIT)
    outputs = images(running, own_book)[0]["outputs"]
    assert isinstance(outputs, dict)
    assert outputs["cutout"]["content_type"] == "image/png"


def test_photos_are_added_by_a_button_and_by_dropping_them(
    page: Page, running: RunningStack, own_book: str, photos: PhotoMaker
) -> None:
    chosen, dropped = photos("added", 2)
    page.set_input_files("#files", chosen)
    expect(page.locator(f"{TILES}[data-state=processed]")).to_have_count(3, timeout=4 * WAIT)
    content = page.evaluate_handle(
        """([bytes]) => {
          const data = new DataTransfer();
          const content = Uint8Array.from(atob(bytes), (it) => it.charCodeAt());
          data.items.add(new File([content], "dropped.jpg", { type: "image/jpeg" }));
          return data;
        }""",
        [_base64(dropped)],
    )
    page.dispatch_event("#gallery", "dragover", {"dataTransfer": content})
    expect(page.get_by_text("Drop the photos to add them to this book")).to_be_visible()
    page.dispatch_event("#gallery", "drop", {"dataTransfer": content})
    expect(page.locator("#over")).to_be_hidden()
    expect(page.locator(TILES)).to_have_count(4)


def _base64(path: Path) -> str:
    import base64

    return base64.b64encode(path.read_bytes()).decode()


def test_a_large_photo_goes_to_the_bucket_itself(
    page: Page, running: RunningStack, own_book: str, tmp_path: Path
) -> None:
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(7).integers(0, 256, (1400, 1500, 3), np.uint8)
    large = tmp_path / "large.png"
    Image.fromarray(noise).save(large)
    assert large.stat().st_size > 5_000_000
    with page.expect_response(
        lambda it: running.status.images_bucket in it.url and it.request.method == "POST"
    ) as sent:
        page.set_input_files("#files", large)
    assert sent.value.ok
    expect(page.locator(TILES)).to_have_count(3)
    assert images(running, own_book)[2]["bytes"] == large.stat().st_size


def test_an_upload_that_is_refused_says_why_and_the_others_go_on(
    visit: Visit, running: RunningStack, own_book: str, photos: PhotoMaker, tmp_path: Path
) -> None:
    visit.expects("415")
    text = tmp_path / "notes.jpg"
    text.write_text("no photo at all " * 20)
    page = visit.page
    page.set_input_files("#files", [text, *photos("beside", 1)])
    row = page.locator("#uploads li", has_text="notes.jpg")
    expect(row).to_have_attribute("data-state", "failed")
    expect(row.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.locator(TILES)).to_have_count(3)
    row.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#uploads-section")).to_be_hidden()


def test_what_the_worker_could_not_do_is_told_and_tried_again(
    page: Page, running: RunningStack, tmp_path: Path
) -> None:
    photo = tmp_path / "image_01.jpg"
    photo.write_bytes(b"\xff\xd8\xff\xe0" + b"no picture" * 50)
    book = running.import_photos(f"broken-{tmp_path.name}", [photo])
    (before,) = running.wait_for_book(book)["images"]
    page.goto(signed_in(running, f"books/{book}"))
    expect(page.locator(f"{TILES}[data-state=failed] .nopic")).to_have_text("No picture")
    expect(page.locator("#stage .nopic")).to_have_text("No picture")
    expect(page.locator("main img")).to_have_count(0)
    expect(page.locator("#about .note.bad")).to_contain_text(re.compile(r"\((corrupt|not_an)_image\)"))
    page.get_by_role("button", name="Try again", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("sent again")
    (after,) = running.wait_for_book(book)["images"]
    assert after["job"]["queued_at"] > before["job"]["queued_at"]


def test_a_poor_cutout_says_why(page: Page, running: RunningStack, tmp_path: Path) -> None:
    """A speck on a plain ground, which the worker finds and does not trust."""
    import numpy as np
    from PIL import Image

    speck = np.full((480, 640, 3), 200, np.uint8)
    speck[225:256, 300:331] = (90, 20, 20)
    Image.fromarray(speck).save(tmp_path / "image_01.jpg")
    book = running.import_photos(f"poor-{tmp_path.name}", [tmp_path / "image_01.jpg"])
    (image,) = running.wait_for_book(book)["images"]
    assert image["quality"]["level"] == "low", image
    page.goto(signed_in(running, f"books/{book}"))
    expect(page.locator("#about .note.wait")).to_contain_text("The cutout may be poor")
    expect(page.locator("#about .note.wait li")).to_have_text(image["quality"]["reasons"])
    expect(page.locator(TILES)).to_contain_text("Look at it")
