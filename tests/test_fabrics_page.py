"""The fabrics page in a real browser, against the real server, scanner and book; the fitting alone is fake."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from bench.swatches import render
from garment.cuts.catalogue import load_cut
from garment.rack import Rack
from garment.wardrobe import Wardrobe, Wish
from server.catalog.shop import Shop
from server.scans.messages import ALL_STAGES
from tests.browsers import built_pages, open_browser, open_page
from tests.databases import empty_database, open_test_shop
from tests.fakes import FakeFitting
from tests.serving import Running, run_server

pytestmark = pytest.mark.browser

KEY = "a-key-for-tests-alone"
SEED = 7
"""A cloth of which everything is found: whole, on a table of one colour, beside a marker of known size."""
FLAGS = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
SIZES = ((1366, 768), (390, 844), (1080, 1920), (320, 640))
SCAN_MS = 60_000

# Whatever is too wide for the page, too small to touch or cut off.
PROBLEMS = """
() => {
  const { clientWidth: w, scrollWidth } = document.documentElement;
  const found = scrollWidth > w ? [`the page is ${scrollWidth} wide in ${w}`] : [];
  for (const control of document.querySelectorAll('button, a[href], select, [role=slider]')) {
    const { left, right, width, height } = control.getBoundingClientRect();
    const name = control.getAttribute('aria-label') ?? control.textContent.trim();
    if (width === 0 || control.matches('.skip') || control.closest('.tabs')) continue;
    if (control.getAttribute('role') !== 'slider' && (left < 0 || right > w + 0.5)) found.push(`${name} lies outside`);
    if (Math.min(width, height) < 43.5 && !control.closest('li')) found.push(`${name} is ${width}x${height}`);
    if (control.tagName !== 'SELECT' && control.scrollWidth > control.clientWidth + 1) found.push(`${name} is cut off`);
  }
  return found;
}
"""
# Text and the edges of fields that are too faint to be made out (WCAG 2.2 AA: 1.4.3 and 1.4.11), but over pictures.
FAINT = """
() => {
  const rgba = (css) => { const [r, g, b, a = 1] = css.match(/[\\d.]+/g).map(Number);
    return css.startsWith('color(') ? [255 * r, 255 * g, 255 * b, a] : [r, g, b, a]; };
  const over = ([r, g, b, a], under) => [r, g, b].map((value, n) => value * a + under[n] * (1 - a));
  const light = (rgb) => rgb.map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const found = [];
  const look = (element, css, least) => {
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return;
    if (element.closest('.unseen, .editor, .stage, .finder, .skip')) return;
    if (element.closest('button, input, select')?.disabled) return;
    let [under, seen] = [[255, 255, 255], 1];
    const chain = [];
    for (let one = element; one; one = one.parentElement) chain.unshift(getComputedStyle(one));
    for (const style of chain) { under = over(rgba(style.backgroundColor), under); seen *= Number(style.opacity); }
    const [r, g, b, a] = rgba(css);
    const [low, high] = [light(over([r, g, b, a * seen], under)), light(under)].sort((one, other) => one - other);
    const contrast = (high + 0.05) / (low + 0.05);
    const what = `${element.tagName} ${element.textContent.slice(0, 40)}`;
    if (contrast < least) found.push(`${contrast.toFixed(2)} : 1, ${what}`);
  };
  for (const element of document.querySelectorAll('body *')) {
    const style = getComputedStyle(element);
    const large = parseFloat(style.fontSize) >= 24;
    if ([...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
      look(element, style.color, large ? 3 : 4.5);
    if (element.placeholder) look(element, getComputedStyle(element, '::placeholder').color, 4.5);
    if (element.matches('input:not([type=checkbox], [type=radio], [type=range], [type=file]), select'))
      look(element, style.borderTopColor, 3);
  }
  return found;
}
"""
# Keeps what the page sends: forms with files are not told of otherwise.
SPY = """
window.sent = [];
const ask = window.fetch;
window.fetch = (path, init = {}) => {
  const { body } = init;
  const told = body instanceof FormData
    ? Object.fromEntries([...body].map(([name, value]) => [name, typeof value === 'string' ? value : value.size]))
    : typeof body === 'string' ? JSON.parse(body) : null;
  window.sent.push({ path: String(path), told });
  return ask(path, init);
};
"""
NAMED = {
    *("button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "switch", "tab", "slider"),
    *("dialog", "table", "img", "image", "progressbar", "ProgressIndicator", "spinbutton"),
}


class FakeFittingOfRealCuts(FakeFitting):
    """Dresses nobody, in cloths and cuts that are there."""

    def prepare(self, wish: Wish) -> None:
        if wish.fabric_id is not None:
            self.wardrobe.catalog.get(wish.fabric_id)
            load_cut(wish.cut)
        self.prepared.append(wish)


@dataclass(frozen=True)
class World:
    """What the browser comes to."""

    server: Running
    shop: Shop
    swatch: Path
    scan: dict[str, Any]
    """Of the swatch, made before."""

    @property
    def url(self) -> str:
        return self.server.url("/fabrics/").replace("127.0.0.1", "localhost")

    def ask(self, path: str, *, method: str = "GET", body: dict | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        with urlopen(Request(self.server.url(path), data=data, headers=headers, method=method)) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("shop")
    swatch = folder / "swatch.jpg"
    cv2.imwrite(str(swatch), render(SEED).photo[..., ::-1])
    pages = built_pages()
    with empty_database("sqlite", folder) as url, open_test_shop(url, folder) as shop:
        fitting = FakeFittingOfRealCuts()
        fitting.wardrobe = Wardrobe(catalog=shop.book, rack=Rack(folder / "rack"))
        with run_server(fitting, shop=shop, pages=pages, admin_key=KEY) as server:
            yield World(server, shop, swatch, _scanned(server, swatch))


def _scanned(server: Running, swatch: Path) -> dict[str, Any]:
    head = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="s.jpg"\r\n\r\n'
    body = head + swatch.read_bytes() + b"\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    with urlopen(Request(server.url("/api/fabric/scan"), data=body, headers=headers)) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    film = tmp_path_factory.mktemp("camera") / "person.y4m"
    with open_browser(film=film, more_flags=FLAGS) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, world: World) -> Iterator[Page]:
    with open_page(browser, viewport={"width": 1366, "height": 768}, spy=SPY) as page:
        yield page


def choose(page: Page, photo: Path) -> None:
    page.get_by_label("Photo of a swatch").set_input_files(photo)


def wait_for_result(page: Page) -> None:
    page.get_by_role("tab", name="Findings").wait_for(timeout=SCAN_MS)
    page.locator(".progress").wait_for(state="detached", timeout=SCAN_MS)


def open_scan(page: Page, world: World, tab: str = "Findings") -> None:
    page.goto(f"{world.url}#scan/{world.scan['id']}")
    page.get_by_role("tab", name=tab).click()


def give_key(page: Page, key: str = KEY) -> None:
    page.get_by_role("textbox", name="Key").fill(key)
    page.get_by_role("button", name="Go on").click()


def keep_key(page: Page) -> None:
    page.add_init_script(f"sessionStorage.setItem('lucy-admin-key', '{KEY}')")


def sent(page: Page, path: str) -> dict[str, Any]:
    """What was sent there last: fields of a form, or JSON; of a file its size in bytes."""
    last = page.wait_for_function("(path) => window.sent.findLast((one) => one.path.includes(path))", arg=path)
    return last.json_value()["told"]


def corner(page: Page, name: str = "Top left") -> tuple[int, int]:
    x, y = re.findall(r"-?\d+", page.get_by_role("slider", name=f"{name} corner").get_attribute("aria-valuetext"))
    return int(x), int(y)


def nameless(page: Page) -> list[str]:
    """Roles of what a screen reader would meet without a name, as the browser itself computes it."""
    client = page.context.new_cdp_session(page)
    nodes = client.send("Accessibility.getFullAXTree")["nodes"]
    client.detach()
    told = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    assert any(role in NAMED for role, _ in told)
    return [role for role, name in told if role in NAMED and not name.strip()]


def check(page: Page, state: str) -> None:
    """Every control has a name, nothing is too faint by day or night, and nothing lies outside at any size."""
    assert nameless(page) == [], state
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for _ in range(50):  # colours take a moment to change
            if not (faint := page.evaluate(FAINT)):
                break
            page.wait_for_timeout(20)
        assert faint == [], f"{state}, {scheme}"
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for _ in range(50):
            if not (problems := page.evaluate(PROBLEMS)):
                break
            page.wait_for_timeout(20)
        assert problems == [], f"{state} at {width} x {height}"
    page.set_viewport_size({"width": 1366, "height": 768})


# --- scanning


def test_a_swatch_goes_from_the_photo_to_the_kiosk(page, world):
    """The whole way: stages, a corner, another scan, saving it, finding it, editing it, retiring it."""
    page.goto(world.url)
    page.evaluate("""() => { window.stages = []; new MutationObserver(() => {
        const stage = document.querySelector('.progress')?.dataset.stage;
        if (stage && stage !== window.stages.at(-1)) window.stages.push(stage);
    }).observe(document.body, { subtree: true, childList: true, attributes: true }); }""")
    choose(page, world.swatch)
    wait_for_result(page)
    stages = page.evaluate("() => window.stages")
    assert [stage for stage in ALL_STAGES if stage in stages] == [stage for stage in stages if stage in ALL_STAGES]
    assert len(set(stages)) >= 5, "short stages may go by unseen"
    expect(page.get_by_role("row", name="Scale").get_by_role("cell").first).to_contain_text("px/mm")

    found = corner(page)
    page.get_by_role("slider", name="Top left corner").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert corner(page) == (found[0] + 1, found[1] + 10)
    other = corner(page, "Top right")
    page.get_by_role("slider", name="Top right corner").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Control+z")
    assert corner(page, "Top right") == other
    page.keyboard.press("ArrowUp")
    page.get_by_role("button", name="Undo").click()
    assert corner(page) == (found[0] + 1, found[1] + 10), "what was done to another corner is undone alone"
    before = page.url
    page.get_by_role("button", name="Scan again").click()
    page.wait_for_function(f"() => location.href !== {json.dumps(before)}", timeout=SCAN_MS)
    expect(page.get_by_text("as you gave them")).to_be_visible()
    again = world.ask(f"/api/fabric/scans/{page.url.rpartition('/')[2]}")
    assert again["given"]["corners"][0] == pytest.approx([found[0] + 1, found[1] + 10], abs=1.0)

    page.get_by_role("tab", name="Save").click()
    give_key(page, "not the key")
    expect(page.get_by_text("That key was not the right one")).to_be_visible()
    give_key(page)
    page.get_by_role("button", name="Save to the book").click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    expect(page.get_by_text("Give it the name that customers will read")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Slate from the scanner")
    page.get_by_label("Family").select_option(label="Plain worsted")
    page.get_by_label("Weight").fill("3000")
    page.get_by_label("Tags").fill("scanned, new")
    page.get_by_role("button", name="Save to the book").click()
    expect(page.get_by_text("A whole number of g/m²")).to_be_visible()
    page.get_by_label("Weight").fill("300")
    page.get_by_role("button", name="Save to the book").click()
    expect(page.get_by_role("heading", name="Slate from the scanner is in the book")).to_be_focused()
    expect(page.get_by_role("link", name="To the kiosk")).to_have_attribute("href", "/kiosk/")
    fabrics = [one for family in world.ask("/api/fabric/catalog")["families"] for one in family["fabrics"]]
    made = next(one for one in fabrics if one["name"] == "Slate from the scanner")
    assert made["weight_g_m2"] == 300
    assert made["tags"] == ["scanned", "new"]
    assert made["size_mm"] == pytest.approx(again["size_mm"], abs=0.01)

    page.wait_for_url(f"**#scan/{made['id']}")
    page.get_by_role("tab", name="Maps").click()
    albedo = page.get_by_role("button", name="Albedo").locator("img")
    assert made["id"] in albedo.get_attribute("src")
    page.reload()
    page.get_by_role("tab", name="Saved").wait_for()

    page.goto(f"{world.url}#book")
    page.get_by_role("searchbox").fill("slate scanner")
    expect(page.get_by_text("1 colour.")).to_be_visible()
    page.get_by_role("switch", name="Slate from the scanner").click()
    expect(page.get_by_role("switch", name="Slate from the scanner")).to_have_attribute("aria-checked", "false")
    assert made["id"] not in json.dumps(world.ask("/api/fabric/catalog"))


def test_nothing_is_lost_when_the_server_cannot_be_reached(page, world):
    page.goto(world.url)
    page.context.set_offline(True)
    choose(page, world.swatch)
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    page.get_by_role("button", name="Set the corners by hand").click()
    page.get_by_label("Swatch, mm: width").fill("120")
    check(page, "unreachable")
    page.get_by_role("button", name="Scan again").click()
    expect(page.get_by_role("alert")).to_contain_text("needs both a width and a height")
    page.get_by_label("Swatch, mm: height").fill("100,5")
    page.context.set_offline(False)
    page.get_by_role("button", name="Scan again").click()
    page.get_by_role("button", name="Cancel").click()
    assert json.loads(sent(page, "/api/fabric/scan")["swatch_mm"]) == [120, 100.5]
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_label("Swatch, mm: width")).to_have_value("120")


def test_a_photo_that_cannot_be_scanned_says_why_and_what_to_do(page, world, tmp_path):
    bright = tmp_path / "bright.png"
    cv2.imwrite(str(bright), np.full((600, 800, 3), 255, np.uint8))
    page.goto(world.url)
    choose(page, bright)
    alert = page.get_by_role("alert")
    alert.wait_for(timeout=SCAN_MS)
    expect(alert.locator(".code")).to_have_text("overexposed")
    expect(alert).to_contain_text("Take the photo darker")
    expect(page.get_by_role("button", name="Scan again")).to_be_disabled()
    page.get_by_role("button", name="Set the corners by hand").click()
    expect(page.get_by_role("button", name="Scan again")).to_be_enabled()
    note = tmp_path / "note.txt"
    note.write_text("no picture")
    choose(page, note)
    expect(page.get_by_role("alert")).to_contain_text("Only photos can be scanned")
    expect(page.locator(".editor")).to_be_visible()


def test_a_photo_is_dropped_or_pasted(page, world):
    page.goto(world.url)
    page.route("**/api/fabric/scan", lambda route: route.abort())
    give = """async (how) => {
        const canvas = new OffscreenCanvas(400, 300);
        canvas.getContext('2d').fillRect(0, 0, 400, 300);
        const blob = await canvas.convertToBlob({ type: 'image/png' });
        const data = new DataTransfer();
        data.items.add(new File([blob], 'cloth.png', { type: 'image/png' }));
        if (how === 'paste') window.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data }));
        else document.querySelector('.intake').dispatchEvent(
            new DragEvent('drop', { dataTransfer: data, bubbles: true }));
    }"""
    with page.expect_request("**/api/fabric/scan"):
        page.evaluate(give, "drop")
    page.locator(".editor").wait_for()
    with page.expect_request("**/api/fabric/scan"):
        page.evaluate(give, "paste")


def test_a_photo_is_taken_here(page, world):
    page.goto(world.url)
    page.get_by_role("button", name="Use the camera").click()
    check(page, "the camera")
    page.get_by_role("button", name="Take the photo").click()
    assert sent(page, "/api/fabric/scan")["photo"] > 10_000
    page.get_by_role("button", name="Cancel").click()
    assert page.evaluate("() => document.querySelector('video')") is None


def test_a_camera_that_fails_leaves_other_ways(page, world):
    page.add_init_script("""navigator.mediaDevices.getUserMedia =
        () => Promise.reject(new DOMException('no', 'NotAllowedError'));""")
    page.goto(world.url)
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_role("alert")).to_contain_text("was not allowed")
    expect(page.get_by_label("Choose or take a photo")).to_have_attribute("capture", "environment")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Use the camera")).to_be_focused()


# --- what came of it


def test_every_result_can_be_heard_and_fits_every_screen(page, world):
    keep_key(page)
    for tab in ("Findings", "Tiling", "Maps", "On the model", "Save"):
        open_scan(page, world, tab)
        page.get_by_role("tab", name=tab, selected=True).wait_for()
        check(page, tab)
    page.get_by_role("button", name="Save to the book").click()
    check(page, "with complaints")
    page.get_by_role("tab", name="Save").press("Home")
    expect(page.get_by_role("tab", name="Findings")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Tiling")).to_have_attribute("aria-selected", "true")


def test_on_a_telephone_the_result_is_announced_beside_the_photo(page, world):
    page.set_viewport_size({"width": 390, "height": 844})
    open_scan(page, world)
    page.get_by_role("button", name=re.compile(r"^\d+ %, ")).click()
    expect(page.get_by_role("tab", name="Findings")).to_be_focused()
    expect(page.get_by_role("tab", name="Findings")).to_be_in_viewport()
    strip = page.get_by_role("tablist")
    expect(strip).to_have_attribute("data-more", "right")
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="Save")).to_be_in_viewport(ratio=0.9)
    expect(strip).to_have_attribute("data-more", "left")
    page.set_viewport_size({"width": 1366, "height": 768})
    expect(page.locator(".to-result")).to_be_hidden()
    expect(strip).to_have_attribute("data-more", "")


def test_nothing_moves_under_the_hand_that_corrects(page, world):
    open_scan(page, world)
    again = page.get_by_role("button", name="Scan again")
    before = again.bounding_box()
    page.get_by_role("slider", name="Top left corner").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Let the corners be found").wait_for()
    assert again.bounding_box() == before


def test_the_tiling_is_three_tiles_at_true_scale(page, world):
    open_scan(page, world, "Tiling")
    page.get_by_label("Size", exact=True).fill("1")
    width_mm, height_mm = world.scan["size_mm"]
    box = page.locator(".tiling").evaluate("(tiling) => [tiling.offsetWidth, tiling.offsetHeight]")
    assert box == pytest.approx([3 * width_mm * 96 / 25.4, 3 * height_mm * 96 / 25.4], abs=1.0)


def test_dragging_the_lattice_gives_the_repeat(page, world):
    open_scan(page, world)
    handle = page.get_by_role("slider", name="Repeat across")
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 12, y, steps=3)
    expect(page.locator(".magnifier")).to_be_visible()
    page.mouse.up()
    expect(page.locator(".magnifier")).to_have_count(0)
    told = page.get_by_text("dragged:").inner_text()
    dragged = [float(figure) for figure in re.findall(r"[\d.]+", told)]
    lattice = world.scan["lattice"]
    assert dragged[0] != pytest.approx(lattice["a_mm"], rel=0.01)
    assert dragged[1] == pytest.approx(lattice["b_mm"], abs=0.06)
    page.get_by_role("button", name="Scan again").click()
    assert sent(page, "/rescan")["repeat_mm"] == pytest.approx(dragged, abs=0.06)
    page.get_by_role("button", name="Cancel").click()


def test_the_cloth_is_lit_in_three_dimensions(page, world):
    page.set_viewport_size({"width": 900, "height": 620})
    open_scan(page, world, "In the light")
    canvas = page.locator("canvas.lit")
    seen = {}
    for shape in ("Ball", "Drape", "Jacket"):
        page.get_by_label(shape, exact=True).check(force=True, timeout=SCAN_MS)
        page.locator(f'canvas.lit[data-state="there"][data-shape="{shape.lower()}"]').wait_for(timeout=SCAN_MS)
        seen[shape] = _settled(page)
    assert np.abs(seen["Ball"] - seen["Jacket"]).mean() > 3
    canvas.focus()
    before = _settled(page)
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    after = _settled(page)
    assert np.abs(after - before).mean() > 1, "the light has moved"
    assert nameless(page) == []


def _settled(page: Page) -> np.ndarray:
    """float (H, W, 3): the canvas, once everything that was asked for is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    png = np.frombuffer(page.locator("canvas.lit").screenshot(), np.uint8)
    return cv2.imdecode(png, cv2.IMREAD_COLOR).astype(float)


