"""From a photo of a swatch to a jacket in that cloth: one server, nothing faked, no restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx2
import numpy as np
import pytest

from fabric.scanned import Scanned
from server.__main__ import make_fitting
from server.catalog.shop import Shop
from tests.databases import open_test_shop
from tests.kiosks import Kiosk, kiosk
from tests.serving import PATIENCE_S, Running, run_server, settings_for_tests
from tests.swatch_photos import REPEAT_MM, as_jpeg, gingham_jpeg, said
from utils.colour import delta_e00, srgb_to_lab

KEY = "a-key-for-tests-alone"
CUT = "single_breasted"
CHEST = np.s_[380:500, 190:330]
"""Of the astronaut's photo: jacket, whatever she wears."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with open_test_shop(f"sqlite:///{folder / 'catalog.db'}", folder) as shop:
        yield shop


@pytest.fixture(scope="module")
def served(shop: Shop, weights_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    garments = tmp_path_factory.mktemp("garments")
    settings = settings_for_tests(weights_dir=weights_dir, garments_dir=garments)
    with run_server(make_fitting(settings, shop.book), shop=shop, admin_key=KEY, frame_timeout_s=60.0) as running:
        yield running


def dressed_in(client: Kiosk, fabric_id: str, photo: bytes, *, seq: int) -> np.ndarray:
    """The picture of her in that cloth, uint8 RGB."""
    client.say("wish", fabric_id=fabric_id, cut=CUT)
    client.hear_until("notice", code="wearing")
    client.say("keyframe", seq=seq, frame=photo)
    image = client.hear_until("enhanced", seq=seq)["image"]
    return cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR_RGB)


def period_px(lightness: np.ndarray) -> float:
    """The strongest period along the rows of a texture, (H, W), of which there are whole ones."""
    power = (np.abs(np.fft.rfft(lightness - lightness.mean(axis=1, keepdims=True), axis=1)) ** 2).mean(axis=0)
    return lightness.shape[1] / int(power.argmax())


def test_a_scanned_cloth_is_worn_at_true_scale_as_soon_as_it_is_saved(
    served: Running, shop: Shop, astronaut: np.ndarray
) -> None:
    photo = as_jpeg(astronaut)
    with kiosk(served) as client, httpx2.Client(base_url=served.url(""), timeout=60 * PATIENCE_S) as http:
        before = dressed_in(client, "charcoal", photo, seq=0)

        scan = http.post("/api/fabric/scan", files={"photo": gingham_jpeg()}, data=said()).json()
        save = {"family": "plain", "name": "Harbour check"}
        admin = {"Authorization": f"Bearer {KEY}"}
        saved = http.post(f"/api/admin/scans/{scan['id']}/save", json=save, headers=admin)
        assert saved.status_code == 201, saved.text
        id = saved.json()["id"]

        families = http.get("/api/fabric/catalog").json()["families"]
        offered = next(fabric for family in families for fabric in family["fabrics"] if fabric["id"] == id)
        repeat = [side / cells for side, cells in zip(offered["size_mm"], scan["tile"]["cells"], strict=True)]
        assert repeat == pytest.approx([REPEAT_MM, REPEAT_MM], rel=0.015)

        after = dressed_in(client, id, photo, seq=1)
        assert after.shape == before.shape
        worn = srgb_to_lab(after[CHEST]).reshape(-1, 3)
        plain = srgb_to_lab(before[CHEST]).reshape(-1, 3)
        assert delta_e00(worn.mean(axis=0), plain.mean(axis=0)) > 10, "it is the same jacket as before"
        assert worn[:, 0].std() > 2 * plain[:, 0].std(), "its checks are not to be seen"


def test_what_a_jacket_is_cut_from_repeats_as_the_cloth_does(shop: Shop) -> None:
    cloth = shop.book.find("harbour-check").cloth
    assert isinstance(cloth, Scanned)
    material = cloth.material(4.0, id="x", name="x")
    px_per_mm = material.height.shape[1] / material.size_mm[0]
    lightness = srgb_to_lab(material.albedo)[..., 0]
    assert period_px(lightness) / px_per_mm == pytest.approx(REPEAT_MM, rel=0.015)
    assert period_px(lightness.T) / px_per_mm == pytest.approx(REPEAT_MM, rel=0.015)
