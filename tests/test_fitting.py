from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fabric.catalog import load_catalog
from garment.rack import Rack
from garment.wardrobe import Wardrobe
from models.fitting import FitRequest, Fitting, LiveFitting, Output, Wish
from models.parsing import Parser
from models.vision import Vision, open_vision
from tests.figures import figure, frame_of
from utils.errors import CapacityError, InputError

CATALOG = Path(__file__).parents[1] / "data" / "catalog" / "catalog.json"
NAVY = Wish(fabric_id="plain-navy", cut="single_breasted")
BLIND = Vision(poses=None, desk=None, missing=("pose", "parsing"), hint="fetch them")


def jpeg(rgb: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.fixture(scope="module")
def wardrobe(tmp_path_factory: pytest.TempPathFactory) -> Wardrobe:
    return Wardrobe(catalog=load_catalog(CATALOG), rack=Rack(tmp_path_factory.mktemp("rack")))


@pytest.fixture(scope="module")
def fitting(weights_dir: Path, wardrobe: Wardrobe):
    fitting = Fitting(vision=open_vision(weights_dir), wardrobe=wardrobe, max_live=3)
    yield fitting
    fitting.close()


@pytest.fixture
def live(fitting: Fitting):
    live = fitting.open_live()
    yield live
    live.close()


@pytest.fixture(scope="module")
def blind(wardrobe: Wardrobe) -> Fitting:
    """A fitting on a machine where no weights have been fetched."""
    return Fitting(vision=BLIND, wardrobe=wardrobe)


def test_the_astronaut_is_dressed_and_keeps_her_face(live: LiveFitting, parser: Parser, astronaut: np.ndarray) -> None:
    request = FitRequest(png(astronaut), NAVY, output=Output(format="png"))
    for _ in range(50):
        fitted = live.fit(request)
        if fitted.quality["face_change"] is not None:  # a busy machine does not know the face at once
            break
    assert (fitted.stage, fitted.degraded, fitted.reason) == ("composite", False, None)
    assert fitted.hw == (512, 512)
    picture = pixels_of(fitted.image)
    face = parser.parse(astronaut).mask("face_skin") > 0.5  # of the whole photo, which the fitting does not look at
    assert np.nonzero(face.any(axis=1))[0][-1] > 160  # down to the chin
    assert face.sum() > 6000
    face[80:160, 190:260] = True  # eyes, mouth and what the network takes for hair
    assert (picture[face] == astronaut[face]).all()
    assert (picture[:60] == astronaut[:60]).all()
    chest = picture[330:420, 130:180].astype(int).mean((0, 1))
    assert chest[2] > chest[0] + 8  # navy where the orange suit was
    assert fitted.quality["outside_change"] == 0
    assert fitted.quality["face_change"] == 0
    assert fitted.landmarks is not None
    assert len(fitted.landmarks) == 33
    assert list(fitted.timings_ms) == [
        "decode", "perceive", "drape", "compose", "queue", "enhance", "restore", "encode", "total"
    ]  # fmt: skip
    assert fitted.timings_ms["total"] >= fitted.timings_ms["perceive"] > 0


def test_nobody_in_view_is_a_mirror(live: LiveFitting) -> None:
    wall = np.full((480, 640, 3), (120, 130, 140), np.uint8)
    fitted = live.fit(FitRequest(png(wall), NAVY, output=Output(format="png")))
    assert (fitted.stage, fitted.degraded, fitted.reason) == ("mirror", True, "no_person")
    assert (pixels_of(fitted.image) == wall).all()
    assert fitted.landmarks is None


def test_no_wish_is_a_mirror_and_nothing_is_missing(live: LiveFitting, astronaut: np.ndarray) -> None:
    fitted = live.fit(FitRequest(png(astronaut), Wish(), output=Output(format="png")))
    assert (fitted.stage, fitted.degraded) == ("mirror", False)
    assert (pixels_of(fitted.image) == astronaut).all()


def test_a_capture_has_the_full_resolution_and_better_edges(fitting: Fitting, astronaut: np.ndarray) -> None:
    large = cv2.resize(astronaut, (1400, 1400), interpolation=cv2.INTER_CUBIC)
    request = FitRequest(jpeg(large), NAVY, output=Output(format="png"), include=frozenset({"mask", "layer"}))
    fitted = fitting.capture(request)
    assert fitted.hw == (1400, 1400)
    assert fitted.stage == "composite"
    assert fitted.quality["outside_change"] == 0
    assert set(fitted.quality) == {"outside_change", "cloth_delta_e", "coverage", "face_change", "uncovered"}
    assert pixels_of(fitted.extras["mask"]).shape == (1400, 1400, 3)
    with Image.open(io.BytesIO(fitted.extras["layer"])) as layer:
        assert (layer.mode, layer.size) == ("RGBA", (1400, 1400))


def test_the_same_capture_twice_is_the_same_picture(fitting: Fitting, astronaut: np.ndarray) -> None:
    request = FitRequest(jpeg(astronaut), NAVY, output=Output(format="png"), seed=7)
    first, second = fitting.capture(request), fitting.capture(request)
    assert np.abs(pixels_of(first.image).astype(int) - pixels_of(second.image)).max() == 0
    assert first.seed == 7


def test_landmarks_from_the_client_dress_without_weights(blind: Fitting) -> None:
    pose = figure()
    frame = frame_of(pose)
    live = blind.open_live()
    request = FitRequest(png(frame), NAVY, landmarks=pose.to_wire(hw=(480, 640)), output=Output(format="png"))
    fitted = live.fit(request)
    live.close()
    assert (fitted.stage, fitted.degraded, fitted.reason) == ("composite", True, "no_parsing")
    x, y = 320, 190 + 150
    assert np.abs(pixels_of(fitted.image)[y, x].astype(int) - frame[y, x]).max() > 20


def test_without_weights_and_landmarks_there_is_still_a_mirror(blind: Fitting, astronaut: np.ndarray) -> None:
    live = blind.open_live()
    fitted = live.fit(FitRequest(jpeg(astronaut), NAVY))
    live.close()
    assert (fitted.stage, fitted.reason) == ("mirror", "no_person")
    assert blind.readiness()["missing"] == ["pose", "parsing"]
    assert blind.readiness()["pose"] is False


def test_a_render_from_the_client_is_shown_behind_the_face(live: LiveFitting, astronaut: np.ndarray) -> None:
    render = np.zeros((512, 512, 4), np.uint8)
    render[60:400] = (20, 180, 40, 255)
    fitted = live.fit(FitRequest(png(astronaut), NAVY, layer=png(render), output=Output(format="png")))
    picture = pixels_of(fitted.image)
    assert (picture[300, 60] == (20, 180, 40)).all()
    assert np.abs(picture[130:160, 210:240].astype(int) - astronaut[130:160, 210:240]).max() <= 2  # her nose
    assert (picture[450] == astronaut[450]).all()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"layer": png(np.zeros((40, 50, 4), np.uint8))}, "layer_size"),
        ({"landmarks": [[0.5, 0.5, 0.0, 1.0]] * 32}, "bad_landmarks"),
        ({"landmarks": [[float("nan"), 0.5, 0.0, 1.0]] * 33}, "bad_landmarks"),
        ({"landmarks": [[99.0, 0.5, 0.0, 1.0]] * 33}, "bad_landmarks"),
        ({"landmarks": [[0.5, 0.5, 0.0, 7.0]] * 33}, "bad_landmarks"),
        ({"wish": Wish(fabric_id="no-such-cloth", cut="single_breasted")}, "unknown_fabric"),
        ({"wish": Wish(fabric_id="plain-navy", cut="toga")}, "unknown_cut"),
        ({"wish": Wish(garment_id="nobody-s-coat")}, "unknown_garment"),
    ],
)
def test_a_bad_request_costs_an_error_and_the_stream_goes_on(
    live: LiveFitting, astronaut: np.ndarray, change: dict, code: str
) -> None:
    good = FitRequest(jpeg(astronaut), NAVY)
    with pytest.raises(InputError) as caught:
        live.fit(replace(good, **change))
    assert caught.value.code == code
    assert live.fit(good).stage == "composite"


