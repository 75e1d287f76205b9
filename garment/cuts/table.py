"""The cutting table: from outlines in millimetres to anti-aliased sheets in pixels.

Owns the canvas of one piece and what a sheet is while it is being drawn; must not know what a jacket looks like.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

PX_PER_MM = 2.0
_SUPERSAMPLING = 4


@dataclass
class Sheet:
    """One panel on the table, in its own window. All maps share the window's (h, w); heights are millimetres."""

    name: str
    cloth: str
    xy: tuple[int, int]
    """Top left corner of the window on the canvas, pixels."""
    x: np.ndarray
    y: np.ndarray
    """float32 (h, w): millimetres at pixel centres."""
    alpha: np.ndarray
    """float32 (h, w)."""
    inside: np.ndarray
    """float32 (h, w): signed distance to the outline in mm, positive inside."""
    height: np.ndarray
    """float32 (h, w): above the body, smooth beyond the outline too."""
    shade: np.ndarray
    """float32 (h, w): the sheet's own occlusion, 1 = open."""
    u: np.ndarray | None = None
    v: np.ndarray | None = None
    tone: np.ndarray | None = None
    """float32 (h, w): colour of the thing itself relative to its cloth, 1 = the same."""
    lift_mm: float | np.ndarray = 1.5
    """How far the sheet stands off what lies beneath: the width of its shadow."""
    weight: float = 1.0
    """Strength of that shadow."""
    goes_on: bool = False
    """Whether the cloth is carried on beyond the piece's silhouette, as far as the window reaches."""


@dataclass(frozen=True)
class Table:
    """A canvas: `size_mm` is (width, height), `corner_mm` what lies at its top left corner."""

    size_mm: tuple[float, float]
    corner_mm: tuple[float, float]
    px_per_mm: float = PX_PER_MM

    @property
    def hw(self) -> tuple[int, int]:
        """Size in pixels."""
        return round(self.size_mm[1] * self.px_per_mm), round(self.size_mm[0] * self.px_per_mm)

    def to_px(self, points_mm: np.ndarray) -> np.ndarray:
        """Millimetres to pixels; a pixel's centre has whole coordinates."""
        return (np.asarray(points_mm, np.float32) - np.float32(self.corner_mm)) * np.float32(self.px_per_mm) - 0.5

    def cut(
        self,
        name: str,
        outline: np.ndarray,
        *,
        cloth: str = "suiting",
        margin_mm: float = 4.0,
        sides_mm: tuple[float, float] = (0.0, 0.0),
    ) -> Sheet:
        """Cut a flat sheet along a closed outline. Its window has a margin, and `sides_mm` more at left and right."""
        x0, y0, x1, y1 = self._window(outline, margin_mm, sides_mm)
        alpha = self._coverage(outline, (x0, y0, x1, y1))
        step, (left, top) = 1.0 / self.px_per_mm, self.corner_mm
        x = (left + (np.arange(x0, x1, dtype=np.float32) + 0.5) * step)[None, :].repeat(y1 - y0, axis=0)
        y = (top + (np.arange(y0, y1, dtype=np.float32) + 0.5) * step)[:, None].repeat(x1 - x0, axis=1)
        return Sheet(
            name=name,
            cloth=cloth,
            xy=(x0, y0),
            x=x.astype(np.float32),
            y=y.astype(np.float32),
            alpha=alpha,
            inside=signed_distance(alpha) * np.float32(step),
            height=np.zeros_like(alpha),
            shade=np.ones_like(alpha),
        )

    def _window(
        self, outline: np.ndarray, margin_mm: float, sides_mm: tuple[float, float]
    ) -> tuple[int, int, int, int]:
        height, width = self.hw
        low = np.floor(self.to_px(outline.min(axis=0) - margin_mm - (sides_mm[0], 0.0))).astype(int)
        high = np.ceil(self.to_px(outline.max(axis=0) + margin_mm + (sides_mm[1], 0.0))).astype(int) + 1
        return max(0, int(low[0])), max(0, int(low[1])), min(width, int(high[0])), min(height, int(high[1]))

    def _coverage(self, outline: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
        x0, y0, x1, y1 = window
        fine = np.zeros(((y1 - y0) * _SUPERSAMPLING, (x1 - x0) * _SUPERSAMPLING), np.uint8)
        at = (self.to_px(outline) + 0.5 - (x0, y0)) * _SUPERSAMPLING - 0.5
        cv2.fillPoly(fine, [np.round(at * 16).astype(np.int32)], 255, shift=4)
        coarse = cv2.resize(fine, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        return coarse.astype(np.float32) * np.float32(1 / 255)


def signed_distance(alpha: np.ndarray) -> np.ndarray:
    """Pixels to the half-covered contour of an anti-aliased mask, positive inside, exact to a fraction of a pixel."""
    solid = (alpha >= 0.5).astype(np.uint8)
    inner = cv2.distanceTransform(solid, cv2.DIST_L2, 5)
    outer = cv2.distanceTransform(1 - solid, cv2.DIST_L2, 5)
    distance = np.where(solid > 0, inner - 0.5, 0.5 - outer)
    edge = (alpha > 0.0) & (alpha < 1.0)
    distance[edge] = alpha[edge] - 0.5
    return cv2.GaussianBlur(distance, (0, 0), 0.8)
