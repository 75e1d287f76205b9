"""The ground that a garment was photographed on, where it is plain.

Owns the model of its colour and what follows from it for each pixel; must not know garments' shapes.

Ground is what the border shows: a colour that changes slowly over the picture. Beside the garment it lies in shadow,
and between sleeve and body it shows as slender gaps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

NEAR, FAR = 3.0, 7.0
"""Mahalanobis distance up to which a pixel is certainly ground, and from which it is certainly not lit ground."""
_RING = 0.03  # of the short side: the border that is taken for ground
_FLOOR_LAB = (1.0, 0.7, 0.7)  # JPEG noise: no ground is plainer than this
_CEILING_LAB = (5.0, 3.0, 3.0)  # a ground that varies more than this around the model is not plain
_SHADOW = 0.42  # of the ground's lightness: nothing that lies beside it is darker because of its shadow
_SMOOTH = 3.5  # CIE lightness: standard deviation up to which a place has no texture
_SPECK_PX = 8  # what is smaller is noise
_EDGE = 6.0  # CIE lightness: step from which there is an edge


@dataclass(frozen=True)
class Ground:
    """What the border says about the picture."""

    share: float
    """Of the border that the model explains."""
    expected: np.ndarray
    """float32 (h, w, 3): the ground's own Lab colour everywhere, as if nothing lay on it."""
    far_by: np.ndarray
    """float32 (h, w): Mahalanobis distance of the picture from it."""


def fit_ground(lab: np.ndarray) -> Ground:
    """A quadratic in x and y through the border of float32 (h, w, 3) CIE Lab, per channel.

    Iteratively reweighted least squares with Cauchy weights: up to a quarter of the border may be something else.
    """
    h, w = lab.shape[:2]
    ys, xs = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(np.float32)
    terms = np.stack([np.ones_like(xs), xs, ys, xs * xs, ys * ys, xs * ys], -1)
    ring = max(3, round(_RING * min(h, w)))
    border = np.ones((h, w), bool)
    border[ring:-ring, ring:-ring] = False
    a, target = terms[border], lab[border]
    residual = target - np.median(target, axis=0)
    spread = np.asarray(_FLOOR_LAB, np.float32)
    for _ in range(8):
        weight = 1 / (1 + ((residual / (2.4 * spread)) ** 2).sum(1))
        root = np.sqrt(weight)[:, None]
        ridge = np.diag([0, 1, 1, 4, 4, 4]).astype(np.float32) * 1e-3 * len(a)
        coefficients = np.linalg.solve((a * root).T @ (a * root) + ridge, (a * root).T @ (target * root))
        residual = target - a @ coefficients
        spread = np.clip(1.48 * np.median(np.abs(residual), axis=0), _FLOOR_LAB, _CEILING_LAB)
    inside = ((residual / spread) ** 2).sum(1) < 16
    covariance = np.cov(residual[inside].T) + np.diag(np.square(_FLOOR_LAB))
    expected = (terms @ coefficients).astype(np.float32)
    difference = (lab - expected).reshape(-1, 3)
    far_by = np.sqrt((difference @ np.linalg.inv(covariance) * difference).sum(1)).reshape(h, w)
    return Ground(float(inside.mean()), expected, far_by.astype(np.float32))


