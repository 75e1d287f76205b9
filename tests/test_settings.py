"""Settings: defaults, what is refused, and that code, .env.example and docs/settings.md tell the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from server.settings import Settings

ROOT = Path(__file__).parents[1]
# A setting that is something else when it is empty stands there as a comment.
EXAMPLE = dict(re.findall(r"^(?:# )?([A-Z0-9_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.M))
DOCUMENTED = dict(re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) \|", (ROOT / "docs" / "settings.md").read_text(), re.M))
NAMES = {name.upper() for name in Settings.model_fields}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch, tmp_path):
    """No setting of whoever runs the tests."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_code_example_and_documentation_name_the_same_settings():
    assert set(EXAMPLE) == NAMES
    assert set(DOCUMENTED) == NAMES


def test_the_example_holds_the_defaults(plain_environment):
    (plain_environment / ".env").write_text((ROOT / ".env.example").read_text())
    assert Settings() == Settings(_env_file=None)


def test_the_documentation_states_the_defaults():
    for name, value in EXAMPLE.items():
        told = DOCUMENTED[name]
        assert told == f"`{value}`" if value else told.startswith(("none", "those")), name


def test_the_names_that_were_asked_for_are_there():
    asked = """HOST PORT DEBUG DEVICE MODEL_PATH USE_FP16 FAST_INFERENCE_STEPS QUALITY_INFERENCE_STEPS ENABLE_XFORMERS
    ENABLE_TORCH_COMPILE ENABLE_ATTENTION_SLICING FABRIC_DIR CATALOG_DIR RESULTS_DIR CORS_ORIGINS"""
    assert set(asked.split()) <= NAMES


def test_the_environment_wins_over_the_file(plain_environment, monkeypatch):
    (plain_environment / ".env").write_text("PORT=6000\nHOST=10.0.0.1\nSOMEBODY_ELSES=1\n")
    monkeypatch.setenv("PORT", "7000")
    assert (Settings().port, Settings().host) == (7000, "10.0.0.1")


def test_lists_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example, https://b.example,")
    assert Settings().cors_origins == ("https://a.example", "https://b.example")


def test_no_gpus_are_not_all_gpus(plain_environment, monkeypatch):
    assert Settings().cuda_visible_devices is None
    (plain_environment / ".env").write_text("CUDA_VISIBLE_DEVICES=1\n")
    assert Settings().cuda_visible_devices == "1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert Settings().cuda_visible_devices == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("PORT", "five"),
        ("WORKER_THREADS", "0"),
        ("MAX_SESSIONS", "-1"),
        ("MAX_FRAME_BYTES", str(5 << 20)),
        ("FRAME_TIMEOUT_S", "inf"),
        ("FRAME_TIMEOUT_S", "nan"),
        ("DRAIN_S", "0"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("LOG_LEVEL", "loud"),
        ("DEVICE", "toaster"),
        ("QUALITY_INFERENCE_STEPS", "0"),
    ],
)
def test_a_value_that_cannot_be_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert caught.value.errors()[0]["loc"] == (name.lower(),)


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        Settings().port = 1


def test_a_message_has_room_for_two_pictures_in_base64():
    settings = Settings(max_frame_bytes=3000)
    assert settings.max_message_bytes() > 2 * 4000
