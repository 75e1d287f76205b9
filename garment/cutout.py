"""A garment photo's silhouette. Owns the step from pixels to alpha; must not know sleeves, anchors or bodies.

plain ground      a colour model of the border, tolerant of shading and shadow -> what is certain
cluttered ground  a prior for the middle of the picture                        -> what is likely
both              GrabCut at reduced size -> largest piece, holes, hanger -> guided filter at full size
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from utils.errors import InputError

_WORK_PX = 560  # long side for everything but the last step: GrabCut is quadratic in it
_RING = 0.03  # of the short side: the border that is taken for ground
_PLAIN_SHARE = 0.72  # of the border that one smooth colour has to explain
_NEAR, _FAR = 3.0, 7.0  # Mahalanobis distance: certainly ground, certainly not
_FLOOR_LAB = (1.6, 1.0, 1.0)  # JPEG noise: no ground is plainer than this
_CEILING_LAB = (5.0, 3.0, 3.0)  # a ground that varies more than this around the model is not plain
_SHADOW = 0.42  # of the ground's lightness: nothing that lies beside it is darker because of its shadow
_SMALLEST, _LARGEST = 0.02, 0.93  # share of the picture that a garment takes


@dataclass(frozen=True)
class CutOut:
    """Where the garment is."""

    alpha: np.ndarray
    """float32 (h, w) in [0, 1]."""
    confidence: float
    """In [0, 1]: how far the outline can be trusted."""
    ground: Literal["plain", "cluttered"]
    warnings: tuple[str, ...] = ()
    """Sentences for people."""


def cut_out(rgb: np.ndarray) -> CutOut:
    """Cut the garment out of uint8 (h, w, 3) or (h, w, 4); an alpha channel that says something wins.

    Raises:
        InputError: no_garment.
    """
    if rgb.shape[2] == 4 and _says_something(rgb[..., 3]):
        return _from_own_alpha(rgb[..., 3])
    rgb = np.ascontiguousarray(rgb[..., :3])
    small = _reduced(rgb)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    ground = _fit_ground(lab)
    trimap = _plain_trimap(lab, ground) if ground.share >= _PLAIN_SHARE else _prior_trimap(small.shape[:2])
    mask = _largest(_grab_cut(small, trimap))
    mask = _without_hanger(_fill(mask, trimap))
    _refuse_nonsense(mask)
    kind: Literal["plain", "cluttered"] = "plain" if ground.share >= _PLAIN_SHARE else "cluttered"
    confidence = _confidence(mask, lab, ground, kind)
    return CutOut(_refine(rgb, mask), confidence, kind, _warnings(mask, confidence, kind))


@dataclass(frozen=True)
class _Ground:
    share: float
    """Of the border that the model explains."""
    expected: np.ndarray
    """float32 (h, w, 3): the ground's own Lab colour everywhere, as if nothing lay on it."""
    far_by: np.ndarray
    """float32 (h, w): Mahalanobis distance of the picture from it."""


def _reduced(rgb: np.ndarray) -> np.ndarray:
    scale = _WORK_PX / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    return cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _says_something(alpha: np.ndarray) -> bool:
    clear = float((alpha < 128).mean())
    return 0.02 < clear < 1 - _SMALLEST


def _from_own_alpha(alpha: np.ndarray) -> CutOut:
    solid = _largest((alpha > 127).astype(np.uint8))
    _refuse_nonsense(solid)
    near = cv2.dilate(solid, np.ones((5, 5), np.uint8))
    return CutOut((alpha * near).astype(np.float32) / 255, 0.98, "plain")


def _fit_ground(lab: np.ndarray) -> _Ground:
    """Quadratic in x and y per channel through the border, by iteratively reweighted least squares (Cauchy)."""
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
    return _Ground(float(inside.mean()), expected, far_by.astype(np.float32))


