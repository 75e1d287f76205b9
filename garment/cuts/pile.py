"""From sheets lying on each other to the finished maps of one piece.

Owns the order of blending and the shadows between sheets; must not know what the sheets are.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from garment.cut import GRAIN_PX, SLOPE_STEPS, UV_STEPS_PER_MM, CutPiece, Panel
from garment.cuts.rim import SOLID, Rim, rim_of
from garment.cuts.table import Sheet, Table
from garment.relief import crevices, shadow, slopes

_CONTACT_MM = 1.3
_CONTACT_STRENGTH = 0.6
_SOFT_STRENGTH = 0.72


@dataclass(frozen=True)
class Form:
    """What lies under all sheets of a piece."""

    slope: np.ndarray
    """float32 (H, W, 2): dz/dx, dz/dy."""
    shade: np.ndarray
    """float32 (H, W): occlusion by the form itself, 1 = open."""


def spread_out(slope: np.ndarray, shade: np.ndarray, hw: tuple[int, int]) -> Form:
    """A form drawn on a coarser grid, at the size of the piece."""
    wh = hw[::-1]
    slope = cv2.resize(slope.astype(np.float32), wh, interpolation=cv2.INTER_CUBIC)
    return Form(slope=slope, shade=cv2.resize(shade.astype(np.float32), wh, interpolation=cv2.INTER_LINEAR))


def pile(
    name: str, table: Table, *, sheets: list[Sheet], form: Form, anchors_mm: dict[str, tuple[float, float]]
) -> CutPiece:
    """Lay the sheets on each other, the first lowest, over a body. Changes `form` where cloth goes on beyond it."""
    h, w = table.hw
    alpha = np.zeros((h, w), np.float32)
    slope = np.zeros((h, w, 2), np.float32)
    occlusion = np.ones((h, w), np.float32)
    top = np.zeros((h, w), np.uint8)
    for number, sheet in enumerate(sheets):
        _cast(sheet, occlusion, px_per_mm=table.px_per_mm)
        at = _slices(sheet)
        a = sheet.alpha
        own = slopes(sheet.height, px_per_mm=table.px_per_mm)
        slope[at] += (own - slope[at]) * a[..., None]
        light = sheet.shade * crevices(sheet.height, reach_px=3.0 * table.px_per_mm, strength=0.22)
        occlusion[at] += (light - occlusion[at]) * a
        alpha[at] += (1.0 - alpha[at]) * a
        top[at][a > SOLID] = number
    rim = rim_of(alpha, px_per_mm=table.px_per_mm)
    beyond = _beyond(sheets, rim, top)
    goes_on = np.logical_or.reduce([mask.ravel()[rim.to] for mask in beyond.values()] or [np.zeros(len(rim.to), bool)])
    rim.turn_away(form.slope, form.shade, goes_on)
    occlusion.ravel()[rim.to[goes_on]] = 1.0
    return CutPiece(
        name=name,
        panels=tuple(_panel(sheet, beyond.get(number)) for number, sheet in enumerate(sheets)),
        alpha=_to_bytes(alpha),
        slope=_in_steps(slope + form.slope, SLOPE_STEPS),
        occlusion=_to_bytes(occlusion * form.shade),
        bleed=rim.bleed(goes_on),
        anchors={k: tuple(float(c) for c in table.to_px(np.array(v))) for k, v in anchors_mm.items()},
    )


def _beyond(sheets: list[Sheet], rim: Rim, top: np.ndarray) -> dict[int, np.ndarray]:
    """bool (H, W) for each sheet that goes on, by its number: where it does, next to where it shows."""
    beside = top.ravel()[rim.source]
    masks = {}
    for number, sheet in enumerate(sheets):
        if sheet.goes_on:
            mask = np.zeros(top.shape, bool)
            near = np.zeros(top.shape, bool)
            near.ravel()[rim.to[beside == number]] = True
            mask[_slices(sheet)] = near[_slices(sheet)]
            masks[number] = mask
    return masks


def _slices(sheet: Sheet) -> tuple[slice, slice]:
    x, y = sheet.xy
    h, w = sheet.alpha.shape
    return slice(y, y + h), slice(x, x + w)


def _cast(sheet: Sheet, occlusion: np.ndarray, *, px_per_mm: float) -> None:
    """Darken what lies under and around the sheet: a narrow contact shadow and a wide soft one."""
    lift = float(np.max(sheet.lift_mm))
    if sheet.weight <= 0.0:
        return
    pad = int((lift * 6.0 + 4.0) * px_per_mm)
    (x, y), (h, w) = sheet.xy, sheet.alpha.shape
    x0, y0 = max(0, x - pad), max(0, y - pad)
    x1, y1 = min(occlusion.shape[1], x + w + pad), min(occlusion.shape[0], y + h + pad)
    cover = np.zeros((y1 - y0, x1 - x0), np.float32)
    share = np.asarray(sheet.lift_mm, np.float32) / np.float32(lift)
    cover[y - y0 : y - y0 + h, x - x0 : x - x0 + w] = sheet.alpha * share
    wide = shadow(cover, reach_px=lift * 1.8 * px_per_mm, drop_px=lift * 0.7 * px_per_mm)
    cover[y - y0 : y - y0 + h, x - x0 : x - x0 + w] = sheet.alpha * np.minimum(sheet.lift_mm, 1.0)
    narrow = shadow(cover, reach_px=_CONTACT_MM * px_per_mm, drop_px=0.4 * px_per_mm)
    dim = (1.0 - _SOFT_STRENGTH * sheet.weight * wide) * (1.0 - _CONTACT_STRENGTH * sheet.weight * narrow)
    occlusion[y0:y1, x0:x1] *= dim


def _panel(sheet: Sheet, beyond: np.ndarray | None) -> Panel:
    shape = sheet.alpha.shape
    u = sheet.x if sheet.u is None else sheet.u
    v = sheet.y if sheet.v is None else sheet.v
    across = slopes(np.ascontiguousarray(u[::GRAIN_PX, ::GRAIN_PX], np.float32), px_per_mm=1.0)
    length = np.maximum(np.hypot(across[..., 0], across[..., 1]), 1e-6)
    return Panel(
        name=sheet.name,
        cloth=sheet.cloth,
        xy=sheet.xy,
        alpha=_to_bytes(sheet.alpha),
        uv=_in_steps(np.dstack([np.broadcast_to(u, shape), np.broadcast_to(v, shape)]), UV_STEPS_PER_MM),
        grain=across / length[..., None],
        tone=None if sheet.tone is None else np.clip(sheet.tone * 128.0, 0, 255).astype(np.uint8),
        beyond=None if beyond is None else beyond[_slices(sheet)].astype(np.uint8) * np.uint8(255),
    )


def _in_steps(values: np.ndarray, steps: int) -> np.ndarray:
    return np.clip(np.rint(values * np.float32(steps)), -32767, 32767).astype(np.int16)


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(values * 255.0 + 0.5, 0, 255).astype(np.uint8)
