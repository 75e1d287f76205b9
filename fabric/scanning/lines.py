"""Lattices that a set of waves agrees on.

Owns the search for the cell whose harmonics are the lines of a spectrum, and its refinement; must not know pictures. A
basis is float64 (2, 2): one lattice vector in pixels per row. Its harmonics are the waves that fit whole numbers of
periods into both vectors.
"""

from __future__ import annotations

import cv2
import numpy as np

from fabric.scanning.spectrum import Lines

SHORTEST_PX = 2.0  # nothing finer can be seen
_MOST_VECTORS = 26  # of each spectrum
_MOST_LINES = 160
_STRONGEST = 14
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31)
_SPARED = 0.12  # share of what a cell explains that may be lost with a smaller one: chance gave it to the larger
_MOST_CHANCE = 0.9


def join_lines(first: Lines, second: Lines) -> Lines:
    """Lines of two spectra of the same picture."""
    return Lines(*(np.concatenate(parts) for parts in zip(first.columns(), second.columns(), strict=True)))


def likely_vectors(lines: Lines, *, reach_px: tuple[float, float], step_px: float) -> np.ndarray:
    """float64 (N, 2): shifts (x, y) down the picture that bring many of the lines back in phase.

    They are the tops of the lines' own autocorrelation, up to not quite half of `reach_px` and `step_px` apart.
    """
    w, h = (2 * round(length / step_px / 2) for length in reach_px)
    like = _likeness(lines, (h, w), step_px)
    tops = (cv2.dilate(like, np.ones((3, 3), np.uint8)) <= like) & (like > 0.25)
    y, x = np.nonzero(tops)
    x, y = x - w // 2, y - h // 2
    held = (y >= 0) & (y < 0.46 * h) & (np.abs(x) < 0.46 * w) & (np.hypot(x, y) > SHORTEST_PX)
    x, y = x[held], y[held]
    score = like[y + h // 2, x + w // 2]
    best = np.argsort(-score)[:_MOST_VECTORS]
    good = np.flatnonzero(score > 0.6 * score.max(initial=0.0))
    short = good[np.argsort(np.hypot(x[good], y[good]))][: _MOST_VECTORS // 2]
    return np.column_stack([x, y])[np.union1d(best, short)] * step_px


def _likeness(lines: Lines, hw: tuple[int, int], step_px: float) -> np.ndarray:
    """float32 (H, W): weighted mean of the lines' cosines at every shift, the shift of nought in the middle."""
    h, w = hw
    held = np.abs(lines.at * step_px).max(axis=1) < 0.49
    at, weight = lines.at[held] * step_px * (w, h), lines.weight[held]
    at, weight = np.concatenate([at, -at]), np.concatenate([weight, weight])
    whole = np.floor(at).astype(int)
    part = at - whole
    grid = np.zeros(h * w)
    for dx in (0, 1):
        for dy in (0, 1):
            share = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1])
            place = (whole[:, 1] + dy) % h * w + (whole[:, 0] + dx) % w
            grid += np.bincount(place, weight * share, h * w)
    waves = np.dstack([grid.reshape(h, w), np.zeros((h, w))]).astype(np.float32)
    like = np.fft.fftshift(cv2.dft(waves, flags=cv2.DFT_INVERSE | cv2.DFT_REAL_OUTPUT))
    fade = [np.sinc(np.arange(-(n // 2), n - n // 2) / n).astype(np.float32) ** 2 for n in (h, w)]  # of the shares
    return like / np.float32(max(weight.sum(), 1e-9)) / fade[0][:, None] / fade[1]


def propose(lines: Lines, vectors: np.ndarray, *, most: int = 10) -> np.ndarray:
    """float64 (P, 2, 2): the cells that explain the lines best, each refined, and the smallest fraction of each that
    explains nearly as much.

    They are spanned by two of the `vectors`, by one and its normal, or by the strongest lines as their first harmonics.
    """
    bases = np.concatenate([span(vectors), _of_strongest(lines)])
    if not len(bases) or not lines.weight.sum() > 0.0:
        return np.empty((0, 2, 2))
    lines = lines.of(np.argsort(-lines.weight)[:_MOST_LINES])
    share, score = judge(lines, bases)
    order = _different(bases, np.concatenate([np.argsort(-score)[:24], np.argsort(-share)[:12]]), most)
    whole = [refine(lines, bases[index]) for index in order]
    return np.array([reduce(basis) for basis in (*whole, *(divide(lines, basis) for basis in whole))])


def span(vectors: np.ndarray, *, least: float = SHORTEST_PX) -> np.ndarray:
    """float64 (P, 2, 2): each two of the vectors, and each with one across it of length `least`, if that is not 0."""
    if not len(vectors):
        return np.empty((0, 2, 2))
    one, other = np.triu_indices(len(vectors), 1)
    bases = np.stack([vectors[one], vectors[other]], 1)
    if least:
        across = np.column_stack([-vectors[:, 1], vectors[:, 0]])
        across *= least / np.linalg.norm(across, axis=1, keepdims=True)
        bases = np.concatenate([bases, np.stack([vectors, across], 1)])
    lengths = np.linalg.norm(bases, axis=2)
    return bases[np.abs(np.linalg.det(bases)) > 0.02 * lengths.prod(axis=1)]


def _of_strongest(lines: Lines) -> np.ndarray:
    """float64 (P, 2, 2): cells whose first harmonics are two of the strongest lines."""
    strong = lines.at[np.argsort(-lines.weight)[:_STRONGEST]]
    waves = span(strong, least=0.0)
    bases = np.linalg.inv(waves).transpose(0, 2, 1)
    return bases[np.linalg.norm(bases, axis=2).min(axis=1) >= SHORTEST_PX]


def _different(bases: np.ndarray, order: np.ndarray, most: int) -> list[int]:
    """The first few of `order` that do not span the same cell's area again."""
    area, kept = np.abs(np.linalg.det(bases)), []
    for index in order:
        if all(abs(area[index] / area[other] - 1.0) > 0.01 for other in kept):
            kept.append(int(index))
        if len(kept) == most:
            break
    return kept


def judge(lines: Lines, bases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(share, score) of each of the bases (P, 2, 2).

    `share` is how much of the lines' weight the cell explains beyond chance. `score` counts each line by how unlikely
    it is to be explained by so small a cell: a larger one has more harmonics, and some lie near any line.
    """
    phase = lines.at @ bases.transpose(0, 2, 1)  # (P, N, 2), in periods
    off = (phase - np.rint(phase)) @ np.linalg.inv(bases).transpose(0, 2, 1)
    hit = ((off / lines.blunt) ** 2).sum(axis=2) < 1.0
    area = np.abs(np.linalg.det(bases))  # so many harmonics per unit of frequency
    chance = np.minimum(np.pi * lines.blunt.prod(axis=1) * area[:, None], _MOST_CHANCE)
    beyond = lines.weight * (hit - chance)
    share = beyond.sum(axis=1) / (lines.weight * (1.0 - chance)).sum(axis=1)
    return share, -(beyond * np.log(chance)).sum(axis=1) / lines.weight.sum()


def explained(lines: Lines, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which harmonic, int (N, 2), each of the lines is nearest to, and whether it is one, bool (N,)."""
    phase = lines.at @ basis.T
    whole = np.rint(phase)
    off = (phase - whole) @ np.linalg.inv(basis).T / lines.blunt
    return whole.astype(int), (off**2).sum(axis=1) < 1.0


def refine(lines: Lines, basis: np.ndarray) -> np.ndarray:
    """`basis` as the lines that it explains would have it: least squares over all their harmonics."""
    for _ in range(3):
        whole, hit = explained(lines, basis)
        if np.linalg.matrix_rank(whole[hit]) < 2:
            return _refine_across(lines, basis, whole, hit)
        trust = 1.0 / lines.blunt[hit].mean(axis=1, keepdims=True)
        waves = np.linalg.lstsq(whole[hit] * trust, lines.at[hit] * trust, rcond=None)[0]
        basis = np.linalg.inv(waves).T
    return basis


def _refine_across(lines: Lines, basis: np.ndarray, whole: np.ndarray, hit: np.ndarray) -> np.ndarray:
    """For stripes: all harmonics are those of the first vector, which is made to stand across them."""
    order = whole[hit, 0]
    if whole[hit, 1].any() or not order.any():
        return basis
    trust = 1.0 / lines.blunt[hit].mean(axis=1)
    wave = ((order * trust**2) @ lines.at[hit]) / ((order * trust) ** 2).sum()
    across = wave / (wave @ wave)
    along = np.array([-across[1], across[0]]) * (np.linalg.norm(basis[1]) / np.linalg.norm(across))
    return np.array([across, along])


def divide(lines: Lines, basis: np.ndarray) -> np.ndarray:
    """The smallest cell within `basis` that explains all but the same lines."""
    while True:
        whole, hit = explained(lines, basis)
        smaller = _smaller(whole[hit], lines.weight[hit], basis)
        if smaller is None:
            return basis
        basis = refine(lines, smaller)


def _smaller(whole: np.ndarray, weight: np.ndarray, basis: np.ndarray) -> np.ndarray | None:
    """The cell, a prime times smaller, that all but a little of the harmonics `whole` (N, 2) belong to."""
    best, smaller = 1.0 - _SPARED, None
    for prime in _PRIMES:
        turns = np.arange(prime)
        members = np.column_stack([(whole[:, :1] + turns * whole[:, 1:]) % prime == 0, whole[:, 1] % prime == 0])
        kept = weight @ members / max(weight.sum(), 1e-9)
        turn = int(np.argmax(kept))
        if kept[turn] <= best:
            continue
        cell = _fraction(basis, prime, turn)
        if np.linalg.norm(reduce(cell), axis=1).min() >= SHORTEST_PX * 0.99:
            best, smaller = kept[turn], cell
    return smaller


def fractions(basis: np.ndarray) -> np.ndarray:
    """float64 (P, 2, 2): all cells that are a prime times smaller and hold the lattice of `basis`."""
    return np.array([reduce(_fraction(basis, prime, turn)) for prime in _PRIMES for turn in range(prime + 1)])


def _fraction(basis: np.ndarray, prime: int, turn: int) -> np.ndarray:
    a, b = basis
    return np.array([a, b / prime] if turn == prime else [(a + turn * b) / prime, b])


def reduce(basis: np.ndarray) -> np.ndarray:
    """The two shortest vectors of the same lattice, shorter first (Lagrange)."""
    a, b = basis
    while True:
        if a @ a > b @ b:
            a, b = b, a
        times = np.rint(a @ b / (a @ a))
        if not times or not np.isfinite(times):
            return np.array([a, b])
        b = b - times * a