def _plain_trimap(lab: np.ndarray, ground: _Ground) -> np.ndarray:
    """GrabCut's four labels, from the ground model and a watershed that tells soft shadows from cloth."""
    h, w = lab.shape[:2]
    lightness, wanted = lab[..., 0], np.maximum(ground.expected[..., 0], 1)
    ratio = lightness / wanted
    chroma = np.linalg.norm(lab[..., 1:] - ground.expected[..., 1:] * ratio[..., None], axis=-1)
    mean = cv2.blur(lightness, (3, 3))
    smooth = cv2.blur(lightness * lightness, (3, 3)) - mean * mean < 3.5**2
    shadow_like = (ratio > _SHADOW) & (ratio < 1.03) & (chroma < np.where(smooth, 13, 5))
    near = cv2.morphologyEx((ground.far_by < _NEAR).astype(np.uint8), cv2.MORPH_OPEN, _disc(3))
    depth = cv2.distanceTransform((ground.far_by > _FAR).astype(np.uint8), cv2.DIST_L2, 3)
    core = depth > 0.4 * depth.max()  # no shadow is as broad as the garment: all of a plain grey one may look like one
    cloth = ((ground.far_by > _FAR) & ~shadow_like | core).astype(np.uint8)
    solid = cv2.morphologyEx(cloth, cv2.MORPH_CLOSE, _disc(max(h, w) / 80))
    markers = np.zeros((h, w), np.int32)
    markers[cv2.erode(solid, _disc(5)) > 0] = 2
    markers[(near > 0) & (cv2.dilate(solid, _disc(5)) == 0)] = 1
    edges = cv2.morphologyEx(cv2.GaussianBlur(lightness, (0, 0), 1), cv2.MORPH_GRADIENT, _disc(3))
    relief = np.clip(edges * 4, 0, 255).astype(np.uint8)
    flooded = (cv2.watershed(cv2.merge([relief] * 3), markers.copy()) == 2).astype(np.uint8)
    trimap = np.where(flooded > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    trimap[cv2.erode(flooded, _disc(11)) > 0] = cv2.GC_FGD
    trimap[markers == 1] = cv2.GC_BGD
    # A gap lies in shadow; how deep a shadow may be looked for, depends on what the cloth itself looks like.
    tries = [(near > 0) | (shadow_like & smooth & (ratio > darkest)) for darkest in (0.5, 0.6, 0.7, 0.8, 1.1)]
    gaps = max((_gaps(flooded, like.astype(np.uint8), edges) for like in tries), key=lambda found: int(found.sum()))
    around = cv2.dilate(gaps, _disc(w / 12)) > 0
    trimap[around & (trimap == cv2.GC_FGD)] = cv2.GC_PR_FGD
    trimap[cv2.dilate(gaps, _disc(7)) > 0] = cv2.GC_PR_BGD
    trimap[gaps > 0] = cv2.GC_BGD
    return trimap


def _gaps(mask: np.ndarray, like_ground: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Where ground shows through between sleeve and body: slender blobs of its colour, coarser than the cloth's own."""
    x, y, w, h = cv2.boundingRect(mask)
    xs, ys = np.arange(mask.shape[1]), np.arange(mask.shape[0])[:, None]
    aside = (np.abs((xs - x) / max(w, 1) - 0.5) > 0.14) & (
        ys > y + 0.25 * h
    )  # elsewhere it is lining or a lit shoulder
    core = cv2.erode(mask, _disc(0.14 * w), borderValue=0) * aside
    for size in (3, 5, 7, 9, 11):
        blobs = cv2.morphologyEx(like_ground, cv2.MORPH_OPEN, _disc(size)) * mask * aside
        gaps = _gap_like(blobs, edges, cv2.dilate(1 - mask, _disc(5)), least=0.0012 * float(mask.sum()))
        if ((blobs - gaps) * core).sum() <= 0.004 * core.sum():
            return cv2.dilate(gaps, _disc(size)) & like_ground & mask
    return np.zeros_like(mask)


def _gap_like(blobs: np.ndarray, edges: np.ndarray, outside: np.ndarray, *, least: float) -> np.ndarray:
    """Blobs that end in an edge, where lit cloth would fade, and are slender and few (many are stripes) or open."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(blobs, connectivity=4)
    kept, enclosed = np.zeros_like(blobs), 0
    for i in range(1, count):
        blob = (labels == i).astype(np.uint8)
        rim = (cv2.dilate(blob, _disc(13)) > 0) & (blob == 0)
        is_open = bool((blob & outside).any())
        if np.percentile(edges[rim], 75) < 6 or not (is_open or stats[i, cv2.CC_STAT_AREA] >= least):
            continue
        _, (a, b), _ = cv2.minAreaRect(np.argwhere(blob)[:, ::-1].astype(np.float32))
        if is_open or max(a, b) > 2.0 * min(a, b):
            kept, enclosed = kept | blob, enclosed + (not is_open)
    return kept if enclosed <= 4 else kept & 0


def _prior_trimap(hw: tuple[int, int]) -> np.ndarray:
    """Without a plain ground: the rim is ground, the middle is likely garment, its heart certainly."""
    h, w = hw
    ys, xs = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    trimap = np.full(hw, cv2.GC_PR_BGD, np.uint8)
    trimap[(np.abs(xs) < 0.78) & (np.abs(ys) < 0.86)] = cv2.GC_PR_FGD
    trimap[(np.abs(xs) > 0.95) | (np.abs(ys) > 0.97)] = cv2.GC_BGD
    trimap[(xs / 0.28) ** 2 + (ys / 0.4) ** 2 < 1] = cv2.GC_FGD
    return trimap


def _grab_cut(rgb: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    labels = trimap.copy()
    if not ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).any():
        raise _no_garment("nothing stands out from the ground")
    if not ((labels == cv2.GC_BGD) | (labels == cv2.GC_PR_BGD)).any():
        raise _no_garment("it fills the whole picture")
    cv2.setRNGSeed(1)  # GrabCut starts from k-means: the same photo has to give the same outline
    cv2.grabCut(rgb, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    mask = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, _disc(5))


def _largest(mask: np.ndarray) -> np.ndarray:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        raise _no_garment("nothing stands out from the ground")
    return (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)


def _fill(mask: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    """Close holes, but for a gap between sleeve and body: off the middle, and certainly ground or at least large."""
    area = int(mask.sum())
    left, _, width, _ = cv2.boundingRect(mask)
    count, labels, stats, centres = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    filled = mask.copy()
    for i in range(1, count):
        x, y, w, h, size = stats[i]
        if x == 0 or y == 0 or x + w == mask.shape[1] or y + h == mask.shape[0]:
            continue
        aside = abs((centres[i][0] - left) / width - 0.5) > 0.14
        certain = float((trimap[labels == i] == cv2.GC_BGD).mean()) > 0.4
        if aside and size > (0.001 if certain else 0.006) * area:
            continue
        filled[labels == i] = 1
    return filled


def _without_hanger(mask: np.ndarray) -> np.ndarray:
    """Cut away what is thin and sticks out of the upper middle: hook, neck and bar of a hanger."""
    x, y, w, h = cv2.boundingRect(mask)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _disc(0.09 * w))
    thin = ((mask > 0) & (opened == 0)).astype(np.uint8)
    count, labels, stats, centres = cv2.connectedComponentsWithStats(thin, connectivity=8)
    kept = mask.copy()
    for i in range(1, count):
        top, centre = stats[i, cv2.CC_STAT_TOP], centres[i][0]
        if top < y + 0.12 * h and abs((centre - x) / w - 0.5) < 0.2 and stats[i, cv2.CC_STAT_HEIGHT] > 0.025 * h:
            kept[labels == i] = 0
    return _largest(kept)


def _refuse_nonsense(mask: np.ndarray) -> None:
    share = float(mask.mean())
    if share < _SMALLEST:
        raise _no_garment("what stands out is too small")
    rims = (mask[:2].mean(), mask[-2:].mean(), mask[:, :2].mean(), mask[:, -2:].mean())
    if share > _LARGEST or min(rims) > 0.02 or sum(r > 0.35 for r in rims) >= 3:
        raise _no_garment("it fills the whole picture")


def _no_garment(why: str) -> InputError:
    return InputError(
        "no_garment",
        f"no garment was found in the photo: {why}",
        hint="lay the whole garment on one plain ground in another colour, with some ground showing all around it",
    )


def _confidence(mask: np.ndarray, lab: np.ndarray, ground: _Ground, kind: str) -> float:
    """Contrast across the outline, ground that fits the model, and an outline that does not fray."""
    inner = cv2.erode(mask, _disc(7)) > 0
    rim_in = (mask > 0) & ~inner
    rim_out = (cv2.dilate(mask, _disc(7)) > 0) & (mask == 0)
    if kind == "plain":
        contrast = float(np.clip(np.median(ground.far_by[rim_in]) / 12, 0, 1))
        clean = float(np.clip((ground.far_by[mask == 0] < _FAR).mean(), 0, 1))
        score = 0.97 * contrast**0.5 * clean
    else:
        step = np.linalg.norm(lab[rim_in].mean(0) - lab[rim_out].mean(0))
        score = 0.6 * float(np.clip(step / 40, 0.2, 1))
    outline = max(cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
    hull = cv2.arcLength(cv2.convexHull(outline), True)
    fray = float(np.clip(2.2 * hull / cv2.arcLength(outline, True), 0, 1))
    rims = sum(float(r.mean()) > 0.02 for r in (mask[:1], mask[-1:], mask[:, :1], mask[:, -1:]))
    return round(score * fray * 0.75**rims, 3)


def _warnings(mask: np.ndarray, confidence: float, kind: str) -> tuple[str, ...]:
    found = []
    if kind == "cluttered":
        found.append("the ground is not plain: check the outline, or photograph the garment on a plain ground")
    elif confidence < 0.5:
        found.append("the garment hardly stands out from the ground: check the outline")
    if any(r.any() for r in (mask[0], mask[-1], mask[:, 0], mask[:, -1])):
        found.append("the garment touches the edge of the picture: part of it may be missing")
    return tuple(found)


def _refine(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The small mask at full size, its edge drawn along the photo's own by a guided filter (He et al. 2013)."""
    h, w = rgb.shape[:2]
    scale = max(h, w) / max(mask.shape)
    grown = cv2.resize(mask.astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    grown = cv2.GaussianBlur(grown, (0, 0), max(0.6 * scale, 0.6))
    hard = (grown > 0.5).astype(np.float32)
    radius = max(2, round(2.2 * scale))
    fitted = cv2.ximgproc.guidedFilter(rgb.astype(np.float32) / 255, hard, radius, 2e-4)
    sharp = np.clip((fitted - 0.5) * 1.9 + 0.5, 0, 1)
    core = cv2.erode(hard, _disc(4 * radius + 1))
    outside = 1 - cv2.dilate(hard, _disc(4 * radius + 1))
    return np.where(core > 0, 1, np.where(outside > 0, 0, sharp)).astype(np.float32)


def _disc(diameter: float) -> np.ndarray:
    size = max(1, int(diameter)) | 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
