"""Pockets, buttons and buttonholes. Owns them; must not know where a cut puts them."""

from __future__ import annotations

import numpy as np

from garment.cuts.curves import trace
from garment.cuts.fronts import lay_grain, turn_edge
from garment.cuts.table import Sheet, Table


def flap(table: Table, *, inner: tuple[float, float], outer: tuple[float, float], depth_mm: float = 54.0) -> Sheet:
    """A pocket flap hanging from `inner` to `outer` (its upper corners), rounded at its lower front corner."""
    (ax, ay), (bx, by) = inner, outer
    s = 1.0 if bx > ax else -1.0
    outline = trace(
        (ax, ay),
        (bx, by),
        (bx + 2.0 * s, by + depth_mm - 6.0),
        ((bx + 2.0 * s, by + depth_mm), (bx - 2.0 * s, by + depth_mm + 1.0), (bx - 8.0 * s, by + depth_mm + 1.0)),
        (ax + 16.0 * s, ay + depth_mm),
        ((ax + 6.0 * s, ay + depth_mm), (ax - 1.0 * s, ay + depth_mm - 7.0), (ax - 1.5 * s, ay + depth_mm - 17.0)),
        (ax, ay),
    )
    sheet = table.cut("flap", outline)
    lay_grain(sheet)
    turn_edge(sheet, thickness_mm=1.2, width_mm=2.0)
    sheet.height += 1.6 * np.clip((sheet.y - ay) / depth_mm, 0.0, 1.2)
    sheet.lift_mm = 2.2
    return sheet


def jet(table: Table, *, inner: tuple[float, float], outer: tuple[float, float]) -> Sheet:
    """The narrow jetting above a flap."""
    (ax, ay), (bx, by) = inner, outer
    sheet = table.cut("jet", np.array([(ax, ay - 5.0), (bx, by - 5.0), (bx, by + 1.0), (ax, ay + 1.0)], np.float32))
    lay_grain(sheet)
    turn_edge(sheet, thickness_mm=0.8, width_mm=1.6)
    sheet.lift_mm = 0.8
    return sheet


def welt(table: Table, *, inner: tuple[float, float], outer: tuple[float, float], depth_mm: float = 24.0) -> Sheet:
    """The breast pocket's welt; `inner` and `outer` are its lower corners."""
    (ax, ay), (bx, by) = inner, outer
    outline = trace((ax, ay), (ax - 1.0, ay - depth_mm), (bx - 1.0, by - depth_mm), (bx, by), (ax, ay))
    sheet = table.cut("welt", outline)
    lay_grain(sheet)
    turn_edge(sheet, thickness_mm=1.0, width_mm=1.6)
    sheet.lift_mm = 1.2
    return sheet


def button(table: Table, at: tuple[float, float], *, radius_mm: float = 10.0) -> Sheet:
    """A four-hole horn button with a raised rim."""
    turn = np.linspace(0.0, 2 * np.pi, 72, endpoint=False)
    outline = np.column_stack([at[0] + radius_mm * np.cos(turn), at[1] + radius_mm * np.sin(turn)]).astype(np.float32)
    sheet = table.cut("button", outline, cloth="horn")
    dx, dy = (sheet.x - at[0]) / radius_mm, (sheet.y - at[1]) / radius_mm
    r = np.hypot(dx, dy)
    dish = np.clip((0.74 - r) / 0.14, 0.0, 1.0)
    sheet.height += 2.6 * np.sqrt(np.clip(1.0 - np.clip((r - 0.80) / 0.2, 0.0, 1.0) ** 2, 0.0, 1.0)) - 0.9 * dish
    holes = np.minimum.reduce([np.hypot(dx - sx * 0.2, dy - sy * 0.2) for sx in (-1, 1) for sy in (-1, 1)])
    hole = np.clip((0.115 - holes) / 0.05, 0.0, 1.0)
    sheet.shade *= (1.0 - 0.8 * hole) * (1.0 - 0.3 * np.clip(1.0 - np.abs(r - 0.72) / 0.08, 0.0, 1.0))
    sheet.tone = 1.0 + 0.25 * np.sin(dx * 4.0 + dy * 2.5 + 1.2) * (1.0 - hole) + 0.25 * np.clip((r - 0.8) / 0.1, 0, 1)
    sheet.lift_mm = 1.8
    return sheet


def buttonhole(table: Table, at: tuple[float, float], *, length_mm: float = 24.0, angle: float = 0.0) -> Sheet:
    """A keyhole buttonhole worked in silk; `at` is its eye, the bar lies along `angle` from there."""
    cos, sin = np.cos(angle), np.sin(angle)
    along = np.linspace(0.0, length_mm, 12)
    edge = np.concatenate(
        [np.column_stack([along, np.full(12, -1.3)]), np.column_stack([along[::-1], np.full(12, 1.3)])]
    )
    outline = np.column_stack(
        [at[0] + cos * edge[:, 0] - sin * edge[:, 1], at[1] + sin * edge[:, 0] + cos * edge[:, 1]]
    )
    sheet = table.cut("buttonhole", outline.astype(np.float32), cloth="thread")
    across = -sin * (sheet.x - at[0]) + cos * (sheet.y - at[1])
    way = cos * (sheet.x - at[0]) + sin * (sheet.y - at[1])
    sheet.height += 0.7 * np.sqrt(np.clip(1.0 - (across / 1.4) ** 2, 0.0, 1.0)) + 0.15 * np.sin(way * 6.0)
    sheet.shade *= 1.0 - 0.6 * np.exp(-((across / 0.4) ** 2))
    sheet.lift_mm = 0.5
    return sheet
