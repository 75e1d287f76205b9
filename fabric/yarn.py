"""Yarn before it is woven: what each thread of a cloth looks like along its length.

Owns fibre blends, plying, slubs and the shade that differs from bobbin to bobbin; must not know weaves or pixels.
All tables have one row per thread (ends first, then picks) and wrap around along the thread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from fabric.draft import Draft, Yarn
from utils.colour import LUMINANCE, hex_to_srgb8, srgb_to_linear

_STEP_MM = 0.09  # of the tables: a few fibres lie side by side in it
_LAY_DIAMETERS = 5.0  # turns of a two-fold worsted, in yarn diameters


@dataclass(frozen=True)
class Threads:
    """Every thread of one tile."""

    colour: np.ndarray
    """float32 (threads, steps, 3), linear light."""
    bulge: np.ndarray
    """float32 (threads, steps), about -1 to 1: how far the plies stand out."""
    girth: np.ndarray
    """float32 (threads, steps), about 1: thickness."""
    contrast: float
    """Of the fibres: deviation of their lightness within a yarn, over its mean."""


def spin(draft: Draft, rng: np.random.Generator, *, threads: tuple[int, int], size_mm: tuple[float, float]) -> Threads:
    """Spin `threads` (ends, picks) for a tile of `size_mm`; ends are as long as it is high, picks as it is wide."""
    length_mm = np.repeat([size_mm[1], size_mm[0]], threads)
    steps = math.ceil(max(size_mm) / _STEP_MM)
    count = len(length_mm)
    fine = _along(rng, count, steps, knots=steps)
    slow = _balance(_along(rng, count, steps, knots=max(4, round(max(size_mm) / 5.0))), threads)
    quick = _balance(_along(rng, count, steps, knots=max(8, round(max(size_mm) / 0.7))), threads)
    bobbin = _balance(rng.standard_normal((count, 1), dtype=np.float32), threads)
    shade = 1.0 + (0.012 + 0.03 * draft.slub) * (0.5 * bobbin + 0.6 * slow + 0.6 * quick)
    rank = _normal_cdf(0.88 * fine + 0.40 * quick + 0.20 * slow + 0.14 * bobbin)
    colour = _blend(draft, rank, threads) * shade[..., None]
    girth = 1.0 + 0.16 * draft.slub * (0.6 * bobbin + 0.6 * slow + 0.6 * quick)
    bulge = _plies(draft, rng, length_mm, steps) + 0.35 * fine
    return Threads(
        colour=colour.astype(np.float32),
        bulge=bulge.astype(np.float32),
        girth=np.clip(girth, 0.6, 1.5).astype(np.float32),
        contrast=max(_contrast(yarn) for _, yarn in draft.yarns),
    )


def mean_light(yarn: Yarn) -> np.ndarray:
    """float64 (3,): the blend's mean colour in linear light."""
    light, shares = _palette(yarn)
    return shares @ light


def _palette(yarn: Yarn) -> tuple[np.ndarray, np.ndarray]:
    """Linear light (fibres, 3) from dark to light, and shares that sum to one."""
    light = np.array([srgb_to_linear(hex_to_srgb8(colour)) for colour, _ in yarn.fibres], np.float64)
    shares = np.array([share for _, share in yarn.fibres], np.float64)
    order = np.argsort(light @ LUMINANCE)
    return light[order], shares[order] / shares.sum()


def _blend(draft: Draft, rank: np.ndarray, threads: tuple[int, int]) -> np.ndarray:
    """Linear colour (threads, steps, 3): the fibre that comes to the surface where the yarn's rank is in [0, 1]."""
    named = dict(draft.yarns)
    letters = sorted(named)
    ramps = np.stack([_ramp(named[letter]) for letter in letters]).astype(np.float32)
    orders = zip(draft.letters(), threads, strict=True)
    rows = np.concatenate([np.resize([letters.index(letter) for letter in order], n) for order, n in orders])
    return ramps[rows[:, None], (rank * np.float32(255.0) + np.float32(0.5)).astype(np.uint8)]


def _ramp(yarn: Yarn) -> np.ndarray:
    """Linear colour (256, 3) by rank. Its mean is the blend's, whatever the melange."""
    light, shares = _palette(yarn)
    edges = np.cumsum(shares)[:-1]
    fibre = light[np.searchsorted(edges, (np.arange(256) + 0.5) / 256.0)]
    soft = cv2.blur(np.ascontiguousarray(fibre), (1, 31), borderType=cv2.BORDER_REFLECT)
    ramp = mean_light(yarn) + yarn.melange * (soft - soft.mean(axis=0))
    return np.clip(ramp, 0.0, 1.0)


def _plies(draft: Draft, rng: np.random.Generator, length_mm: np.ndarray, steps: int) -> np.ndarray:
    """Two plies wound around each other, as a wave along each thread (whole turns, any phase)."""
    diameter_mm = 10.0 * draft.cover / max(draft.ends_per_cm, draft.picks_per_cm)
    turns = np.maximum(1.0, np.round(2.0 * length_mm / (_LAY_DIAMETERS * diameter_mm)))[:, None]
    phase = rng.uniform(0.0, 1.0, (len(length_mm), 1))
    wave = np.abs(np.sin(np.pi * (turns * (np.arange(steps) + 0.5) / steps + phase)))
    return (wave - 2.0 / np.pi) * 2.0


def _contrast(yarn: Yarn) -> float:
    luminance = _ramp(yarn) @ LUMINANCE
    return float(luminance.std() / max(luminance.mean(), 1e-4))


def _along(rng: np.random.Generator, threads: int, steps: int, *, knots: int) -> np.ndarray:
    """float32 (threads, steps): noise of unit deviation, smooth along the thread and independent across."""
    noise = rng.standard_normal((threads, knots), dtype=np.float32)
    if knots < steps:
        column = ((np.arange(steps, dtype=np.float32) + 0.5) * (knots / steps) - 0.5)[None].repeat(threads, axis=0)
        row = np.arange(threads, dtype=np.float32)[:, None].repeat(steps, axis=1)
        noise = cv2.remap(noise, column, row, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
    return noise / max(float(noise.std()), 1e-6)


def _balance(noise: np.ndarray, threads: tuple[int, int]) -> np.ndarray:
    """Make up for each thread among its neighbours: what many share would show where the tile repeats."""
    sets = np.split(noise, [threads[0]])
    level = [part - sum(np.roll(part, shift, axis=0) for shift in range(-4, 5)) / np.float32(9.0) for part in sets]
    return np.concatenate(level)


def _normal_cdf(z: np.ndarray) -> np.ndarray:
    """Standard normal distribution within 0.01 by the logistic curve."""
    return 1.0 / (1.0 + np.exp(np.float32(-1.702) * z))
