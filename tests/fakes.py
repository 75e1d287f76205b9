"""A fitting that fits nothing: same contract as models.fitting.Fitting, no networks, every answer says that it is fake.

Its pictures are real pictures of one colour, so that clients can decode them; `gate` holds frames back until a test
lets them go on, and `broken` makes the next ones fail.
"""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from dataclasses import dataclass, field

import numpy as np

from fabric.book import Catalog, Fabric, Family, catalog_of
from fabric.cloth import Woven
from fabric.maps import Maps
from garment.gltf import garment_glb
from models.fitting import FitRequest, Fitted, Wish
from tests.domes import domed
from utils.errors import CapacityError, InputError
from utils.images import CAPTURE_LIMITS, LIVE_LIMITS, ImageLimits, read_image, write_image
from utils.pose import pose_from_wire

FABRICS = ("navy-twill", "grey-flannel")
CUTS = ("single-breasted", "double-breasted")


@dataclass
class FakeFitting:
    """Counts what is opened and closed; thread-safe like the real one."""

    gate: threading.Event = field(default_factory=threading.Event)
    """Frames wait for it. Set from the start; clear it to hold them."""
    prepare_gate: threading.Event = field(default_factory=threading.Event)
    """Like `gate`, for what is made up."""
    broken: Exception | None = None
    """What fit, capture and prepare raise while it is set."""
    max_live: int = 1000
    image: bytes | None = None
    """What is answered instead of a small picture."""
    opened: int = 0
    closed: int = 0
    prepared: list[Wish] = field(default_factory=list)
    requests: list[FitRequest] = field(default_factory=list)
    shut: bool = False
    steps: int = 0
    """Steps that a capture reports, each after `step_s` or when `between_steps` is set."""
    step_s: float = 0.0
    between_steps: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    """Set when a capture has begun."""
    called_off: threading.Event = field(default_factory=threading.Event)
    """Set when a capture was cancelled."""

    def __post_init__(self) -> None:
        self.gate.set()
        self.prepare_gate.set()
        self._lock = threading.Lock()
        self.wardrobe = FakeWardrobe()

    def open_live(self) -> FakeLiveFitting:
        """Raises CapacityError over `max_live`."""
        with self._lock:
            if self.opened - self.closed >= self.max_live:
                raise CapacityError("busy", "no more fake fittings")
            self.opened += 1
        return FakeLiveFitting(self)

    def prepare(self, wish: Wish) -> None:
        """Knows FABRICS and CUTS."""
        self.prepare_gate.wait(30)
        self._raise()
        if wish.fabric_id is not None:
            self.wardrobe.catalog.get(wish.fabric_id)
        if wish.cut is not None and wish.cut not in CUTS:
            raise InputError("unknown_cut", "there is no cut with this id")
        if wish.garment_id is not None:
            self.wardrobe.rack.record(wish.garment_id)
        self.prepared.append(wish)

    def capture(self, request: FitRequest, *, on_progress=None, cancel=None) -> Fitted:
        """Like a live frame, with the limits of an upload and the steps that it was told to report."""
        self.prepare(request.wish)
        self.begun.set()
        for step in range(self.steps):
            if cancel is not None and cancel.is_set():
                self.called_off.set()
                raise CancelledError
            if on_progress is not None:
                on_progress(step + 1, self.steps)
            self.between_steps.wait(self.step_s)
        return self.fit(request, limits=CAPTURE_LIMITS)

    def fit(self, request: FitRequest, *, limits: ImageLimits = LIVE_LIMITS) -> Fitted:
        """Reads everything that was sent, as the real one must, and answers one grey."""
        self.gate.wait(30)
        self._raise()
        hw = read_image(request.frame, limits=limits).shape[:2]
        if request.layer is not None and read_image(request.layer, limits=limits, alpha=True).shape[:2] != hw:
            raise InputError("layer_size", "the layer must have the size of the frame")
        if request.landmarks is not None:
            pose_from_wire(request.landmarks, hw=hw)
        self.requests.append(request)
        blank = np.full((*hw, 3), 128, np.uint8)
        image = self.image or write_image(blank, format=request.output.format, quality=request.output.quality)
        dressed = request.wish != Wish() or request.layer is not None
        return Fitted(
            image=image,
            media_type=f"image/{request.output.format}",
            hw=hw,
            stage="composite" if dressed else "mirror",
            degraded=False,
            reason="fake" if dressed else "no_person",
            seed=request.seed,
            timings_ms={"decode": 1.0, "encode": 1.0, "total": 2.0},
            quality={"uncovered": 0.1, "cloth_delta_e": None},
            landmarks=[[0.5, 0.5, 0.0, 1.0]] * 33 if "landmarks" in request.include else None,
            extras={name: write_image(blank | 255, format="png") for name in request.include - {"landmarks"}},
        )

    def readiness(self) -> dict:
        """Says that it is fake."""
        engine = {"name": "fake", "stage": "composite"}
        return {"pose": True, "parsing": False, "engine": engine, "missing": ["parsing"], "hint": "it is a fake"}

    def close(self) -> None:
        """For good."""
        self.shut = True

    def _raise(self) -> None:
        if self.broken is not None:
            raise self.broken


