"""The kiosk in a real browser, with a camera made of one photo, against a fake server; and the page's own tests."""

from __future__ import annotations

import io
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from server.pages import WEB, build_pages, find_npm, pages_dir
from tests.camera import write_camera
from tests.mirror_server import FAMILIES, MirrorServer, World, run_mirror_server
from utils.errors import ConfigError

pytestmark = pytest.mark.browser

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream"),
    "--use-fake-ui-for-media-stream",
)
UPRIGHT = {"width": 390, "height": 844}
SIZES = ((1080, 1920), (1366, 768), (390, 844), (320, 568), (844, 390))
COLOURS = {fabric: tuple(bytes.fromhex(colour[1:])) for rows in FAMILIES.values() for fabric, _, colour in rows}
JACKET_AT = (0.3, 0.8)
"""Of the stage: inside the shape that the fake draws, beside its opening."""

# Watches the page from inside: cameras that were opened, object URLs that are held, and the darkest picture that the
# mirror has shown in any painted frame since the first.
SPY = """
window.streams = []; window.urls = new Set();
const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (ask) navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await ask(wanted); window.streams.push(stream); return stream;
};
const make = URL.createObjectURL, revoke = URL.revokeObjectURL;
URL.createObjectURL = (blob) => { const url = make.call(URL, blob); window.urls.add(url); return url; };
URL.revokeObjectURL = (url) => { window.urls.delete(url); revoke.call(URL, url); };
window.darkest = Infinity;
const small = new OffscreenCanvas(8, 8).getContext('2d', { willReadFrequently: true });
const look = () => {
  requestAnimationFrame(look);
  const [canvas, video] = [document.querySelector('.stage canvas'), document.querySelector('.stage video')];
  if (!canvas || (canvas.dataset.shown !== 'true' && window.darkest === Infinity)) return;
  small.clearRect(0, 0, 8, 8);
  small.drawImage(canvas.dataset.shown === 'true' ? canvas : video, 0, 0, 8, 8);
  const { data } = small.getImageData(0, 0, 8, 8);
  window.darkest = Math.min(window.darkest, data.reduce((sum, v, i) => sum + (i % 4 === 3 ? 0 : v), 0) / 192);
};
requestAnimationFrame(look);
"""

PROBLEMS = """
() => {
  const { clientWidth: w, clientHeight: h, scrollWidth, scrollHeight } = document.documentElement;
  const found = scrollWidth > w || scrollHeight > h ? [`page ${scrollWidth}x${scrollHeight} in ${w}x${h}`] : [];
  for (const control of document.querySelectorAll('button, a[href]')) {
    const { left, top, right, bottom, width, height } = control.getBoundingClientRect();
    const name = control.textContent.trim();
    if (left < 0 || top < 0 || right > w + 0.5 || bottom > h + 0.5) found.push(`${name} lies outside`);
    if (Math.min(width, height) < 44) found.push(`${name} is ${width}x${height}`);
    if (control.scrollWidth > control.clientWidth + 1) found.push(`${name} is cut off`);
  }
  for (const swatch of document.querySelectorAll('.swatch, .cut')) {
    const { width, height } = swatch.getBoundingClientRect();
    if (Math.min(width, height) < 44) found.push(`a swatch is ${width}x${height}`);
  }
  const first = document.querySelector('.swatch')?.getBoundingClientRect();
  if (first && (first.left < 0 || first.bottom > h)) found.push('the first swatch lies outside');
  const stage = document.querySelector('.stage')?.getBoundingClientRect();
  if (stage && Math.min(stage.width, stage.height) < 150) found.push(`the stage is ${stage.width}x${stage.height}`);
  return found;
}
"""


def give_up(reason: str) -> NoReturn:
    """Skip where something cannot be had; on CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def pages() -> Path:
    try:
        build_pages()
    except ConfigError as error:
        give_up(f"{error.message}: {error.hint}")
    return pages_dir()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not CHROMIUM.exists():
        give_up("there is no Chromium; on Debian: apt-get install chromium")
    film = write_camera(tmp_path_factory.mktemp("camera") / "person.y4m")
    with sync_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={film}"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield browser
        browser.close()


@pytest.fixture
def mirror(pages: Path) -> Iterator[MirrorServer]:
    with run_mirror_server(pages, World()) as server:
        yield server


@pytest.fixture
def page(browser: Browser, mirror: MirrorServer) -> Iterator[Page]:
    """A page of a browser that has never been here. It is closed before the server is."""
    context = browser.new_context(viewport=UPRIGHT, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.add_init_script(SPY)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    context.close()
    assert broken == []


def until(page: Page, holds: Callable[[], bool], *, timeout_s: float = 15.0) -> None:
    """Let the page go on until the fake server has seen something."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        page.wait_for_timeout(20)


def touch(page: Page, address: str) -> None:
    """Open the kiosk and go from the invitation to the consent, as by any key."""
    page.goto(address)
    page.locator('html[data-screen="attract"]').wait_for(state="attached")
    page.keyboard.press("a")
    page.get_by_role("button", name="Start").wait_for()


def go_live(page: Page, mirror: MirrorServer, query: str = "?idle=600&countdown=1") -> None:
    """From the invitation to the first pictures in a jacket."""
    touch(page, mirror.url + query)
    page.get_by_role("button", name="Start").click()
    wait_for_badge(page, "composite")
    wait_for_pictures(page, 3)


def wait_for_badge(page: Page, badge: str) -> None:
    page.locator(f'.badge[data-badge="{badge}"]').wait_for()


def wait_for_pictures(page: Page, more: int) -> None:
    """Until so many more pictures have been painted."""
    painted = page.evaluate("() => Number(document.querySelector('.stage').dataset.frames ?? 0)")
    page.wait_for_function(f"() => Number(document.querySelector('.stage').dataset.frames ?? 0) >= {painted + more}")


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
    expect(page.get_by_text("this is the live one")).to_be_visible(timeout=15_000)
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

    def check(screen: str) -> None:
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            # The browser takes a frame or two to lay out a new size.
            for _ in range(50):
                if not (problems := page.evaluate(PROBLEMS)):
                    break
                page.wait_for_timeout(20)
            assert problems == [], f"{screen} at {width} x {height}"

    page.goto(mirror.url + "?idle=600&countdown=1")
    page.get_by_role("button", name="Touch to begin").wait_for()
    check("the invitation")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Start").wait_for()
    check("the consent")
    page.get_by_role("button", name="Start").click()
    wait_for_badge(page, "composite")
    check("the mirror")
    page.keyboard.press("Space")
    page.locator(".result img").wait_for()
    check("the result")
