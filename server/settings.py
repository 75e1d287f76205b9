"""What an operator can set, and the only place that reads the environment.

Owns names, defaults and ranges; must not know who uses them. Built once in server/__main__.py and passed on; frozen.
Names in the environment and in a `.env` file are these names in capitals. docs/settings.md explains every one.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from utils.images import CAPTURE_LIMITS, LIVE_LIMITS


def _split(value: object) -> object:
    """Comma-separated text, as an environment variable holds a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _long_enough(key: SecretStr) -> SecretStr:
    """A key that can be guessed is none."""
    if 0 < len(key.get_secret_value()) < SHORTEST_KEY:
        raise ValueError(f"a key has at least {SHORTEST_KEY} characters")
    return key


def _addresses(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """A name that is no address would be trusted by nobody, and silently."""
    for address in addresses:
        if address != "*":
            try:
                ipaddress.ip_network(address, strict=False)
            except ValueError:
                raise ValueError("write addresses or networks, like 10.0.0.7 or 10.0.0.0/8") from None
    return addresses


SHORTEST_KEY = 16
Seconds = Annotated[float, Field(gt=0, le=3600)]
Key = Annotated[SecretStr, AfterValidator(_long_enough)]
Pairs = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Addresses = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_addresses)]


class Settings(BaseSettings):
    """Immutable. Sizes are bytes and pixels, times are seconds; each name says which."""

    model_config = SettingsConfigDict(env_file=".env", frozen=True, extra="ignore", hide_input_in_errors=True)

    # Where to listen.
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 5000
    debug: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    cors_origins: Origins = ()
    ws_origins: Origins = ()
    trusted_proxies: Addresses = ("127.0.0.1", "::1")

    # Where things lie.
    fabric_dir: Path = Path("data/fabric")
    catalog_dir: Path = Path("data/catalog")
    garments_dir: Path = Path("data/garments")
    results_dir: Path = Path("data/results")
    weights_dir: Path = Path("data/weights")
    database_url: Annotated[str, Field(repr=False)] = ""

    # Who may change the catalog.
    admin_key: Key = SecretStr("")

    # The diffusion engines.
    engines: Annotated[str, Field(pattern=r"^(auto|none|(turbo|inpaint)(,(turbo|inpaint))?)$")] = "auto"
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    cuda_visible_devices: str | None = None
    model_path: str = ""
    use_fp16: bool = True
    fast_inference_steps: Annotated[int, Field(ge=1, le=50)] = 4
    quality_inference_steps: Annotated[int, Field(ge=1, le=100)] = 25
    enable_xformers: bool = False
    enable_torch_compile: bool = False
    enable_attention_slicing: bool = False
    turbo_model: str = "stabilityai/sdxl-turbo"
    turbo_unet: str = ""
    taesd_model: str = "madebyollin/taesdxl"
    inpaint_model: str = "diffusers/stable-diffusion-xl-1.0-inpainting-0.1"
    vae_model: str = "madebyollin/sdxl-vae-fp16-fix"
    controlnets: Pairs = ()
    ip_adapter: str = ""
    live_deadline_ms: PositiveInt = 350
    device_trace: str = ""

    # How much at once.
    max_sessions: PositiveInt = 100
    max_captures: PositiveInt = 8
    max_scans: PositiveInt = 4
    max_unsaved_scans: PositiveInt = 200
    max_unsaved_mb: Annotated[int, Field(ge=512, le=1 << 20)] = 4096
    worker_threads: Annotated[int, Field(ge=1, le=64)] = 4
    capture_threads: Annotated[int, Field(ge=1, le=16)] = 1
    scan_memory_mb: Annotated[int, Field(ge=512, le=1 << 20)] = 4096

    # How much in one piece.
    max_frame_bytes: Annotated[int, Field(ge=1024, le=LIVE_LIMITS.max_bytes)] = LIVE_LIMITS.max_bytes
    max_upload_bytes: Annotated[int, Field(ge=1024, le=CAPTURE_LIMITS.max_bytes)] = CAPTURE_LIMITS.max_bytes
    max_messages_per_s: PositiveInt = 120

    # How long.
    frame_timeout_s: Seconds = 10.0
    prepare_timeout_s: Seconds = 30.0
    capture_timeout_s: Seconds = 60.0
    scan_timeout_s: Seconds = 60.0
    client_timeout_s: Seconds = 10.0
    ping_interval_s: Seconds = 20.0
    drain_s: Seconds = 10.0

    def max_message_bytes(self) -> int:
        """A keyframe with a layer, both as large as they may be, as base64 in JSON."""
        return 2 * self.max_frame_bytes * 4 // 3 + (64 << 10)

    def max_body_bytes(self) -> int:
        """A capture with its largest picture as base64 in JSON, and smaller ones beside it."""
        return self.max_upload_bytes * 2
