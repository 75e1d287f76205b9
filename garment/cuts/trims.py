"""Pockets, buttons and buttonholes. Owns them; must not know where a cut puts them."""

from __future__ import annotations

import numpy as np

from garment.cuts.curves import trace
from garment.cuts.fronts import lay_front_grain
from garment.cuts.sewing import turn_edge
from garment.cuts.table import Sheet, Table

_KAPPA = 0.55


def hip_pocket(table: Table, *, inner: tuple[float, float], outer: tuple[float, float]) -> list[Sheet]:
    """A flap and the jetting above it; `inner` and `outer` are the ends of the mouth."""
    return [_flap(table, inner, outer), _jet(table, inner, outer)]


def _flap(table: Table, inner: tuple[float, float], outer: tuple[float, float], *, depth_mm: float = 51.0) -> Sheet:
    (ax, ay), (bx, by) = inner, outer
    s = 1.0 if bx > ax else -1.0
    front, back = 17.0, 8.0
    outline = trace(
        (ax + 0.8 * s, ay - 1.0),
        (bx - 0.8 * s, by - 1.0),
        (bx + 1.5 * s, by + depth_mm - back),
        (
            (bx + 1.6 * s, by + depth_mm - back * (1 - _KAPPA)),
            (bx - back * (1 - _KAPPA) * s, by + depth_mm + 0.8),
            (bx - back * s, by + depth_mm + 1.2),
        ),
        (ax + front * s, ay + depth_mm + 0.4),
        (
            (ax + front * (1 - _KAPPA) * s, ay + depth_mm),
            (ax - 1.2 * s, ay + depth_mm - front * (1 - _KAPPA)),
            (ax - 1.4 * s, ay + depth_mm - front),
        ),
    )
    sheet = table.cut("flap", outline)
    lay_front_grain(sheet)
    turn_edge(sheet, thickness_mm=1.3, width_mm=2.4)
    down = np.clip((sheet.y - ay) / depth_mm, 0.0, 1.2)
    sheet.height += (1.5 * down + 0.8 * np.sin(np.pi * down)).astype(np.float32)
    sheet.shade *= 1.0 - 0.25 * np.exp(-np.maximum(sheet.y - _mouth(sheet, inner, outer), 0.0) / 2.2)
    sheet.lift_mm = (1.2 + 1.6 * np.clip(down, 0.0, 1.0)).astype(np.float32)
    return sheet


def _jet(table: Table, inner: tuple[float, float], outer: tuple[float, float]) -> Sheet:
    (ax, ay), (bx, by) = inner, outer
    corners = [(ax, ay - 5.5), (bx, by - 5.5), (bx, by), (ax, ay)]
    sheet = table.cut("jet", np.array(corners, np.float32))
    lay_front_grain(sheet)
    turn_edge(sheet, thickness_mm=0.8, width_mm=2.2)
    sheet.shade *= 1.0 - 0.25 * np.exp(-((np.minimum(sheet.inside, 3.0) / 0.5) ** 2))
    sheet.lift_mm = 0.7
    sheet.weight = 0.8
    return sheet


def _mouth(sheet: Sheet, inner: tuple[float, float], outer: tuple[float, float]) -> np.ndarray:
    (ax, ay), (bx, by) = inner, outer
    return ay + (by - ay) * (sheet.x - ax) / (bx - ax)


def welt_pocket(
    table: Table, *, inner: tuple[float, float], outer: tuple[float, float], depth_mm: float = 23.0
) -> Sheet:
    """The breast pocket's welt, sewn down at three sides; `inner` and `outer` are its lower corners."""
    (ax, ay), (bx, by) = inner, outer
    bow = ((ax + 30.0, ay - 1.5), (bx - 30.0, by + 2.0))
    outline = trace(
        (ax, ay),
        (ax - 0.5, ay - depth_mm),
        ((bow[0][0], bow[0][1] - depth_mm), (bow[1][0], bow[1][1] - depth_mm), (bx - 1.0, by - depth_mm)),
        (bx, by),
        (bow[1], bow[0], (ax, ay)),
    )
    sheet = table.cut("welt", outline)
    lay_front_grain(sheet)
    turn_edge(sheet, thickness_mm=0.7, width_mm=1.6)
    seam = np.exp(-((sheet.inside / 0.7) ** 2)) * np.clip(
        (sheet.y - _mouth(sheet, inner, outer) + 12.0) / 12.0, 0.0, 1.0
    )
    sheet.shade *= 1.0 - 0.32 * seam
    sheet.height += 0.7 * np.sin(np.pi * np.clip((_mouth(sheet, inner, outer) - sheet.y) / depth_mm, 0.0, 1.0))
    sheet.lift_mm = 0.9
    sheet.weight = 0.55
    return sheet