@pytest.mark.parametrize("wish", [{"garment_id": "a", "fabric_id": "b", "cut": "c"}, {"fabric_id": "b"}, {"cut": "c"}])
def test_a_wish_is_one_thing(wish: dict) -> None:
    with pytest.raises(InputError) as caught:
        Wish(**wish)
    assert caught.value.code == "bad_wish"


def test_places_are_limited_and_given_back(fitting: Fitting) -> None:
    taken = [fitting.open_live() for _ in range(3)]
    with pytest.raises(CapacityError) as caught:
        fitting.open_live()
    assert caught.value.code == "busy"
    assert caught.value.retryable
    for live in taken:
        live.close()
    fitting.open_live().close()


def test_a_picture_can_be_asked_for_smaller(live: LiveFitting, astronaut: np.ndarray) -> None:
    fitted = live.fit(FitRequest(jpeg(astronaut), NAVY, output=Output(format="webp", long_side=256)))
    assert fitted.hw == (256, 256)
    assert fitted.media_type == "image/webp"
    assert pixels_of(fitted.image).shape == (256, 256, 3)


def test_a_garment_is_made_up_once_for_all(wardrobe: Wardrobe) -> None:
    first = wardrobe.garment(NAVY)
    assert first is not None
    assert wardrobe.garment(NAVY) is first
    assert wardrobe.garment(Wish()) is None


def test_swatches_and_cuts_have_pictures(wardrobe: Wardrobe) -> None:
    swatch = pixels_of(wardrobe.swatch_png("houndstooth-black-white"))
    assert swatch.shape == (360, 360, 3)
    assert swatch.std() > 20
    cut = pixels_of(wardrobe.cut_png("single_breasted", "plain-navy"))
    assert max(cut.shape[:2]) == 480
    assert {"single_breasted", "double_breasted"} <= {cut["id"] for cut in wardrobe.cuts_public()}
