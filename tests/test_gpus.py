"""Which GPU a name stands for: CUDA_VISIBLE_DEVICES in all its forms, and the lock that goes by the GPU itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from models.device_lock import lock_device
from models.gpus import installed_gpus, physical_gpu, visible_gpus
from server.__main__ import pass_on
from server.engines import start_engines
from tests.serving import settings_for_tests
from utils.errors import ConfigError

FIRST = "gpu-5ebe9a4c-0001-4a5b-8c9d-aaaaaaaaaaaa"
SECOND = "gpu-8932f937-0002-4a5b-8c9d-bbbbbbbbbbbb"
PART = "MIG-1a2b3c4d-0003-4a5b-8c9d-cccccccccccc"
OLD_PART = "MIG-GPU-5ebe9a4c-0001-4a5b-8c9d-aaaaaaaaaaaa/1/0"
TWO = (FIRST, SECOND)


@pytest.mark.parametrize(
    ("device", "visible", "installed", "gpu"),
    [
        ("cuda", None, (), "cuda:0"),
        ("cuda:1", None, (), "cuda:1"),
        ("cuda", None, TWO, FIRST),
        ("cuda:1", None, TWO, SECOND),
        ("cuda:7", None, TWO, "cuda:7"),
        ("cuda:1", "0,1", (), "cuda:1"),
        ("cuda:1", "1, 0", TWO, FIRST),
        ("cuda", "1", (), "cuda:1"),
        ("cuda:0", "01", TWO, SECOND),
        ("cuda", "1,-1,0", TWO, SECOND),
        ("cuda", SECOND.replace("gpu", "GPU"), TWO, SECOND),
        ("cuda", "GPU-8932f937", TWO, SECOND),
        ("cuda", "GPU-8932f937", (), "gpu-8932f937"),
        ("cuda:1", f"GPU-8932,GPU-{FIRST[4:]}", TWO, FIRST),
        ("cuda", PART, TWO, PART.lower()),
        ("cuda", OLD_PART, TWO, OLD_PART.lower()),
    ],
)
def test_a_name_stands_for_a_gpu(device: str, visible: str | None, installed: tuple[str, ...], gpu: str) -> None:
    assert physical_gpu(device, visible=visible, installed=installed) == gpu


@pytest.mark.parametrize("visible", ["", " ", "-1", "-1,0", "NoDevFiles"])
def test_a_gpu_that_is_hidden_cannot_be_had(visible: str) -> None:
    assert visible_gpus(visible) == ()
    with pytest.raises(ConfigError, match="shows no GPUs") as raised:
        physical_gpu("cuda", visible=visible, installed=TWO)
    assert raised.value.code == "device_unavailable"


def test_devices_are_counted_among_those_shown() -> None:
    with pytest.raises(ConfigError, match="shows 1 GPU, and cuda:1") as raised:
        physical_gpu("cuda:1", visible="1", installed=TWO)
    assert raised.value.code == "device_unavailable"


@pytest.mark.parametrize(
    "visible",
    [
        "all",
        "0;1",
        "0,0",
        "0,00",
        f"0,GPU-{FIRST[4:]}",
        "GPU-",
        "GPU-xyz",
        "cuda:0",
        f"{PART},GPU-1a",
        "1.5",
        "GPU-1a,gpu-1A",
    ],
)
def test_what_cuda_would_ignore_without_a_word_is_refused(visible: str) -> None:
    with pytest.raises(ConfigError) as raised:
        physical_gpu("cuda", visible=visible, installed=TWO)
    assert raised.value.code == "bad_visible_devices"
    assert visible not in raised.value.message


def test_the_driver_tells_of_its_gpus_in_the_order_of_the_bus(tmp_path: Path) -> None:
    for place, uuid in (("0000:81:00.0", SECOND), ("0000:0a:00.0", FIRST)):
        (tmp_path / place).mkdir()
        told = (
            f"Model: \t\t NVIDIA H200\nIRQ:   \t\t 16\nGPU UUID: \t {uuid.replace('gpu', 'GPU')}\nBus Type: \t PCIe\n"
        )
        (tmp_path / place / "information").write_text(told)
    assert installed_gpus(tmp_path) == TWO
    (tmp_path / "0000:81:00.0" / "information").write_text("Model: \t\t Unknown\n")
    assert installed_gpus(tmp_path) == (), "half a list would shift the numbers"
    assert installed_gpus(tmp_path / "nowhere") == ()


def test_two_servers_that_see_a_gpu_each_do_not_meet(tmp_path: Path) -> None:
    def lock(visible: str) -> int | None:
        gpu = physical_gpu("cuda", visible=visible, installed=TWO)
        return lock_device(gpu, folder=tmp_path, wait_s=0.0)

    held = [lock("0"), lock("1")]
    assert None not in held
    for name in ("1", "GPU-8932f937", "1,0"):
        with pytest.raises(ConfigError, match=f"holds {SECOND}"):
            lock(name)
    for fd in held:
        os.close(fd)


def test_parts_of_one_gpu_are_devices_of_their_own(tmp_path: Path) -> None:
    parts = [OLD_PART, OLD_PART.replace("/1/0", "/2/0"), PART]
    held = [
        lock_device(physical_gpu("cuda", visible=part, installed=TWO), folder=tmp_path, wait_s=0.0) for part in parts
    ]
    assert None not in held
    for fd in held:
        os.close(fd)


@pytest.mark.parametrize(
    ("visible", "code"), [("", "device_unavailable"), ("0,0", "bad_visible_devices"), ("none", "bad_visible_devices")]
)
def test_a_server_that_is_shown_no_gpu_and_told_to_use_one_does_not_start(
    monkeypatch: pytest.MonkeyPatch, visible: str, code: str
) -> None:
    monkeypatch.setattr("server.engines.gpu_visible", lambda: True)
    settings = settings_for_tests(engines="auto", device="cuda", cuda_visible_devices=visible)
    with pytest.raises(ConfigError) as raised:
        start_engines(settings)
    assert raised.value.code == code


def test_a_server_that_is_shown_no_gpu_and_may_choose_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.engines.gpu_visible", lambda: True)
    assert start_engines(settings_for_tests(engines="auto", device="auto", cuda_visible_devices="")) is None


def test_what_the_settings_show_is_what_the_device_process_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # put back in the end
    for shown in ("1", ""):
        pass_on(settings_for_tests(cuda_visible_devices=shown))
        seen = subprocess.run(["printenv", "CUDA_VISIBLE_DEVICES"], stdout=subprocess.PIPE, check=True, text=True)
        assert seen.stdout == f"{shown}\n"
    pass_on(settings_for_tests(cuda_visible_devices=None))
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
