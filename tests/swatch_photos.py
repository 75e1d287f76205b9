"""Rendered photos of swatches, each made once per run of the tests, and what a person may say of one."""

from __future__ import annotations

import json
from functools import cache

import cv2
import numpy as np
from PIL import Image

from bench.swatch_bad import BAD
from bench.swatch_cloth import lot_of
from bench.swatches import Rendered, render
from fabric.draft import Draft, Yarn
from tests.bad_pictures import saved
from utils.images import write_image

REPEAT_MM = 12.0
_YARNS = (("k", Yarn((("#1d2a4a", 1.0),), 0.0)), ("w", Yarn((("#dcd2c0", 1.0),), 0.0)))
_HW = 900, 1200
_BAD_HW = 600, 800


@cache
def gingham() -> Rendered:
    """A check of REPEAT_MM squared with a bank card beside it, 1 MP."""
    draft = Draft("plain", _YARNS, "12k 12w", "12k 12w", ends_per_cm=20.0, picks_per_cm=20.0, seed=3)
    return render(1, lot=lot_of("gingham", draft), reference="card", close_up=False, hw=_HW)


@cache
def swatch(seed: int, **changes: object) -> Rendered:
    """The swatch of a seed, 0.75 MP."""
    return render(seed, hw=(750, 1000), **changes)


@cache
def gingham_jpeg() -> bytes:
    """Its photo, as sent."""
    return as_jpeg(gingham().photo)


@cache
def bad_photo(reason: str) -> bytes:
    """A photo that is of no use: see bench/swatch_bad.py."""
    return as_jpeg(BAD[reason](3, _BAD_HW))


def said(**changes: object) -> dict[str, str]:
    """What a person may say of the gingham, as a form has it."""
    rendered = gingham()
    fields = {"size": 512, "corners": rendered.corners.tolist(), "swatch_mm": list(rendered.size_mm), **changes}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}


def on_its_side(photo: np.ndarray) -> bytes:
    """A JPEG that lies on its side; its EXIF says so, and who took it."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    exif[0x010F] = "maker of phones"
    lying = Image.fromarray(cv2.rotate(photo, cv2.ROTATE_90_COUNTERCLOCKWISE))
    return saved(lying, "JPEG", exif=exif, quality=92, subsampling=0)


def with_a_depth_map(photo: np.ndarray) -> bytes:
    """Two pictures in one JPEG (MPO), as many phones write them."""
    first, second = Image.fromarray(photo), Image.fromarray(photo[::8, ::8])
    return saved(first, "MPO", save_all=True, append_images=[second], quality=92)


def as_jpeg(photo: np.ndarray) -> bytes:
    """uint8 RGB (H, W, 3)."""
    return write_image(np.ascontiguousarray(photo), format="jpeg", quality=92)
