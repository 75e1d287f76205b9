"""A contact sheet of every person in every garment and cut: `make gallery PEOPLE=dir GARMENTS=dir OUT=file.png`.

Owns the sheet; looks at nothing, decides nothing: it is there to be looked at. Photos are read only.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from fabric.catalog import load_catalog
from garment.body import read_body
from garment.dressing import LIVE, PREMIUM, Dresser
from garment.rack import Rack
from garment.wardrobe import Wardrobe, Wish
from models.fitting import sight_of
from models.perception import Percept
from models.vision import Vision, open_vision
from models.weights import FOLDER
from utils.errors import InputError
from utils.images import CAPTURE_LIMITS, fit_long_side, read_image, write_image

CATALOG = Path(__file__).parents[1] / "data" / "catalog" / "catalog.json"
CLOTHS = (
    "plain-navy",
    "twill-charcoal",
    "herringbone-grey",
    "houndstooth-black-white",
    "pinstripe-navy",
    "glen-check-grey",
)
TILE_PX = 420
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=Path, required=True, help="folder with photos of people")
    parser.add_argument("--garments", default="", help="folder with photos of garments (may be left out)")
    parser.add_argument("--out", type=Path, required=True, help="the PNG to write")
    parser.add_argument("--live", action="store_true", help="the live variant at 640 pixels instead of the premium one")
    options = parser.parse_args()
    vision = open_vision(FOLDER)
    with tempfile.TemporaryDirectory() as folder:
        wardrobe = Wardrobe(catalog=load_catalog(CATALOG), rack=Rack(Path(folder)))
        wishes = [*_cuts(wardrobe), *_photos(wardrobe, options.garments)]
        rows = []
        for photo in tqdm(_pictures(options.people), desc="people", unit="photo"):
            frame = fit_long_side(photo, 640 if options.live else 1600)
            rows.append(_row(frame, vision, wardrobe, wishes, live=options.live))
    vision.close()
    options.out.write_bytes(write_image(np.vstack(rows), format="png"))
    print(f"{options.out}: {len(rows)} people in {len(wishes)} garments")


def _pictures(folder: Path) -> list[np.ndarray]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return [read_image(path.read_bytes(), limits=CAPTURE_LIMITS) for path in files]


def _cuts(wardrobe: Wardrobe) -> Iterator[Wish]:
    """Every cut, in a cloth each, going round."""
    cuts = [cut["id"] for cut in wardrobe.cuts_public()]
    for index, cloth in enumerate(CLOTHS):
        yield Wish(fabric_id=cloth, cut=cuts[index % len(cuts)])


def _photos(wardrobe: Wardrobe, folder: str) -> Iterator[Wish]:
    for path in sorted(Path(folder).iterdir()) if folder else ():
        if path.suffix.lower() in SUFFIXES:
            try:
                photo = read_image(path.read_bytes(), limits=CAPTURE_LIMITS)
                yield Wish(garment_id=wardrobe.rack.add(photo, name=path.stem).id)
            except InputError as error:
                print(f"{path.name}: {error.message}")


def _row(frame: np.ndarray, vision: Vision, wardrobe: Wardrobe, wishes: list[Wish], *, live: bool) -> np.ndarray:
    percept = _look(frame, vision)
    tiles = [_tile(frame, percept)]
    for wish in wishes:
        garment = wardrobe.garment(wish)
        dressed = None
        if percept is not None and garment is not None:
            dressed = Dresser().dress(frame, sight_of(percept), garment, finish=LIVE if live else PREMIUM)
        tiles.append(_tile(frame if dressed is None else dressed.composite.image, percept))
    return np.hstack(tiles)


def _look(frame: np.ndarray, vision: Vision) -> Percept | None:
    perception = vision.perception()
    try:
        for look in range(2):
            perception.look(frame, at_ms=40.0 * look)
        return perception.look(frame, at_ms=80.0, wait_parsing=True)
    finally:
        perception.close()


def _tile(image: np.ndarray, percept: Percept | None) -> np.ndarray:
    """A square of TILE_PX around the upper body."""
    height, width = image.shape[:2]
    body = read_body(percept.pose) if percept is not None else None
    if body is None:
        centre, side = (width / 2, height / 2), float(max(height, width))
    else:
        centre = tuple(body.place(np.array([[0.0, 190.0]]))[0])
        side = 1150.0 * body.px_per_mm
    scale = TILE_PX / side
    place = np.array([[scale, 0, TILE_PX / 2 - scale * centre[0]], [0, scale, TILE_PX / 2 - scale * centre[1]]])
    if scale < 1:
        # Averaged first: warpAffine alone would skip pixels.
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        place[:, :2] = np.eye(2)
    return cv2.warpAffine(image, place, (TILE_PX, TILE_PX), flags=cv2.INTER_CUBIC, borderValue=(32, 32, 32))


if __name__ == "__main__":
    main()
