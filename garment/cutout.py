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

from garment.photos.ground import FAR, Ground, disc, fit_ground, label
from utils.errors import InputError

_WORK_PX = 560  # long side for everything but the last step: GrabCut is quadratic in it
_PLAIN_SHARE = 0.72  # of the border that one smooth colour has to explain
_SAME = 0.8  # of the colours on both sides of an outline: it divides nothing
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
    ground = fit_ground(lab)
    kind: Literal["plain", "cluttered"] = "plain" if ground.share >= _PLAIN_SHARE else "cluttered"
    labels = label(lab, ground) if kind == "plain" else _label_by_place(small.shape[:2])
    mask = _largest(_grab_cut(small, labels))
    mask = _without_hanger(_fill(mask, labels))
    _refuse_nonsense(mask)
    if kind == "cluttered" and _overlap(lab, mask) > _SAME:
        raise _no_garment("nothing stands out from the ground")
    confidence = _confidence(mask, lab, ground, kind)
    return CutOut(_refine(rgb, mask), confidence, kind, _warnings(mask, confidence, kind))


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


def _label_by_place(hw: tuple[int, int]) -> np.ndarray:
    """Without a plain ground: the rim is ground, the middle is likely garment, its heart certainly."""
    h, w = hw
    ys, xs = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    labels = np.full(hw, cv2.GC_PR_BGD, np.uint8)
    labels[(np.abs(xs) < 0.78) & (np.abs(ys) < 0.86)] = cv2.GC_PR_FGD
    labels[(np.abs(xs) > 0.95) | (np.abs(ys) > 0.97)] = cv2.GC_BGD
    labels[(xs / 0.28) ** 2 + (ys / 0.4) ** 2 < 1] = cv2.GC_FGD
    return labels


def _grab_cut(rgb: np.ndarray, labels: np.ndarray) -> np.ndarray:
    labels = labels.copy()  # GrabCut writes into them
    if not ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).any():
        raise _no_garment("nothing stands out from the ground")
    if not ((labels == cv2.GC_BGD) | (labels == cv2.GC_PR_BGD)).any():
        raise _no_garment("it fills the whole picture")
    cv2.setRNGSeed(1)  # GrabCut starts from k-means: the same photo has to give the same outline
    cv2.grabCut(rgb, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    mask = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc(5))


def _largest(mask: np.ndarray) -> np.ndarray:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        raise _no_garment("nothing stands out from the ground")
    return (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)


def _fill(mask: np.ndarray, known: np.ndarray) -> np.ndarray:
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
        certain = float((known[labels == i] == cv2.GC_BGD).mean()) > 0.4
        if aside and size > (0.001 if certain else 0.006) * area:
            continue
        filled[labels == i] = 1
    return filled


def _without_hanger(mask: np.ndarray) -> np.ndarray:
    """Cut away what is thin and sticks out of the upper middle: hook, neck and bar of a hanger."""
    x, y, w, h = cv2.boundingRect(mask)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc(0.09 * w))
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


def _overlap(lab: np.ndarray, mask: np.ndarray) -> float:
    """In [0, 1]: how much of the colours inside is outside too."""
    ranges = [0, 100, -64, 64, -64, 64]
    inside, outside = (
        cv2.calcHist([lab], [0, 1, 2], side, [10, 10, 10], ranges) / max(int(side.sum()), 1)
        for side in (mask, 1 - mask)
    )
    return float(np.minimum(inside, outside).sum())


def _no_garment(why: str) -> InputError:
    return InputError(
        "no_garment",
        f"no garment was found in the photo: {why}",
        hint="lay the whole garment on one plain ground in another colour, with some ground showing all around it",
    )


def _confidence(mask: np.ndarray, lab: np.ndarray, ground: Ground, kind: str) -> float:
    """Contrast across the outline, ground that fits the model, and an outline that does not fray."""
    inner = cv2.erode(mask, disc(7)) > 0
    rim_in = (mask > 0) & ~inner
    rim_out = (cv2.dilate(mask, disc(7)) > 0) & (mask == 0)
    if kind == "plain":
        contrast = float(np.clip(np.percentile(ground.far_by[rim_in], 35) / 12, 0, 1))
        stray = float(((ground.far_by > FAR) & (mask == 0)).sum() / mask.sum())
        score = 0.97 * contrast**0.5 * float(np.exp(-stray))
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
    core = cv2.erode(hard, disc(4 * radius + 1))
    outside = 1 - cv2.dilate(hard, disc(4 * radius + 1))
    return np.where(core > 0, 1, np.where(outside > 0, 0, sharp)).astype(np.float32)