def button(
    table: Table, at: tuple[float, float], *, radius_mm: float = 10.0, squeeze: float = 1.0, cloth: str = "horn"
) -> Sheet:
    """A four-hole horn button with a raised rim, sewn on with crossed thread; `squeeze` < 1 turns it sideways."""
    turn = np.linspace(0.0, 2 * np.pi, 72, endpoint=False)
    outline = np.column_stack([at[0] + squeeze * radius_mm * np.cos(turn), at[1] + radius_mm * np.sin(turn)])
    sheet = table.cut("button", outline.astype(np.float32), cloth=cloth)
    dx, dy = (sheet.x - at[0]) / (radius_mm * squeeze), (sheet.y - at[1]) / radius_mm
    r = np.hypot(dx, dy)
    rim = np.sqrt(np.clip(1.0 - np.clip((r - 0.82) / 0.2, 0.0, 1.0) ** 2, 0.0, 1.0))
    dish = np.clip((0.74 - r) / 0.16, 0.0, 1.0)
    sheet.height += (2.4 * rim - 0.9 * dish * dish * (3 - 2 * dish)).astype(np.float32)
    holes = np.minimum.reduce([np.hypot(dx - sx * 0.2, dy - sy * 0.2) for sx in (-1, 1) for sy in (-1, 1)])
    hole = np.clip((0.125 - holes) / 0.06, 0.0, 1.0)
    thread = np.clip((0.09 - np.abs(np.abs(dx) - 0.2)) / 0.05, 0.0, 1.0) * (np.abs(dy) < 0.22)
    groove = np.clip(1.0 - np.abs(r - 0.72) / 0.09, 0.0, 1.0)
    sheet.shade *= (1.0 - 0.75 * hole * (1.0 - 0.7 * thread)) * (1.0 - 0.35 * groove)
    figure = 1.0 + 0.22 * np.sin(dx * 3.1 + dy * 2.3 + 1.2 + 0.8 * np.sin(dy * 4.0 + at[1]))
    sheet.tone = figure + 0.35 * np.clip((r - 0.80) / 0.1, 0.0, 1.0) + 0.5 * thread
    sheet.lift_mm = 2.0
    return sheet


def buttonhole(table: Table, at: tuple[float, float], *, length_mm: float = 22.0, angle: float = 0.0) -> Sheet:
    """A buttonhole worked in silk; `at` is its eye, the bar lies along `angle` (radians, clockwise) from there."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.linspace(0.5 * np.pi, 1.5 * np.pi, 9)
    eye = np.column_stack([1.6 * np.cos(turn), 1.6 * np.sin(turn)])
    edge = np.concatenate([eye, [(length_mm, -1.1), (length_mm, 1.1)]])
    outline = np.column_stack(
        [at[0] + cos * edge[:, 0] - sin * edge[:, 1], at[1] + sin * edge[:, 0] + cos * edge[:, 1]]
    )
    sheet = table.cut("buttonhole", outline.astype(np.float32), cloth="thread")
    across = -sin * (sheet.x - at[0]) + cos * (sheet.y - at[1])
    way = cos * (sheet.x - at[0]) + sin * (sheet.y - at[1])
    sheet.height += (0.6 * np.sqrt(np.clip(1.0 - (across / 1.5) ** 2, 0.0, 1.0)) + 0.1 * np.sin(way * 6.0)).astype(
        np.float32
    )
    slit = np.exp(-((across / 0.35) ** 2)) * (way < length_mm - 1.5)
    sheet.shade *= 1.0 - 0.55 * slit
    sheet.lift_mm = 0.5
    sheet.weight = 0.7
    return sheet
