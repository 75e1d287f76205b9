"""A picture taken at the kiosk, step by step: in a real browser, against the real server with a fake fitting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

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
from tests.fakes import FakeFitting
from tests.serving import PATIENCE_S, Running, run_server
from utils.errors import DeviceError, LucyError

pytestmark = pytest.mark.browser

STEPS = 4
TOLD = "Making your picture"


class Turnstile:
    """Stands where a fitting waits between two steps: one passes for each `let_on`."""

    def __init__(self) -> None:
        self._free = threading.Semaphore(0)

    def wait(self, timeout_s: float) -> bool:
        return self._free.acquire(timeout=timeout_s)

    def let_on(self, steps: int = 1) -> None:
        self._free.release(steps)


@dataclass
class FakeEngineFitting(FakeFitting):
    """Its captures take four steps, each when the test lets it; they fail as they are told."""

    steps: int = STEPS
    step_s: float = PATIENCE_S
    between_steps: Turnstile = field(default_factory=Turnstile)
    degraded: bool = False
    failures: list[LucyError] = field(default_factory=list)
    """What captures raise, one after the other, before they succeed."""
    captures: int = 0

    def capture(self, request, **how):
        """Like the fake's."""
        self.captures += 1
        if self.failures:
            raise self.failures.pop(0)
        return replace(super().capture(request, **how), degraded=self.degraded)


@pytest.fixture(scope="module")
def pages() -> Path:
    return built_pages()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(film=tmp_path_factory.mktemp("camera") / "person.y4m") as browser:
        yield browser


@pytest.fixture
def fitting() -> FakeEngineFitting:
    return FakeEngineFitting()


@pytest.fixture
def served(fitting: FakeEngineFitting, pages: Path) -> Iterator[Running]:
    with run_server(fitting, pages=pages) as running:
        yield running


@pytest.fixture
def page(browser: Browser, served: Running) -> Iterator[Page]:
    """A page before the mirror."""
    with open_page(browser) as page:
        touch(page, served.url("/kiosk/?idle=600&countdown=1"))
        page.get_by_role("button", name="Start").click()
        wait_for_badge(page, "composite")
        yield page


def bar(page: Page) -> Locator:
    return page.get_by_role("progressbar", name=TOLD)


def take_picture(page: Page) -> None:
    page.get_by_role("button", name="Take a picture").click()


def picture(page: Page) -> Locator:
    return page.get_by_role("img", name="You in navy twill")


def test_the_steps_are_counted_until_the_picture_is_there(page: Page, fitting: FakeEngineFitting) -> None:
    take_picture(page)
    wait_for_badge(page, "held")
    for step in range(1, STEPS):
        expect(page.get_by_text(f"Step {step} of {STEPS}")).to_be_visible()
        expect(bar(page)).to_have_attribute("aria-valuenow", str(step))
        expect(bar(page)).to_have_attribute("aria-valuemax", str(STEPS))
        if step == 2:
            expect(page.locator(".developing [role=status]")).to_have_text("Half of the steps are done")
            check_layout(page, "a picture under way")
        fitting.between_steps.let_on()
    expect(page.get_by_text("The last touches").first).to_be_visible()
    fitting.between_steps.let_on()
    picture(page).wait_for()
    assert picture(page).evaluate("img => img.naturalHeight") == 480, "the still has the camera's own resolution"
    assert page.locator(".fallback").count() == 0
    assert fitting.captures == 1


def test_without_an_engine_nothing_is_counted(page: Page, fitting: FakeEngineFitting) -> None:
    fitting.steps = 0
    fitting.gate.clear()
    take_picture(page)
    assert fitting.begun.wait(PATIENCE_S)
    assert bar(page).get_attribute("aria-valuenow") is None
    expect(page.locator(".steps")).to_be_empty()
    fitting.gate.set()
    picture(page).wait_for()


@pytest.mark.parametrize("way", ["button", "key", "finish"])
def test_who_goes_back_calls_the_picture_off(page: Page, fitting: FakeEngineFitting, way: str) -> None:
    fitting.steps = 1000
    take_picture(page)
    page.get_by_text("Step 1 of 1000").wait_for()
    if way == "button":
        page.get_by_role("button", name="Back to the mirror").click()
    elif way == "key":
        page.keyboard.press("Escape")
    else:
        page.get_by_role("button", name="Finish").click()
    bar(page).wait_for(state="detached")
    # The server looks a few times a second whether somebody is there, the fake after every step.
    until(page, lambda: fitting.between_steps.let_on() or fitting.called_off.is_set())
    if way == "finish":
        page.get_by_role("heading", name="Try our jackets on").wait_for()
    else:
        wait_for_pictures(page, 3)
    assert picture(page).count() == 0


def test_what_may_pass_is_tried_once_more(page: Page, fitting: FakeEngineFitting) -> None:
    fitting.failures = [DeviceError("engine_restarting", "the device is coming back")]
    fitting.between_steps.let_on(STEPS)
    take_picture(page)
    expect(page.get_by_text("Trying once more").first).to_be_visible()
    picture(page).wait_for()
    assert page.locator(".fallback").count() == 0
    assert fitting.captures == 2


def test_after_two_failures_the_live_picture_is_shown_for_what_it_is(page: Page, fitting: FakeEngineFitting) -> None:
    fitting.failures = [DeviceError("engine_restarting", "the device is coming back")] * 2
    take_picture(page)
    expect(page.locator(".fallback")).to_contain_text("this is the live one")
    assert fitting.captures == 2


def test_a_plainer_picture_is_shown_for_what_it_is(page: Page, fitting: FakeEngineFitting) -> None:
    fitting.degraded = True
    fitting.between_steps.let_on(STEPS)
    take_picture(page)
    picture(page).wait_for()
    expect(page.locator(".fallback")).to_contain_text("plainer than usual")
    check_layout(page, "a plainer picture")
