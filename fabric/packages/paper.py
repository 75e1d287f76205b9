"""A page to lay pictures and words on. Owns type, colours of ink and drawing; must not know what the page is about."""

from __future__ import annotations

import cv2
import numpy as np

Ink = tuple[int, int, int]
"""sRGB."""
PAPER, INK, QUIET, LINE, ACCENT, WARN = (
    (250, 249, 247),
    (28, 28, 30),
    (118, 113, 106),
    (222, 218, 211),
    (196, 84, 38),
    (168, 92, 18),
)
REGULAR, STRONG = 360, 440
"""Weights of the type."""
_ANYWHERE = 1 << 20, 1 << 20  # a size of picture in which no line is ever broken


class Page:
    """RGB pixels to write on. Places are (x, y) from the top left, in pixels. Not shared between threads."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels = np.full((height, width, 3), PAPER, np.uint8)
        self._face = cv2.FontFace("sans")  # comes with OpenCV; other scripts are taken from its universal font

    def text(
        self,
        at: tuple[int, int],
        words: str,
        *,
        size: int,
        colour: Ink = INK,
        weight: int = REGULAR,
        right: bool = False,
        most_px: int | None = None,
    ) -> None:
        """One line that begins at `at`, on its base line, or ends there; cut off with an ellipsis at `most_px`."""
        if most_px is not None and self._length(words, size, weight) > most_px:
            while words and self._length(words + "\u2026", size, weight) > most_px:
                words = words[:-1]
            words = words.rstrip() + "\u2026"
        start = (at[0] - self._length(words, size, weight), at[1]) if right else at
        cv2.putText(self.pixels, words, start, colour, self._face, size, weight)

    def paragraph(self, at: tuple[int, int], words: str, *, size: int, wide_px: int, colour: Ink = INK) -> int:
        """Several lines, the first base line at `at`; returns y of the base line after the last."""
        x, y = at
        for line in self.broken(words, size=size, wide_px=wide_px):
            self.text((x, y), line, size=size, colour=colour, most_px=wide_px)
            y += round(1.42 * size)
        return y

    def broken(self, words: str, *, size: int, wide_px: int) -> list[str]:
        """`words` in lines of at most `wide_px`, but for single words that are longer."""
        lines = [""]
        for word in words.split():
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and self._length(longer, size, REGULAR) > wide_px:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines

    def picture(self, at: tuple[int, int], pixels: np.ndarray) -> None:
        """uint8 (H, W, 3), with a hairline around it so that pale cloth has an edge."""
        (x, y), (h, w) = at, pixels.shape[:2]
        self.pixels[y : y + h, x : x + w] = pixels
        cv2.rectangle(self.pixels, (x, y, w, h), LINE, 1)

    def rule(self, at: tuple[int, int], wide_px: int, *, colour: Ink = LINE, thick_px: int = 2) -> None:
        """A horizontal line."""
        self.pixels[at[1] : at[1] + thick_px, at[0] : at[0] + wide_px] = colour

    def bar(self, at: tuple[int, int], share: float, *, wide_px: int, high_px: int) -> None:
        """How much of it is filled says how large `share` of 1 is."""
        left, y = at[0] + high_px // 2, at[1] + high_px // 2
        wide_px -= high_px
        filled = round(wide_px * min(max(share, 0.0), 1.0))
        for length, colour in ((wide_px, LINE), (filled, INK if share >= 0.5 else WARN)):
            cv2.line(self.pixels, (left, y), (left + length, y), colour, high_px, cv2.LINE_AA)

    def _length(self, words: str, size: int, weight: int) -> int:
        """In pixels."""
        x, _, width, _ = cv2.getTextSize(_ANYWHERE, words, (0, 0), self._face, size, weight)
        return x + width


def path(pixels: np.ndarray, points: np.ndarray, colour: Ink, *, thick_px: int, closed: bool) -> None:
    """Draw a line through float (N, 2) points onto uint8 (H, W, 3), in place, smooth and with a dark edge so that it
    is seen on any cloth."""
    fixed = [np.round(np.asarray(points) * 16.0).astype(np.int32)[:, None]]
    dark = tuple(channel // 4 for channel in colour)
    cv2.polylines(pixels, fixed, closed, dark, thick_px + 2, cv2.LINE_AA, 4)
    cv2.polylines(pixels, fixed, closed, colour, thick_px, cv2.LINE_AA, 4)