def test_a_browser_without_3d_says_so(page, world):
    page.add_init_script("""const get = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
            return kind.startsWith('webgl') ? null : get.call(this, kind, ...more); };""")
    open_scan(page, world, "In the light")
    expect(page.get_by_text("cannot draw in 3D")).to_be_visible()
    expect(page.locator("img.sheet")).to_be_visible(timeout=SCAN_MS)


def test_an_unsaved_cloth_is_worn_on_a_photo_and_live(page, world, tmp_path):
    person = tmp_path / "person.png"
    cv2.imwrite(str(person), np.full((400, 300, 3), 90, np.uint8))
    open_scan(page, world, "On the model")
    page.get_by_alt_text("The jacket in this cloth, lying flat").wait_for()
    page.get_by_label("Photo of a person").set_input_files(person)
    assert sent(page, "/virtual-tryon")["fabric_id"] == world.scan["id"]
    page.get_by_role("button", name="On the live camera").click()
    page.locator('.stage canvas[data-shown="true"]').wait_for()
    page.get_by_role("button", name="Close the camera").click()
    page.locator(".stage").wait_for(state="detached")


def test_a_cloth_is_kept_back_until_its_time_has_come(page, world):
    """In one step: it was never offered, not even for a moment."""
    keep_key(page)
    scan = world.ask(f"/api/fabric/{world.scan['id']}/rescan", method="POST", body={"name": "kept back"})
    page.goto(f"{world.url}#scan/{scan['id']}")
    page.get_by_role("tab", name="Save").click()
    page.get_by_label("Name", exact=True).fill("Next season")
    page.get_by_label("Family").select_option(label="Poplin")
    page.get_by_label("Keep it back").check()
    page.get_by_role("button", name="Save to the book").click()
    expect(page.get_by_text("It is not offered yet")).to_be_visible()
    assert sent(page, "/save")["status"] == "retired"
    assert not page.evaluate("() => window.sent.some((one) => one.path.includes('/admin/colours'))")
    assert world.ask("/api/admin/colours/next-season")["status"] == "retired"
    assert "next-season" not in json.dumps(world.ask("/api/fabric/catalog"))


