"""What the scanner is told, and what each of its steps finds.

Owns the dataclasses that the steps hand on; must not know how anything is found. Points are float (x, y) in pixels,
pixel centres at whole numbers. A confidence lies in [0, 1]: 1 for what a person gave, 0 for a guess. What is not known
is None.

    photo --outline--> Outline --scale--> Scale --rectify--> Flat --light--> Even --repeat--> Lattice
          --relief--> Sheet --tile--> Tile --surface--> maps --judge--> Verdict
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

Kind = Literal["periodic", "stochastic", "plain"]
"""A pattern or weave that repeats; a texture that never does (flannel, tweed, boucle); next to nothing to be seen."""


@dataclass(frozen=True)
class Given:
    """What a person says about the photo. It wins over whatever would be found."""

    corners: np.ndarray | None = None
    """float32 (4, 2): the swatch's corners in the photo, clockwise from the top left as the cloth should stand."""
    swatch_mm: tuple[float, float] | None = None
    """(width, height) between these corners."""
    repeat_mm: tuple[float, float] | None = None
    """(width, height) of one repeat of the pattern."""
    white: tuple[float, float, float, float] | None = None
    """(x0, y0, x1, y1) in the photo: a piece of something white or of a neutral grey."""


@dataclass(frozen=True)
class Outline:
    """Where in the photo the cloth lies."""

    corners: np.ndarray
    """float32 (4, 2), clockwise from the top left."""
    source: Literal["given", "found", "frame"]
    """`frame`: no edge of the swatch is in view, the whole photo is cloth."""
    confidence: float
    to_plane: np.ndarray | None = None
    """float64 (3, 3): homography from the photo to the cloth's plane, at any size, where no edge is in view to tell it
    and the cloth itself did."""


@dataclass(frozen=True)
class Scale:
    """How large things are in the photo, measured on something of known size in the swatch's plane."""

    to_mm: np.ndarray | None
    """float64 (3, 3): homography from the photo's pixels to millimetres on the table, any origin; None if unknown."""
    source: Literal["given", "marker", "card", "ruler"] | None
    confidence: float
    white: np.ndarray | None = None
    """float32 (3,): linear RGB of something known to be white that was seen on the way; None if nothing was."""


@dataclass(frozen=True)
class Flat:
    """The cloth seen square on."""

    linear: np.ndarray
    """float32 (H, W, 3), linear light, RGB."""
    from_photo: np.ndarray
    """float64 (3, 3): homography from the photo's pixels to this picture's."""
    px_per_mm: float | None
    clipped: np.ndarray
    """bool (H, W): where the photo was burnt out."""
    sharpness_px: float
    """Deviation of the blur that one pixel of the photo and the lens make together, estimated, in these pixels."""


@dataclass(frozen=True)
class Even:
    """The cloth under even, white light."""

    linear: np.ndarray
    """float32 (H, W, 3): reflectance in linear light, as far as it is known."""
    light: np.ndarray
    """float32 (h, w): the light's fall-off that was divided out, small, mean 1."""
    light_ratio: float
    """Brightest to darkest of it."""
    white_source: Literal["given", "chart", "patch", "camera"]
    confidence: float
    """Of the colour: low without anything of known colour in the photo."""


@dataclass(frozen=True)
class Lattice:
    """How the cloth repeats, in pixels of the flat picture."""

    kind: Kind
    a: np.ndarray | None
    """float64 (2,): the repeat that runs rather across; None unless periodic, and for stripes and checks of which no
    whole repeat is in view."""
    b: np.ndarray | None
    """float64 (2,): the repeat that runs rather down."""
    fine_a: np.ndarray | None
    """The weave's own lattice where it is told apart from a larger pattern."""
    fine_b: np.ndarray | None
    angle_deg: float
    """How far the grain (the warp) is turned from the vertical, clockwise in the picture."""
    confidence: float
    source: Literal["given", "found"]
    repeats: tuple[float, float]
    """How many repeats are in view, along a and b; 0 where there are none."""


@dataclass(frozen=True)
class Sheet:
    """Everything known of the flat cloth at each point, before it is cut to a tile. All float32, one (H, W)."""

    albedo: np.ndarray
    """(H, W, 3), linear reflectance."""
    height: np.ndarray
    """(H, W): relief in millimetres; where the scale is unknown, as if the threads were those of a worsted."""
    roughness: np.ndarray
    """(H, W) in [0, 1]."""

    def within(self, rows: slice, columns: slice) -> Sheet:
        """A part of it."""
        return Sheet(self.albedo[rows, columns], self.height[rows, columns], self.roughness[rows, columns])


class Readable(Protocol):
    """A sheet, or something that becomes one where it is asked for: relief takes time, a tile seldom takes it all."""

    @property
    def albedo(self) -> np.ndarray:
        """float32 (H, W, 3), linear reflectance of all of it."""

    def within(self, rows: slice, columns: slice) -> Sheet:
        """That part of it."""


@dataclass(frozen=True)
class Tile:
    """A piece of the sheet that wraps around at its edges."""

    sheet: Sheet
    box: np.ndarray
    """float64 (4, 2): the tile's corners in the flat picture, clockwise from the top left, in the cloth's grain."""
    size_px: tuple[float, float]
    """(width, height) that it spans in the flat picture."""
    cells: tuple[int, int]
    """Whole repeats across and down; (0, 0) for a texture without any."""
    method: Literal["seams", "blend"]


@dataclass(frozen=True)
class Verdict:
    """How good the result is."""

    seam_ratio: float
    """Steps across the wrap over what is due there: the interior's, or those of a pattern's edge."""
    band_excess: float
    """How many times more, or fewer, there are in the worst band of the tile than in most: a joint within it shows."""
    repeat_excess: float
    """How much stands out at the tile's period that does not in the cloth itself."""
    drift_delta_e: float
    """deltaE00 between the tile's mean and the cloth's in the photo, light taken out."""
    sharpness: float
    """0 for blurred, 1 for crisp to the pixel."""
    clipped: float
    """Share of the cloth that was burnt out."""
    relief: float
    """Deviation of the slope: 0 for cloth that lies as flat as paper."""
    specks: float
    """Range of the heights over the range of nearly all of them."""
    quality: float
    """All of it in one figure in [0, 1]."""
    warnings: tuple[str, ...]
    """Sentences for a merchandiser, each with what to do."""
