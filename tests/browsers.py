"""The kiosk in a real browser, for tests: a Chromium whose camera is one photo, its pages, and what is asked of them.

Owns how a page is opened, waited for and measured; must not know which server it came from.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from server.pages import build_pages, pages_dir
from tests.camera import write_camera
from utils.errors import ConfigError

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream"),
    "--use-fake-ui-for-media-stream",
)
PATIENCE_MS = 60_000
"""A browser without a graphics card on a busy machine takes its time; what never comes is still found out."""
UPRIGHT = {"width": 390, "height": 844}
SIZES = ((1080, 1920), (1366, 768), (390, 844), (320, 568), (844, 390))

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


def built_pages() -> Path:
    """Where they lie. Skips where they cannot be built."""
    try:
        build_pages()
    except ConfigError as error:
        give_up(f"{error.message}: {error.hint}")
    return pages_dir()


@contextmanager
def open_browser(*, film: Path, more_flags: Sequence[str] = ()) -> Iterator[Browser]:
    """A browser with a person before its camera; `film` is written. Skips where there is none."""
    if not CHROMIUM.exists():
        give_up("there is no Chromium; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        flags = [*FLAGS, *more_flags, f"--use-file-for-fake-video-capture={write_camera(film)}"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield browser
        browser.close()


@contextmanager
def open_page(browser: Browser, *, viewport: ViewportSize = UPRIGHT, spy: str = SPY) -> Iterator[Page]:
    """A page of a browser that has never been here; in the end, nothing must have gone wrong in it."""
    context = browser.new_context(viewport=viewport, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page.add_init_script(spy)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    context.close()
    assert broken == []


def until(page: Page, holds: Callable[[], bool], *, timeout_s: float = PATIENCE_MS / 1000) -> None:
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


def wait_for_badge(page: Page, badge: str) -> None:
    page.locator(f'.badge[data-badge="{badge}"]').wait_for()


def wait_for_pictures(page: Page, more: int) -> None:
    """Until so many more pictures have been painted."""
    painted = page.evaluate("() => Number(document.querySelector('.stage').dataset.frames ?? 0)")
    page.wait_for_function(f"() => Number(document.querySelector('.stage').dataset.frames ?? 0) >= {painted + more}")


def check_layout(page: Page, screen: str) -> None:
    """Nothing lies outside, is cut off or too small to touch, at any size."""
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        # The browser takes a frame or two to lay out a new size.
        for _ in range(50):
            if not (problems := page.evaluate(PROBLEMS)):
                break
            page.wait_for_timeout(20)
        assert problems == [], f"{screen} at {width} x {height}"
