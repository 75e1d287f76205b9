"""The kiosk in a real browser, with a camera made of one photo, against a fake server; and the page's own tests."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from server.pages import WEB, find_npm
from tests.browsers import (
    built_pages,
    check_layout,
    open_browser,
    open_page,
    touch,
    until,
    wait_for_badge,
    wait_for_pictures,
)
from tests.mirror_server import FAMILIES, MirrorServer, World, run_mirror_server

pytestmark = pytest.mark.browser

COLOURS = {fabric: tuple(bytes.fromhex(colour[1:])) for rows in FAMILIES.values() for fabric, _, colour in rows}
JACKET_AT = (0.3, 0.8)
"""Of the stage: inside the shape that the fake draws, beside its opening."""


@pytest.fixture(scope="module")
def pages() -> Path:
    return built_pages()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(film=tmp_path_factory.mktemp("camera") / "person.y4m") as browser:
        yield browser


@pytest.fixture
def mirror(pages: Path) -> Iterator[MirrorServer]:
    with run_mirror_server(pages, World()) as server:
        yield server


@pytest.fixture
def page(browser: Browser, mirror: MirrorServer) -> Iterator[Page]:
    """A page of a browser that has never been here. It is closed before the server is."""
    with open_page(browser) as page:
        yield page


def go_live(page: Page, mirror: MirrorServer, query: str = "?idle=600&countdown=1") -> None:
    """From the invitation to the first pictures in a jacket."""
    touch(page, mirror.url + query)
    page.get_by_role("button", name="Start").click()
    wait_for_badge(page, "composite")
    wait_for_pictures(page, 3)


def stage_picture(page: Page) -> np.ndarray:
    """uint8 (H, W, 3): what is on the screen where the mirror is."""
    box = page.locator(".stage").bounding_box()
    return np.asarray(Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB"))


def jacket_colour(picture: np.ndarray) -> np.ndarray:
    x, y = (round(share * size) for share, size in zip(JACKET_AT, picture.shape[1::-1], strict=True))
    return np.median(picture[y - 6 : y + 6, x - 6 : x + 6].reshape(-1, 3), axis=0)


def wears(page: Page, fabric: str) -> bool:
    return bool(np.abs(jacket_colour(stage_picture(page)) - COLOURS[fabric]).max() <= 8)


def is_somebody(picture: np.ndarray) -> bool:
    """Whether there is a picture at all: neither black nor one flat colour."""
    return bool(picture.mean() > 50 and picture.std() > 25)


# --- the page's own tests ---------------------------------------------------------------------------------------


def test_the_units_of_the_page_pass(pages):
    done = subprocess.run([*find_npm(), "test", "--silent"], cwd=WEB, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


# --- the way to the mirror --------------------------------------------------------------------------------------


def test_the_invitation_leads_to_live_pictures(page, mirror):
    world = mirror.world
    page.goto(mirror.url + "?idle=600")
    assert page.evaluate("() => window.streams.length") == 0
    page.get_by_role("heading", name="Try our jackets on").click()
    expect(page.get_by_text("nothing is stored unless you download")).to_be_visible()
    assert page.evaluate("() => window.streams.length") == 0, "the camera waits for the consent"
    page.get_by_role("button", name="Start").click()
    wait_for_badge(page, "composite")
    wait_for_pictures(page, 10)
    assert world.most_in_flight == 1
    assert is_somebody(stage_picture(page))
    assert wears(page, "navy-twill")
    (height, width) = max(world.frame_hws)
    assert height > width, "an upright mirror sends upright frames"
    assert height <= 960


def test_a_camera_that_fails_is_explained_until_it_works(page, mirror):
    page.add_init_script("""
        const failures = ['NotAllowedError', 'NotFoundError', 'NotReadableError'];
        const works = navigator.mediaDevices.getUserMedia;
        navigator.mediaDevices.getUserMedia = (wanted) => failures.length
            ? Promise.reject(new DOMException('', failures.shift())) : works(wanted);
    """)
    touch(page, mirror.url)
    page.get_by_role("button", name="Start").click()
    for trouble in ("denied", "missing", "busy"):
        page.locator(f'[data-trouble="{trouble}"]').wait_for()
        expect(page.get_by_role("alert")).not_to_be_empty()
        page.get_by_role("button", name="Try again").click()
    wait_for_badge(page, "composite")


def test_an_address_without_a_lock_is_explained(page, mirror):
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false });")
    touch(page, mirror.url)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("https")
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("heading", name="Try our jackets on")).to_be_visible()


def test_everything_can_be_done_with_keys(page, mirror):
    touch(page, mirror.url + "?idle=600&countdown=5")
    expect(page.get_by_role("button", name="Start")).to_be_focused()
    page.keyboard.press("Enter")
    wait_for_badge(page, "composite")
    page.locator('[name="cloth"][value="navy-twill"]').focus()
    page.keyboard.press("ArrowRight")
    until(page, lambda: mirror.world.wishes[-1]["fabric_id"] == "ink-herringbone")
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("Space")
    page.locator(".countdown").wait_for()
    page.keyboard.press("Escape")
    page.locator(".countdown").wait_for(state="detached")


# --- what is worn -----------------------------------------------------------------------------------------------


def test_a_cloth_is_chosen_at_once_and_seen_as_soon_as_it_is_worn(page, mirror):
    world = mirror.world
    go_live(page, mirror)
    world.makeup_s = 0.6
    page.get_by_role("radio", name="Sand linen").check(force=True)
    expect(page.get_by_role("heading", name="Sand linen")).to_be_visible()
    expect(page.get_by_text("100% wool · 280 g/m²")).to_be_visible()
    page.locator(".spinner").wait_for()
    assert wears(page, "navy-twill"), "the mirror goes on in the old cloth"
    page.locator(".spinner").wait_for(state="detached")
    until(page, lambda: wears(page, "sand-linen"))
    assert page.evaluate("() => window.darkest") > 40
    page.get_by_role("radio", name="Double-breasted").check(force=True)
    until(page, lambda: world.wishes[-1] == {"fabric_id": "sand-linen", "cut": "double-breasted"})


def test_only_suitings_are_offered(page, mirror):
    go_live(page, mirror)
    assert page.locator('[name="cloth"]').count() == len(COLOURS)
    assert page.get_by_text("Linings").count() == 0


def test_without_a_catalog_the_mirror_works_and_says_so(page, mirror):
    mirror.world.catalog_works = False
    touch(page, mirror.url + "?idle=600")
    page.get_by_role("button", name="Start").click()
    wait_for_badge(page, "plain")
    expect(page.get_by_text("The cloths could not be laid out.")).to_be_visible()
    assert is_somebody(stage_picture(page))
    mirror.world.catalog_works = True
    page.get_by_role("button", name="Try again").click()
    wait_for_badge(page, "composite")


# --- when things go wrong ---------------------------------------------------------------------------------------


def test_a_restart_of_the_server_shows_the_camera_and_comes_back(page, mirror):
    go_live(page, mirror)
    page.get_by_role("radio", name="Moss tweed").check(force=True)
    until(page, lambda: wears(page, "moss-tweed"))
    mirror.stop()
    pictures = [stage_picture(page) for _ in range(3)]
    wait_for_badge(page, "reconnecting")
    pictures += [stage_picture(page) for _ in range(3)]
    assert np.abs(jacket_colour(pictures[-1]) - COLOURS["moss-tweed"]).max() > 40, "the camera itself is shown"
    mirror.start()
    while not page.locator('.badge[data-badge="composite"]').count():
        pictures.append(stage_picture(page))
    assert all(is_somebody(picture) for picture in pictures)
    assert page.evaluate("() => window.darkest") > 40, "no frame was ever black or blank"
    assert mirror.world.hellos[-1]["wish"]["fabric_id"] == "moss-tweed"
    until(page, lambda: wears(page, "moss-tweed"))
    assert mirror.world.most_in_flight == 1


def test_a_draining_server_is_left_and_found_again(page, mirror):
    go_live(page, mirror)
    mirror.drain(retry_in_ms=300)
    until(page, lambda: len(mirror.world.hellos) == 2)
    assert mirror.world.hellos[1]["wish"] == mirror.world.hellos[0]["wish"]
    wait_for_badge(page, "composite")


def test_nobody_in_view_is_asked_to_step_into_it(page, mirror):
    go_live(page, mirror)
    mirror.world.person = False
    wait_for_badge(page, "no_person")
    expect(page.get_by_text("Step into view")).to_be_visible()
    until(page, lambda: not wears(page, "navy-twill"))
    assert is_somebody(stage_picture(page))
    turned = page.evaluate("() => getComputedStyle(document.querySelector('.stage video')).transform")
    assert turned.startswith("matrix(-1"), "the camera is seen as in a mirror"
    mirror.world.person = True
    until(page, lambda: wears(page, "navy-twill"))


def test_a_server_that_stalls_gets_no_second_frame_and_is_not_passed_off_as_live(page, mirror):
    go_live(page, mirror)
    mirror.world.delay_s = 2.2
    wait_for_badge(page, "waiting")
    assert mirror.world.most_in_flight == 1
    until(page, lambda: not wears(page, "navy-twill"))
    mirror.world.delay_s = 0.03
    wait_for_badge(page, "composite")


# --- pictures ---------------------------------------------------------------------------------------------------


def test_a_picture_is_counted_down_to_made_and_downloaded(page, mirror):
    world = mirror.world
    go_live(page, mirror)
    page.get_by_role("button", name="Take a picture").click()
    page.get_by_role("timer").wait_for()
    page.get_by_role("img", name="You in Navy twill").wait_for()
    assert page.locator(".fallback").count() == 0
    (asked,) = world.captures
    height, width = asked.pop("hw")
    assert asked == {"fabric_id": "navy-twill", "cut": "single-breasted"}
    assert height == 480, "the still has the camera's own resolution"
    assert width < height
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "navy-twill.jpg"
    with Image.open(download.value.path()) as picture:
        assert (picture.format, picture.size) == ("JPEG", (width, height))
    page.get_by_role("button", name="Done").click()
    wait_for_pictures(page, 3)
    assert page.evaluate("() => window.urls.size") == 0


def test_a_capture_that_fails_falls_back_to_the_last_live_picture(page, mirror):
    mirror.world.capture_works = False
    go_live(page, mirror)
    page.keyboard.press("Space")
    expect(page.get_by_text("this is the live one")).to_be_visible()
    shown = page.locator(".result img")
    assert shown.evaluate("img => img.naturalHeight") in {height for height, _ in mirror.world.frame_hws}
    mirror.world.capture_works = True
    page.get_by_role("button", name="Retake").click()
    until(page, lambda: len(mirror.world.captures) == 1)
    page.locator(".result").wait_for()
    expect(page.get_by_text("this is the live one")).to_be_hidden()


def test_a_raised_hand_takes_a_picture(page, mirror):
    go_live(page, mirror, "?idle=600&countdown=5")
    expect(page.get_by_text("Raise a hand to take a picture")).to_be_attached()
    mirror.world.raised_hand = True
    page.get_by_role("progressbar").wait_for()
    page.locator(".countdown").wait_for()


# --- leaving ----------------------------------------------------------------------------------------------------


def test_the_kiosk_clears_itself_when_everybody_has_left(page, mirror):
    world = mirror.world
    go_live(page, mirror, "?idle=2&countdown=1")
    page.get_by_role("radio", name="Sky linen").check(force=True)
    began_ms = page.evaluate("() => performance.now()")
    page.wait_for_function(f"() => performance.now() > {began_ms} + 2200")
    assert page.get_by_role("alertdialog").count() == 0, "somebody stands there"
    world.person = False
    page.get_by_role("alertdialog").wait_for()
    page.get_by_role("button", name="I’m here").click()
    page.get_by_role("alertdialog").wait_for(state="detached")
    page.get_by_role("alertdialog").wait_for()
    page.get_by_role("heading", name="Try our jackets on").wait_for()
    until(page, lambda: not world.sessions)
    states = "() => window.streams.flatMap(s => s.getTracks()).map(t => t.readyState)"
    assert page.evaluate(states) == ["ended"]
    assert page.evaluate("() => document.querySelectorAll('video, canvas').length + window.urls.size") == 0
    page.keyboard.press("a")
    page.get_by_role("button", name="Start").click()
    until(page, lambda: len(world.hellos) == 2)
    assert world.hellos[1]["wish"]["fabric_id"] == "navy-twill", "the next shopper starts afresh"


def test_finishing_goes_back_to_the_invitation(page, mirror):
    go_live(page, mirror)
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Try our jackets on").wait_for()
    until(page, lambda: not mirror.world.sessions)


# --- layouts ----------------------------------------------------------------------------------------------------


def test_every_screen_fits_every_size(page, mirror):
    mirror.world.capture_works = False  # the result with the most text

    page.goto(mirror.url + "?idle=600&countdown=1")
    page.get_by_role("button", name="Touch to begin").wait_for()
    check_layout(page, "the invitation")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Start").wait_for()
    check_layout(page, "the consent")
    page.get_by_role("button", name="Start").click()
    wait_for_badge(page, "composite")
    check_layout(page, "the mirror")
    page.keyboard.press("Space")
    page.locator(".result img").wait_for()
    check_layout(page, "the result")
