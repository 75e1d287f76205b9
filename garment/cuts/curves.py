"""Curves of a pattern in millimetres. Owns polylines and how they are bent; must not know pixels or cloth.

x grows to the wearer's left (the right of the picture), y grows down, the pit of the neck is the origin.
A curve is a float32 (n, 2) polyline, dense enough that its corners do not show.
"""

from __future__ import annotations

import numpy as np

STEP_MM = 1.0


def bezier(start: tuple, first: tuple, second: tuple, end: tuple) -> np.ndarray:
    """A cubic Bezier curve, without its start point."""
    p0, p1, p2, p3 = (np.asarray(p, np.float64) for p in (start, first, second, end))
    count = max(4, int(np.linalg.norm(np.diff([p0, p1, p2, p3], axis=0), axis=1).sum() / STEP_MM))
    t = np.linspace(0.0, 1.0, count + 1)[1:, None]
    s = 1.0 - t
    return (s**3 * p0 + 3 * s * s * t * p1 + 3 * s * t * t * p2 + t**3 * p3).astype(np.float32)


def trace(start: tuple, *steps: tuple) -> np.ndarray:
    """Draw from `start`: a step (x, y) is a straight line, a step (control, control, end) a Bezier curve."""
    parts = [np.asarray([start], np.float32)]
    for step in steps:
        straight = np.ndim(step[0]) == 0
        parts.append(np.asarray([step], np.float32) if straight else bezier(tuple(parts[-1][-1]), *step))
    return np.concatenate(parts)


def through(*points: tuple) -> np.ndarray:
    """A smooth curve through the points (centripetal Catmull-Rom, natural at its ends)."""
    p = np.asarray(points, np.float64)
    p = np.concatenate([[2 * p[0] - p[1]], p, [2 * p[-1] - p[-2]]])
    out = [p[1:2]]
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
        out.append(_catmull_rom(a, b, c, d))
    return np.concatenate(out).astype(np.float32)


def _catmull_rom(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    ta = 0.0
    tb = ta + np.sqrt(np.linalg.norm(b - a))
    tc = tb + np.sqrt(np.linalg.norm(c - b))
    td = tc + np.sqrt(np.linalg.norm(d - c))
    t = np.linspace(tb, tc, max(3, int(np.linalg.norm(c - b) / STEP_MM)) + 1)[1:, None]
    ab = (tb - t) / (tb - ta) * a + (t - ta) / (tb - ta) * b
    bc = (tc - t) / (tc - tb) * b + (t - tb) / (tc - tb) * c
    cd = (td - t) / (td - tc) * c + (t - tc) / (td - tc) * d
    left = (tc - t) / (tc - ta) * ab + (t - ta) / (tc - ta) * bc
    right = (td - t) / (td - tb) * bc + (t - tb) / (td - tb) * cd
    return (tc - t) / (tc - tb) * left + (t - tb) / (tc - tb) * right


def join(*curves: np.ndarray) -> np.ndarray:
    """One polyline out of several."""
    return np.concatenate([np.asarray(c, np.float32).reshape(-1, 2) for c in curves])


def sided(curve: np.ndarray, *, mirror: bool) -> np.ndarray:
    """A curve drawn for the wearer's left, or the same on the right."""
    return curve * np.float32((-1.0, 1.0)) if mirror else np.asarray(curve, np.float32)


def resampled(curve: np.ndarray, step_mm: float) -> np.ndarray:
    """Points at equal distances along the curve, ends included."""
    way = way_along(curve)
    at = np.linspace(0.0, way[-1], max(2, round(float(way[-1]) / step_mm) + 1))
    return np.column_stack([np.interp(at, way, curve[:, k]) for k in (0, 1)]).astype(np.float32)


def way_along(curve: np.ndarray) -> np.ndarray:
    """Length of the curve up to each of its points."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])


def shifted(curve: np.ndarray, to_right_mm: float) -> np.ndarray:
    """A parallel curve, `to_right_mm` to the right of someone who walks along it on the page."""
    tangent = np.gradient(curve.astype(np.float64), axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    return (curve + to_right_mm * np.column_stack([-tangent[:, 1], tangent[:, 0]])).astype(np.float32)


def x_at(curve: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x of a curve that runs downwards, at each y; constant beyond its ends."""
    order = np.argsort(curve[:, 1], kind="stable")
    return np.interp(y, curve[order, 1], curve[order, 0]).astype(np.float32)


def nearest(curve: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each place to an open polyline, positive on its right, and the way along it; both float32, mm.

    Costs a pass over the places per segment: resample the curve coarsely first.
    """
    best = np.full(x.shape, np.inf, np.float32)
    signed = np.zeros(x.shape, np.float32)
    along = np.zeros(x.shape, np.float32)
    way = way_along(curve)
    for k in range(len(curve) - 1):
        (ax, ay), (bx, by) = curve[k], curve[k + 1]
        dx, dy = np.float32(bx - ax), np.float32(by - ay)
        length = np.float32(np.hypot(dx, dy))
        px, py = x - ax, y - ay
        t = np.clip((px * dx + py * dy) / (length * length), 0.0, 1.0)
        distance = np.hypot(px - t * dx, py - t * dy)
        closer = distance < best
        best = np.where(closer, distance, best)
        signed = np.where(closer, np.where(dx * py - dy * px >= 0.0, distance, -distance), signed)
        along = np.where(closer, np.float32(way[k]) + t * length, along)
    return signed, along


def ramp(value: np.ndarray, start: float, end: float) -> np.ndarray:
    """0 at `start`, 1 at `end` (which may be the lesser), smooth at both."""
    t = np.clip((value - start) / (end - start), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
