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
    count = max(4, int(np.abs(np.diff([p0, p1, p2, p3], axis=0)).sum() / STEP_MM))
    t = np.linspace(0.0, 1.0, count + 1)[1:, None]
    s = 1.0 - t
    return (s**3 * p0 + 3 * s * s * t * p1 + 3 * s * t * t * p2 + t**3 * p3).astype(np.float32)


def trace(start: tuple, *steps: tuple) -> np.ndarray:
    """Draw from `start`: a step (x, y) is a straight line, a step (control, control, end) a Bezier curve."""
    parts = [np.asarray([start], np.float32)]
    for step in steps:
        if len(step) == 2:
            parts.append(np.asarray([step], np.float32))
        else:
            parts.append(bezier(tuple(parts[-1][-1]), *step))
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


def mirrored(curve: np.ndarray) -> np.ndarray:
    """The same curve on the other side of the body."""
    return curve * np.float32((-1.0, 1.0))


def resampled(curve: np.ndarray, step_mm: float) -> np.ndarray:
    """Points at equal distances along the curve, ends included."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    at = np.linspace(0.0, lengths[-1], max(2, round(lengths[-1] / step_mm) + 1))
    return np.column_stack([np.interp(at, lengths, curve[:, k]) for k in (0, 1)]).astype(np.float32)


def x_at(curve: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x of a curve that runs downwards, at each y; constant beyond its ends."""
    order = np.argsort(curve[:, 1], kind="stable")
    return np.interp(y, curve[order, 1], curve[order, 0]).astype(np.float32)


def y_at(curve: np.ndarray, x: np.ndarray) -> np.ndarray:
    """y of a curve that runs sideways, at each x; constant beyond its ends."""
    return x_at(curve[:, ::-1], x)
