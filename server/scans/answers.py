"""A kept scan as its client is told of it. Owns ScanAnswer and the addresses in it; must not know how a scan is made or
kept. docs/scanner.md explains every field."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, Field

from server.catalog.keepsakes import Scan
from server.scans.packages import files_of

Point = tuple[float, float]
Kind = Literal["periodic", "stochastic", "plain"]


class PhotoOut(BaseModel):
    """The upright photo. Corners are in pixels of this size, whatever the size of what `url` leads to."""

    url: str
    size: tuple[int, int] = Field(description="height and width of the whole photo")


class OutlineOut(BaseModel):
    """Where the cloth lies in the photo."""

    corners: list[Point] = Field(description="clockwise from the cloth's top left, in pixels of the upright photo")
    source: Literal["given", "found", "frame"]
    confidence: float


class ScaleOut(BaseModel):
    """What told how large the cloth is."""

    source: Literal["given", "marker", "card", "ruler"] | None
    confidence: float


class LightOut(BaseModel):
    """The light that was taken out."""

    ratio: float = Field(description="brightest to darkest on the cloth")
    white_source: Literal["given", "chart", "patch", "camera"]
    confidence: float = Field(description="of the colour")


class LatticeOut(BaseModel):
    """How the cloth repeats."""

    kind: Kind
    a: Point | None = Field(description="the repeat across, in pixels of the flat picture")
    b: Point | None = Field(description="the repeat down")
    a_mm: float | None = Field(description="length of a")
    b_mm: float | None
    fine_a: Point | None = Field(description="the weave's own, where there is a larger pattern")
    fine_b: Point | None
    angle_deg: float = Field(description="how far the warp is turned from the vertical, clockwise")
    confidence: float
    source: Literal["given", "found"]
    repeats: tuple[float, float] = Field(description="in view, along a and b")


class FlatOut(BaseModel):
    """The cloth seen square on: the picture that lattice and tile are measured in."""

    size: tuple[int, int] = Field(description="height and width")
    to_photo: list[list[float]] = Field(description="homography to the upright photo's pixels, 3 rows of 3")
    px_per_mm: float | None


class TileOut(BaseModel):
    """The piece that the maps show."""

    corners_flat: list[Point]
    cells: tuple[int, int] = Field(description="whole repeats across and down; 0 for a cloth without any")
    method: Literal["seams", "blend"]


class QualityOut(BaseModel):
    """How good it is: see docs/scanner.md."""

    overall: float
    seam_ratio: float
    repeat_excess: float
    drift_delta_e: float
    sharpness: float
    clipped: float


class MapOut(BaseModel):
    """A map as PNG."""

    url: str
    sha256: str
    data: str | None = Field(None, description="the file as a data: URL, where `include` asked for maps")


class ScanAnswer(BaseModel):
    """A scan of a swatch. What is not known is null."""

    id: str
    name: str
    created: str
    expires_at: str | None = Field(description="null for what has become a colour")
    size_px: int
    size_mm: tuple[float, float] | None = Field(description="width and height of the tile")
    px_per_mm: float | None = Field(description="how finely the photo shows the cloth, in the flat picture")
    kind: Kind = Field(alias="class")
    photo: PhotoOut
    outline: OutlineOut
    scale: ScaleOut
    light: LightOut
    lattice: LatticeOut
    flat: FlatOut
    tile: TileOut
    quality: QualityOut
    warnings: list[str]
    timings_ms: dict[str, float]
    maps: dict[str, MapOut]
    downloads: dict[str, str] = Field(description="without the formats that need a size, where that is not known")
    given: dict[str, Any] = Field(description="corners, swatch_mm, repeat_mm, white: as far as they were given")


def answer_of(scan: Scan, *, read: Callable[[str], bytes] | None = None) -> dict[str, Any]:
    """A ScanAnswer, ready for JSON. `read` gets at stored maps where they are wanted in it."""
    at, manifest = f"/api/fabric/scans/{scan.id}", scan.manifest
    findings = {name: value for name, value in manifest["findings"].items() if name != "photo_size"}

    def map_out(name: str, key: str) -> dict[str, Any]:
        found = {"url": f"{at}/maps/{name}.png", "sha256": key.rpartition("/")[2].partition(".")[0]}
        if read is not None:
            found["data"] = "data:image/png;base64," + base64.b64encode(read(key)).decode("ascii")
        return found

    return {
        **findings,
        "id": scan.id,
        "created": scan.created.isoformat(),
        "expires_at": scan.expires.isoformat() if scan.expires is not None else None,
        "size_mm": manifest["size_mm"],
        "photo": {"url": f"{at}/photo.jpg", "size": manifest["findings"]["photo_size"]},
        "maps": {name: map_out(name, key) for name, key in manifest["maps"].items()},
        "downloads": {name: f"{at}/{file}" for name, file in files_of(size_mm=manifest["size_mm"]).items()},
    }
