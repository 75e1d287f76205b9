"""The contact sheet: one page on which a merchandiser sees what came of the photo, and how far to trust it.

Owns what stands where and in which words; must not know how maps or light are made. Top to bottom: the name, the photo
with what was found in it beside the facts, the cloth in use, its maps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import cv2
import numpy as np

from fabric.packages.contents import Contents
from fabric.packages.description import GENERATOR
from fabric.packages.lit import BALL_MM, HANGING_MM, ball, contents_size_mm, hanging
from fabric.packages.paper import ACCENT, LINE, QUIET, STRONG, WARN, Page
from fabric.packages.photo import freest_corner, loupe, marked
from fabric.packages.pictures import write_png

WIDTH = 2400
_MARGIN, _GUTTER, _GAP = 96, 40, 88
_INNER = WIDTH - 2 * _MARGIN
_TOP = 300  # where the photo begins
_PHOTO_WH = 1240, 930
_LARGE = (_INNER - 2 * _GUTTER) // 3
_SMALL = (_INNER - 4 * _GUTTER) // 5
_CAPTION = 66
_HEIGHT = _TOP + _PHOTO_WH[1] + _GAP + _CAPTION + _LARGE + _GAP + _CAPTION + _SMALL + 168
_LABEL = 230  # where the words beside a label begin
_LOUPE, _LOUPE_ROOM = 300, 24

_KINDS = {
    "periodic": "A pattern that repeats",
    "stochastic": "A texture without a repeat",
    "plain": "Plain, next to no texture",
}
_SCALES = {
    "given": "what you typed in",
    "marker": "the printed marker",
    "card": "the bank card",
    "ruler": "the ruler",
}
_WHITES = {
    "given": "the white that you marked",
    "chart": "the colour chart",
    "patch": "something white in the photo",
    "camera": "the camera's guess",
}


def sheet(contents: Contents, photo: np.ndarray | None = None) -> bytes:
    """The page as a PNG file. `photo` is the upright photo, uint8 RGB (H, W, 3), if the cloth was scanned from one."""
    page = Page(WIDTH, _HEIGHT)
    _head(page, contents)
    seen = photo is not None and contents.findings is not None
    if seen:
        page.picture((_MARGIN, _TOP), _photo(photo, contents.findings))
    else:
        page.picture((_MARGIN, _TOP), _repeated(contents.albedo, _PHOTO_WH))
    left = _MARGIN + _PHOTO_WH[0] + 72
    _facts(page, (left, _TOP), contents, wide_px=WIDTH - _MARGIN - left)
    y = _TOP + _PHOTO_WH[1] + _GAP
    _in_use(page, y, contents)
    _maps(page, y + _CAPTION + _LARGE + _GAP, contents)
    _foot(page, contents)
    return write_png(page.pixels[..., ::-1].copy(), srgb=True, px_per_mm=None)


def _head(page: Page, contents: Contents) -> None:
    page.text((_MARGIN, 168), contents.name, size=68, weight=STRONG, most_px=_INNER - 420)
    page.text((_MARGIN, 228), _subtitle(contents), size=34, colour=QUIET)
    made = contents.made.astimezone(UTC)
    page.text((WIDTH - _MARGIN, 168), f"{made.day} {made:%B %Y}", size=34, colour=QUIET, right=True)
    page.rule((_MARGIN, 256), _INNER)


def _subtitle(contents: Contents) -> str:
    found = contents.findings
    kind = "A cloth of the catalog" if found is None else _KINDS[found["class"]]
    return f"{kind}  \u00b7  {_size(contents)}"


def _size(contents: Contents) -> str:
    if contents.size_mm is None:
        return "true size not known"
    return f"one tile is {_mm(*contents.size_mm)}"


def _photo(photo: np.ndarray, findings: Mapping[str, Any]) -> np.ndarray:
    """The photo with what was found in it, and a few repeats under a loupe in a corner."""
    pixels = marked(photo, findings, wh=_PHOTO_WH)
    small = loupe(photo, findings, side_px=_LOUPE)
    if small is not None:
        framed = cv2.copyMakeBorder(small, 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=(255, 255, 255))
        side = framed.shape[0] + 2 * _LOUPE_ROOM
        x, y = freest_corner(findings, photo.shape[:2], wh=_PHOTO_WH, side_px=side)
        inner = slice(_LOUPE_ROOM, side - _LOUPE_ROOM)
        pixels[y : y + side, x : x + side][inner, inner] = framed
    return pixels


def _facts(page: Page, at: tuple[int, int], contents: Contents, *, wide_px: int) -> None:
    """Label and words line by line; then how sure it is; then what to mind."""
    x, y = at
    y += 24
    for label, words in _said(contents):
        page.text((x, y), label, size=28, colour=QUIET)
        y = page.paragraph((x + _LABEL, y), words, size=30, wide_px=wide_px - _LABEL) + 16
    found = contents.findings
    if found is None:
        return
    page.rule((x, y - 18), wide_px)
    y += 34
    for label, share in _shares(found):
        page.text((x, y), label, size=28, colour=QUIET)
        page.bar((x + 290, y - 18), share, wide_px=wide_px - 290 - 112, high_px=14)
        page.text((x + wide_px, y), f"{100 * share:.0f} %", size=28, right=True)
        y += 48
    page.rule((x, y - 18), wide_px)
    _warnings(page, (x, y + 34), found["warnings"], wide_px=wide_px, bottom=at[1] + _PHOTO_WH[1])


def _warnings(page: Page, at: tuple[int, int], warnings: Sequence[str], *, wide_px: int, bottom: int) -> None:
    """As many as there is room for, each with a mark at its first line."""
    x, y = at
    if not warnings:
        page.text((x, y), "Nothing to mind.", size=28, colour=QUIET)
    for number, warning in enumerate(warnings):
        words = _capital(warning)
        lines = page.broken(words, size=28, wide_px=wide_px - 24)
        left = len(warnings) - number
        if y + 40 * (len(lines) - 1 + (left > 1)) > bottom:
            page.text((x, y), f"and {left} more, in material.json", size=28, colour=QUIET)
            return
        page.rule((x, y - 22), 6, colour=WARN, thick_px=26)
        y = page.paragraph((x + 24, y), words, size=28, wide_px=wide_px - 24) + 8


def _said(contents: Contents) -> list[tuple[str, str]]:
    """Facts in words: (label, words)."""
    found = contents.findings
    said = [("Tile", "Size not known" if contents.size_mm is None else _mm(*contents.size_mm))]
    if found is None:
        low, high = contents.height_range_mm
        per_mm = contents.px_per_mm
        said.append(("Relief", f"{high - low:.2f} mm from valley to crest"))
        if per_mm is not None:
            said.append(("Resolution", f"{per_mm[0]:.1f} pixels per mm"))
        return said
    said.append(("Repeat", _repeat(found)))
    source = found["scale"]["source"]
    said.append(("Scale from", _capital(_SCALES.get(source, "nothing of known size in view"))))
    light = found["light"]
    said.append(("Colour from", _capital(_WHITES[light["white_source"]])))
    said.append(("Light", f"Fell off by {light['ratio']:.1f} to 1; evened out"))
    return said


def _repeat(found: Mapping[str, Any]) -> str:
    lattice = found["lattice"]
    if lattice["a"] is None:
        return "None found"
    across, down = lattice["repeats"]
    seen = f"{across:.0f} across and {down:.0f} down in view"
    if lattice["a_mm"] is None:
        return seen
    return f"{_mm(lattice['a_mm'], lattice['b_mm'])}; {seen}"


def _shares(found: Mapping[str, Any]) -> list[tuple[str, float]]:
    steps = [("Edges of the swatch", "outline"), ("Scale", "scale"), ("Colour", "light"), ("Repeat", "lattice")]
    shares = [(label, float(found[step]["confidence"])) for label, step in steps]
    return [("Quality as a whole", float(found["quality"]["overall"])), *shares]


def _in_use(page: Page, y: int, contents: Contents) -> None:
    known = contents.size_mm is not None
    captions = (
        ("Three by three tiles", "no seam should show"),
        ("On a ball", f"{BALL_MM:.0f} mm across" if known else "not to scale"),
        ("Hanging", f"{HANGING_MM:.0f} mm wide" if known else "not to scale"),
    )
    pictures = (_tiled(contents), ball(contents, _LARGE), hanging(contents, _LARGE))
    for index, (words, pixels) in enumerate(zip(captions, pictures, strict=True)):
        _figure(page, (_MARGIN + index * (_LARGE + _GUTTER), y), pixels, words)


def _maps(page: Page, y: int, contents: Contents) -> None:
    """A detail of each, pixel by pixel: relief would melt away if the whole map were shrunk."""
    low, high = contents.height_range_mm
    depth = f"{high - low:.2f} mm deep" if contents.size_mm is not None else "depth not known"
    span = "a detail" if contents.px_per_mm is None else f"{_SMALL / contents.px_per_mm[0]:.0f} mm of it"
    figures = (
        ("Colour", span, contents.albedo),
        ("Normals", "OpenGL", cv2.convertScaleAbs(contents.normal, alpha=127.5, beta=127.5)),
        ("Height", depth, _grey((contents.height_mm - low) / (high - low))),
        ("Roughness", f"{contents.roughness.mean():.2f} on average", _grey(contents.roughness)),
        ("Occlusion", "white in the open", _grey(contents.occlusion)),
    )
    for index, (title, words, pixels) in enumerate(figures):
        at = _MARGIN + index * (_SMALL + _GUTTER), y
        _figure(page, at, _repeated(pixels, (_SMALL, _SMALL)), (title, words))


def _figure(page: Page, at: tuple[int, int], pixels: np.ndarray, caption: tuple[str, str]) -> None:
    """A picture under its caption."""
    x, y = at
    page.text((x, y + 36), caption[0], size=32)
    page.text((x + pixels.shape[1], y + 36), caption[1], size=26, colour=QUIET, right=True)
    page.picture((x, y + _CAPTION), pixels)


def _foot(page: Page, contents: Contents) -> None:
    page.rule((_MARGIN, _HEIGHT - 112), _INNER, colour=LINE)
    width, height = contents.size_px
    words = f"{width} \u00d7 {height} pixels"
    if contents.px_per_mm is not None:
        words += f"  \u00b7  {contents.px_per_mm[0]:.1f} pixels per mm"
    page.text((_MARGIN, _HEIGHT - 60), words, size=26, colour=QUIET)
    page.text((WIDTH - _MARGIN, _HEIGHT - 60), GENERATOR, size=26, colour=ACCENT, right=True)


def _tiled(contents: Contents) -> np.ndarray:
    """Nine tiles, or the part of them that fills a square."""
    width_mm, height_mm = contents_size_mm(contents)
    side = 3.0 * max(width_mm, height_mm)
    wh = tuple(max(1, round(_LARGE * length / side)) for length in (width_mm, height_mm))
    small = cv2.resize(contents.albedo, wh, interpolation=cv2.INTER_AREA)
    return _repeated(small, (_LARGE, _LARGE))


def _repeated(pixels: np.ndarray, wh: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) of the tiled map, pixel by pixel."""
    h, w = pixels.shape[:2]
    return np.tile(pixels, (wh[1] // h + 1, wh[0] // w + 1, 1))[: wh[1], : wh[0]]


def _grey(unit: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.convertScaleAbs(unit, alpha=255.0), cv2.COLOR_GRAY2RGB)


def _mm(width: float, height: float) -> str:
    return f"{width:.1f} \u00d7 {height:.1f} mm"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