# --- the book


def test_the_book_is_searched_filtered_sorted_and_heard(page, world):
    keep_key(page)
    page.goto(f"{world.url}#book")
    page.get_by_role("table", name="Colours of the book").wait_for()
    check(page, "the book")
    page.get_by_label("Status").select_option("retired")
    expect(page.get_by_role("row", name="Navy")).to_have_count(0)
    for row in page.get_by_role("row").all()[1:]:
        expect(row.get_by_role("switch")).to_have_attribute("aria-checked", "false")
    page.get_by_label("Status").select_option("")
    page.get_by_role("button", name="Name").click()
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    names = world.ask("/api/admin/colours?sort=name")["colours"]
    expect(page.get_by_role("row").nth(1)).to_contain_text(names[0]["name"])
    page.get_by_role("searchbox").fill("there is no such cloth")
    expect(page.get_by_text("Nothing in the book matches")).to_be_visible()


def test_an_edit_that_came_second_is_told_kindly(page, world):
    keep_key(page)
    colour = world.ask("/api/admin/colours?status=active")["colours"][0]
    page.goto(f"{world.url}#book")
    page.get_by_role("button", name=f"Edit {colour['name']}").click()
    check(page, "the dialog")
    mine, theirs = page.get_by_label("Code"), {"mill": "Another mill", "version": colour["version"]}
    mine.fill("MINE 1")
    world.ask(f"/api/admin/colours/{colour['id']}", method="PATCH", body=theirs)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else changed this colour meanwhile")
    expect(mine).to_have_value("MINE 1")
    expect(page.get_by_label("Mill")).to_have_value("Another mill")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    saved = world.ask(f"/api/admin/colours/{colour['id']}")
    assert (saved["code"], saved["mill"]) == ("MINE 1", "Another mill")


def test_without_the_key_the_book_stays_shut(page, world):
    page.goto(f"{world.url}#book")
    page.get_by_role("dialog", name="The admin key").wait_for()
    check(page, "the key")
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert")).to_contain_text("Only the shop's own people")
    page.get_by_role("button", name="Give the key").click()
    give_key(page)
    page.get_by_role("table", name="Colours of the book").wait_for()


# --- what is loaded


def test_three_dimensions_are_loaded_by_nobody_who_does_not_look(world):
    built = built_pages()
    heavy = {path.name for path in (built / "assets").glob("*.js") if "WebGLRenderer" in path.read_text("utf-8")}
    assert heavy
    for first in ("index.html", "fabrics.html"):
        named = set(re.findall(r"assets/([\w.-]+\.js)", (built / first).read_text("utf-8")))
        assert named
        assert not named & heavy, first
