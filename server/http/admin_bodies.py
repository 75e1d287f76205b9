"""What the shop's own people send and are told. Owns the fields; what is allowed in them is for fabric/entries.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fabric.book import unknown_fabric
from fabric.entries import ColourEntry, FamilyEntry
from server.catalog.keepsakes import Scan, Upload
from server.catalog.shop import Shop
from server.http.bodies import JsonText, PictureField, RequestBody
from server.http.catalog import public
from utils.errors import InputError

Slug = Annotated[str, Field(pattern="^[a-z0-9-]{0,64}$")]
Text = Annotated[str, Field(max_length=4000)]
Use = Literal["suiting", "shirting", "tie"]
Status = Literal["active", "retired"]
SizeMm = Annotated[tuple[float, float], JsonText]


class NewFamily(RequestBody):
    """A family without colours yet. `draft` is what its woven colours have in common."""

    id: Slug = ""
    name: Text
    use: Use
    description: Text = ""
    composition: Text
    weight_g_m2: int
    draft: dict[str, Any] = Field(default_factory=dict)


class FamilyEdit(RequestBody):
    """What is to be different. `version` is that of the family that was looked at, unless If-Match says it."""

    version: int | None = None
    name: Text | None = None
    use: Use | None = None
    description: Text | None = None
    composition: Text | None = None
    weight_g_m2: int | None = None
    status: Status | None = None


class ColourAbout(RequestBody):
    """What is said of any new colour. An id that is left out is made of the name, a colour is as measured."""

    id: Slug = ""
    family: Slug
    name: Text
    code: Text = ""
    mill: Text = ""
    colour: Text | None = None
    tags: tuple[Text, ...] = ()
    composition: Text | None = None
    weight_g_m2: int | None = None
    status: Annotated[Status, Field(description="retired: in the book, and not offered yet")] = "active"

    def entry(self, **more: Any) -> ColourEntry:
        """As the book has it."""
        fields = self.model_dump(exclude={"family", "colour", "draft", "swatch", "size_mm"})
        return ColourEntry(**{**fields, "colour": self.colour or "", **more})


class NewColour(ColourAbout):
    """A colour that is woven from a draft. `swatch` is the id of an uploaded picture of the real cloth."""

    colour: Text
    draft: dict[str, Any]
    swatch: Slug | None = None


class ScanSave(ColourAbout):
    """A scan as a colour. `size_mm` is the tile's width and height, where they are known better than by the scan."""

    size_mm: SizeMm | None = None


class ColourEdit(RequestBody):
    """What is to be different; null takes the family's composition or weight. The figures of a woven cloth are its
    draft's: `size_mm`, `roughness`, `metalness` and `sheen` are for scanned ones."""

    version: int | None = None
    name: Text | None = None
    code: Text | None = None
    mill: Text | None = None
    colour: Text | None = None
    status: Status | None = None
    tags: tuple[Text, ...] | None = None
    composition: Text | None = None
    weight_g_m2: int | None = None
    draft: dict[str, Any] | None = None
    size_mm: SizeMm | None = None
    roughness: float | None = None
    metalness: float | None = None
    sheen: float | None = None
    swatch: Slug | None = None


class SwatchUpload(RequestBody):
    """A picture of a piece of cloth, for people to look at: JPEG, PNG or WebP, at most 5 MB."""

    photo: PictureField


NULLABLE = ("composition", "weight_g_m2")
FIGURES = ("size_mm", "roughness", "metalness", "sheen")


def changes_of(edit: FamilyEdit | ColourEdit) -> dict[str, Any]:
    """The fields that were sent. Raises InputError: bad_entry, for null where a value belongs."""
    sent = edit.model_dump(exclude_unset=True, exclude={"version", "swatch"})
    nullable = NULLABLE if isinstance(edit, ColourEdit) else ()
    if empty := [name for name, value in sent.items() if value is None and name not in nullable]:
        raise InputError("bad_entry", f"null is no value for {', '.join(empty)}", hint="leave out what is to stay")
    return sent


def family_public(shop: Shop, family_id: str) -> dict[str, Any]:
    """A family as the shop's own people see it. Raises InputError: unknown_family."""
    entry = shop.book.family_entry(family_id)
    if entry is None:
        raise unknown_family()
    note = shop.book.family_note(family_id)
    colours = next(family.fabrics for family in shop.book.families() if family.id == family_id)
    return {
        **_about(entry),
        "colours": len(colours),
        "active": sum(fabric.status == "active" for fabric in colours),
        "version": note.revision,
        "created": note.created.isoformat(),
        "updated": note.updated.isoformat(),
    }


def colour_public(shop: Shop, colour_id: str) -> dict[str, Any]:
    """A colour as the shop's own people see it: as customers do, and as it is written down. Raises InputError:
    unknown_fabric."""
    fabric, entry = shop.book.find(colour_id), shop.book.colour_entry(colour_id)
    if fabric is None or entry is None:
        raise unknown_fabric()
    note = shop.book.colour_note(colour_id)
    own = {"status": entry.status, "composition": entry.composition, "weight_g_m2": entry.weight_g_m2}
    return {
        **public(fabric),
        "colour": entry.colour,
        "made": "woven" if entry.scan is None else "scanned",
        "draft": dict(entry.draft or {}) if entry.scan is None else None,
        "own": own,
        "reference": shop.storage.url(note.swatch_key) if note.swatch_key is not None else None,
        "version": note.revision,
        "created": note.created.isoformat(),
        "updated": note.updated.isoformat(),
    }


def upload_public(upload: Upload) -> dict[str, Any]:
    """An upload, and where it can be seen."""
    return {"id": upload.id, "url": upload.url, "expires": upload.expires.isoformat()}


def scan_public(scan: Scan) -> dict[str, Any]:
    """A scan, and where its maps are."""
    facts = {name: value for name, value in scan.manifest.items() if name not in ("maps", "photos")}
    times = {"created": scan.created.isoformat(), "expires": scan.expires.isoformat() if scan.expires else None}
    return {"id": scan.id, "maps": dict(scan.urls), **facts, **times}


def unknown_family() -> InputError:
    """There never was such a family."""
    return InputError("unknown_family", "there is no such family in the catalog", hint="choose one of the list")


def _about(entry: FamilyEntry) -> dict[str, Any]:
    names = ("id", "name", "use", "description", "status", "composition", "weight_g_m2")
    return {**{name: getattr(entry, name) for name in names}, "draft": dict(entry.draft)}