def label(lab: np.ndarray, ground: Ground) -> np.ndarray:
    """uint8 (h, w) of GrabCut's four labels: what is certainly or probably ground or garment."""
    looks = _looks(lab, ground)
    other = cv2.morphologyEx((ground.far_by > FAR).astype(np.uint8), cv2.MORPH_CLOSE, disc(3)) > 0
    depth = cv2.distanceTransform(other.astype(np.uint8), cv2.DIST_L2, 3)
    core = depth > 0.4 * max(float(depth.max()), 1.0)
    # No shadow is as broad as a garment: where even the core looks like one, it is grey cloth, and looks tell nothing.
    tells = core.any() and looks.shadow[core].mean() < 0.5
    cloth = (other & ~looks.shadow | core if tells else other).astype(np.uint8)
    solid = cv2.morphologyEx(cloth, cv2.MORPH_CLOSE, disc(max(lab.shape[:2]) / 80))
    markers = np.zeros(lab.shape[:2], np.int32)
    markers[cv2.erode(solid, disc(5)) > 0] = 2
    markers[looks.near & (cv2.dilate(solid, disc(5)) == 0)] = 1
    # A shadow's own edge is softer than the one between it and the garment, so the flood from outside takes it.
    relief = np.clip(looks.edges * 4, 0, 255).astype(np.uint8)
    flooded = (cv2.watershed(cv2.merge([relief] * 3), markers.copy()) == 2).astype(np.uint8)
    labels = np.where(flooded > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[cv2.erode(flooded, disc(11)) > 0] = cv2.GC_FGD
    labels[markers == 1] = cv2.GC_BGD
    _open_gaps(labels, flooded, looks if tells else replace(looks, shadow=np.zeros_like(looks.shadow)))
    return labels


@dataclass(frozen=True)
class _Looks:
    """bool (h, w) each, but for the last two, which are float32."""

    near: np.ndarray
    """Of the ground's colour."""
    shadow: np.ndarray
    """Of the ground's colour, but darker."""
    smooth: np.ndarray
    """Without texture."""
    ratio: np.ndarray
    """Lightness as a share of the ground's."""
    edges: np.ndarray
    """Steps of lightness."""


def _looks(lab: np.ndarray, ground: Ground) -> _Looks:
    lightness = lab[..., 0]
    ratio = lightness / np.maximum(ground.expected[..., 0], 1)
    chroma = np.linalg.norm(lab[..., 1:] - ground.expected[..., 1:] * ratio[..., None], axis=-1)
    mean = cv2.blur(lightness, (3, 3))
    smooth = cv2.blur(lightness * lightness, (3, 3)) - mean * mean < _SMOOTH**2
    near = cv2.morphologyEx((ground.far_by < NEAR).astype(np.uint8), cv2.MORPH_OPEN, disc(3)) > 0
    edges = cv2.morphologyEx(cv2.GaussianBlur(lightness, (0, 0), 1), cv2.MORPH_GRADIENT, disc(3))
    shadow = (ratio > _SHADOW) & (ratio < 1.03) & (chroma < np.where(smooth, 13, 5))
    return _Looks(near, shadow, smooth, ratio, edges)


def _open_gaps(labels: np.ndarray, mask: np.ndarray, looks: _Looks) -> None:
    """Mark in `labels` where ground shows through between sleeve and body."""
    # A gap lies in shadow; how deep a shadow may be looked for, depends on what the cloth itself looks like.
    tries = [looks.near | (looks.shadow & looks.smooth & (looks.ratio > dark)) for dark in (0.5, 0.6, 0.7, 0.8, 1.1)]
    x, y, w, h = cv2.boundingRect(mask)
    xs, ys = np.arange(mask.shape[1]), np.arange(mask.shape[0])[:, None]
    aside = np.abs((xs - x) / max(w, 1) - 0.5) > 0.14  # in the middle it is lining
    where = (aside & (ys > y + 0.25 * h)).astype(np.uint8)  # above the armpits it is a lit shoulder
    core = cv2.erode(mask, disc(0.14 * w), borderValue=0) * where
    found = [_gaps(like.astype(np.uint8), mask * where, core, looks.edges) for like in tries]
    gaps = max(found, key=lambda gap: int(gap.sum()))
    around = cv2.dilate(gaps, disc(mask.shape[1] / 12)) > 0
    labels[around & (labels == cv2.GC_FGD)] = cv2.GC_PR_FGD
    labels[cv2.dilate(gaps, disc(7)) > 0] = cv2.GC_PR_BGD
    labels[gaps > 0] = cv2.GC_BGD


def _gaps(like_ground: np.ndarray, where: np.ndarray, core: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """uint8 (h, w): slender blobs that look like ground, of the smallest size at which the cloth has none itself."""
    outside = cv2.dilate(1 - where, disc(5))
    area = float(where.sum())
    for size in (3, 5, 7, 9, 11):
        blobs = cv2.morphologyEx(like_ground, cv2.MORPH_OPEN, disc(size)) * where
        gaps = _gap_like(blobs, edges, outside, areas=(0.0012 * area, 0.1 * area))
        if ((blobs - gaps) * core).sum() <= 0.004 * core.sum():
            return cv2.dilate(gaps, disc(size)) & like_ground & where
    return np.zeros_like(where)


def _gap_like(blobs: np.ndarray, edges: np.ndarray, outside: np.ndarray, *, areas: tuple[float, float]) -> np.ndarray:
    """Blobs that end in an edge, where lit cloth would fade, and are slender and few (many are stripes) or open."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(blobs, connectivity=4)
    kept, enclosed = np.zeros_like(blobs), 0
    for i in range(1, count):
        x, y, w, h, area = stats[i]
        if not _SPECK_PX <= area <= areas[1]:
            continue
        window = (slice(max(y - 7, 0), y + h + 7), slice(max(x - 7, 0), x + w + 7))
        blob = (labels[window] == i).astype(np.uint8)
        is_open = bool((blob & outside[window]).any())
        if not is_open and area < areas[0]:
            continue
        rim = (cv2.dilate(blob, disc(13)) > 0) & (blob == 0)
        _, (long, short), _ = cv2.minAreaRect(cv2.findNonZero(blob))
        slender = max(long, short) > 2.0 * min(long, short)
        if (is_open or slender) and np.percentile(edges[window][rim], 75) >= _EDGE:
            kept[window] |= blob
            enclosed += not is_open
    return kept if enclosed <= 4 else np.zeros_like(blobs)


def disc(diameter: float) -> np.ndarray:
    """A round structuring element of odd size."""
    size = max(1, int(diameter)) | 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