class FakeLiveFitting:
    """One session's."""

    def __init__(self, fitting: FakeFitting) -> None:
        self._fitting = fitting
        self._busy = threading.Lock()

    def fit(self, request: FitRequest) -> Fitted:
        """One call at a time, as the contract says."""
        if not self._busy.acquire(blocking=False):
            raise AssertionError("two calls at a time")
        try:
            return self._fitting.fit(request)
        finally:
            self._busy.release()

    def close(self) -> None:
        """Once."""
        if not self._busy.acquire(blocking=False):
            raise AssertionError("closed during a call")
        with self._fitting._lock:
            self._fitting.closed += 1


def fake_book() -> Catalog:
    """One family of plain cloths, FABRICS."""
    colour = "#203050"
    draft = {"weave": "plain", "warp": "a", "weft": "a", "ends_per_cm": 20, "picks_per_cm": 20}
    fabrics = tuple(
        Fabric(
            id=id,
            name=id.replace("-", " "),
            family="fakes",
            use="suiting",
            composition="100 % wool",
            weight_g_m2=280,
            mill="Fake mill",
            code=id[:2].upper(),
            status="active",
            tags=(),
            colour=colour,
            cloth=Woven.of({**draft, "yarns": {"a": colour}}),
            measured=colour,
        )
        for id in FABRICS
    )
    return catalog_of((Family("fakes", "Fakes", "suiting", "", fabrics),))


class FakeWardrobe:
    """Two fabrics, two cuts and a rack."""

    def __init__(self) -> None:
        self.catalog = fake_book()
        self.maps = Maps()
        self.rack = FakeRack()

    def cuts_public(self) -> list[dict]:
        """As small as can be."""
        return [{"id": id, "name": id.replace("-", " ")} for id in CUTS]

    def swatch_png(self, fabric_id: str) -> bytes:
        """Raises InputError: unknown_fabric."""
        self.catalog.get(fabric_id)
        return write_image(np.full((8, 8, 3), 90, np.uint8), format="png")

    def cut_png(self, cut: str, fabric_id: str | None = None) -> bytes:
        """Raises InputError: unknown_cut, unknown_fabric."""
        if cut not in CUTS:
            raise InputError("unknown_cut", "there is no cut with this id")
        return self.swatch_png(fabric_id or FABRICS[0])

    def cut_glb(self, cut: str, fabric_id: str | None = None) -> bytes:
        """A dome. Raises InputError: unknown_cut, unknown_fabric."""
        self.cut_png(cut, fabric_id)
        return garment_glb(domed(), name=cut)


@dataclass(frozen=True)
class FakeRecord:
    """Like garment.rack.GarmentRecord."""

    id: str
    name: str
    hw: tuple[int, int]
    points: dict[str, tuple[float, float]]


class FakeRack:
    """In memory."""

    def __init__(self) -> None:
        self.records: dict[str, FakeRecord] = {}

    def add(self, rgb: np.ndarray, *, name: str) -> FakeRecord:
        """One per name."""
        record = FakeRecord(f"{name}-000000000001", name, rgb.shape[:2], {"torso.neck": (1.0, 2.0)})
        return self.records.setdefault(record.id, record)

    def correct(self, id: str, corrections: dict) -> FakeRecord:
        """Raises InputError: unknown_garment, bad_anchors."""
        record = self.record(id)
        if not set(corrections) <= set(record.points):
            raise InputError("bad_anchors", "there is no such anchor")
        record = FakeRecord(
            record.id, record.name, record.hw, record.points | {k: tuple(v) for k, v in corrections.items()}
        )
        self.records[id] = record
        return record

    def list(self) -> list[FakeRecord]:
        """Everything."""
        return [*self.records.values()]

    def record(self, id: str) -> FakeRecord:
        """Raises InputError: unknown_garment."""
        if id not in self.records:
            raise InputError("unknown_garment", "there is no garment with this id")
        return self.records[id]

    def thumbnail(self, id: str) -> bytes:
        """Raises InputError: unknown_garment."""
        self.record(id)
        return write_image(np.full((8, 8, 3), 90, np.uint8), format="webp")


def jpeg(hw: tuple[int, int] = (48, 64)) -> bytes:
    """A small picture that is not all one colour."""
    ramp = np.linspace(0, 255, hw[0] * hw[1] * 3).astype(np.uint8).reshape(*hw, 3)
    return write_image(ramp, format="jpeg")


def layer_png(hw: tuple[int, int] = (48, 64)) -> bytes:
    """A half-transparent layer."""
    return write_image(np.full((*hw, 4), 128, np.uint8), format="png")
