"""Plane geometry on small sets of points. Owns warps and curves; must not know garments, bodies or images.

Points are float (N, 2) arrays of (x, y); everything here is pure.
"""

from __future__ import annotations

import numpy as np


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The least-squares similarity that carries `source` (N, 2) onto `target` (N, 2), N >= 2.

    Returns float64 (2, 3), as cv2.warpAffine takes it. Umeyama 1991, without reflection.
    """
    source_mean, target_mean = source.mean(0), target.mean(0)
    a, b = source - source_mean, target - target_mean
    spread = float((a * a).sum())
    if spread < 1e-9:
        return np.array([[1.0, 0.0, target_mean[0] - source_mean[0]], [0.0, 1.0, target_mean[1] - source_mean[1]]])
    cosine = float((a * b).sum()) / spread
    sine = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / spread
    linear = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([linear, target_mean - linear @ source_mean])


class ThinPlate:
    """A thin-plate spline from the plane to the plane (Bookstein 1989); `stiffness` > 0 smooths instead of meeting."""

    def __init__(self, source: np.ndarray, target: np.ndarray, *, stiffness: float = 0.0) -> None:
        self._centre = source.mean(0)
        self._scale = max(float(np.abs(source - self._centre).max()), 1e-6)
        self._knots = ((source - self._centre) / self._scale).astype(np.float64)
        n = len(source)
        system = np.zeros((n + 3, n + 3))
        system[:n, :n] = _kernel(self._knots, self._knots) + stiffness * np.eye(n)
        system[:n, n] = system[n, :n] = 1.0
        system[:n, n + 1 :] = self._knots
        system[n + 1 :, :n] = self._knots.T
        right = np.zeros((n + 3, 2))
        right[:n] = target
        solved = np.linalg.lstsq(system, right, rcond=None)[0]
        self._weights, self._affine = solved[:n].astype(np.float32), solved[n:].astype(np.float32)
        self._knots = self._knots.astype(np.float32)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Carry (M, 2) points; float32 (M, 2)."""
        p = ((points - self._centre) / self._scale).astype(np.float32)
        return _kernel(self._knots, p).T @ self._weights + self._affine[0] + p @ self._affine[1:]


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(A, B). The many points should be `b`: numpy is quick along the last axis."""
    x, y = a[:, :1] - b[:, 0], a[:, 1:] - b[:, 1]
    squared = x * x + y * y
    return squared * np.log(np.maximum(squared, 1e-12))


def bent(a: np.ndarray, corner: np.ndarray, b: np.ndarray, *, reach: float) -> np.ndarray:
    """The way a -> corner -> b with its corner rounded by a quadratic Bezier that starts `reach` before it, at most 0.8
    of the way: float64 (11, 2), the ends and nine points on the Bezier."""
    before, after = a - corner, b - corner
    length_a, length_b = float(np.hypot(*before)), float(np.hypot(*after))
    start = corner + before * (min(reach, 0.8 * length_a) / max(length_a, 1e-6))
    end = corner + after * (min(reach, 0.8 * length_b) / max(length_b, 1e-6))
    t = np.linspace(0.0, 1.0, 9)[:, None]
    return np.vstack([a[None], (1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end, b[None]])


def round_corner(a: np.ndarray, corner: np.ndarray, b: np.ndarray, *, reach: float, samples: int) -> np.ndarray:
    """The same way as float32 (samples, 2), even on each half; the middle sample lies where the corner was."""
    way, half = bent(a, corner, b, reach=reach), samples // 2
    first = resample(way[:6], half + 1)
    second = resample(way[5:], samples - half)
    return np.vstack([first[:-1], second]).astype(np.float32)


def resample(line: np.ndarray, count: int) -> np.ndarray:
    """`count` points at even arc lengths along the polyline `line` (N, 2)."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, along[-1], count)
    return np.column_stack([np.interp(wanted, along, line[:, 0]), np.interp(wanted, along, line[:, 1])])


def along_and_across(points: np.ndarray, line: np.ndarray, *, end_reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Where points (M, 2) lie relative to a polyline (K, 2): nearest segment, its ends extended by `end_reach`.

    Returns float32 (M,) position in segments (0 .. K-1, beyond at the extended ends) and float32 (M,) signed distance,
    positive to the left of the direction of travel as seen on screen (y down: to the right of it in the mathematical
    sense).
    """
    start = line[:-1].astype(np.float32)
    step = np.diff(line, axis=0).astype(np.float32)
    length = np.maximum(np.hypot(step[:, 0], step[:, 1]), np.float32(1e-6))
    ux, uy = step[:, 0] / length, step[:, 1] / length
    # Segments by points: numpy is quick along the last axis, which is the long one.
    dx, dy = points[:, 0] - start[:, :1], points[:, 1] - start[:, 1:]
    low, high = np.zeros_like(length), length.copy()
    low[0] -= end_reach
    high[-1] += end_reach
    t = np.clip(dx * ux[:, None] + dy * uy[:, None], low[:, None], high[:, None])
    ex, ey = dx - t * ux[:, None], dy - t * uy[:, None]
    i, each = np.argmin(ex * ex + ey * ey, axis=0), np.arange(len(points))
    t_best, ex, ey = t[i, each], ex[i, each], ey[i, each]
    # Off a bend the side is the one of both segments that meet there: to the nearer alone it can look like the other.
    other = np.clip(np.where(t_best >= length[i], i + 1, np.where(t_best <= 0.0, i - 1, i)), 0, len(length) - 1)
    cross = ex * (uy[i] + uy[other]) - ey * (ux[i] + ux[other])
    return (i + t_best / length[i]).astype(np.float32), np.copysign(np.hypot(ex, ey), cross).astype(np.float32)
