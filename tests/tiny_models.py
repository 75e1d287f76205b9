"""Tiny, randomly initialised models of the real classes, saved in the layout that diffusers reads.

Each function writes a folder once; the product's own loader reads it. Values are drawn from a fixed seed.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    ControlNetModel,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from models.engines.settings import EngineSettings

SIZES = ((64, 64), (64, 128), (128, 64))
"""What tiny pictures are made at."""
WIDTH = 8  # of each text encoder, and of the projection of the second
_TIME = 8  # width of each of the six size conditions


def settings(folder: Path) -> EngineSettings:
    """Settings with every model in it but the IP-Adapter, on the CPU, for pictures of SIZES."""
    return EngineSettings(
        device="cpu",
        folder=folder / "fetched",
        turbo=str(turbo(folder / "turbo")),
        taesd=str(taesd(folder / "taesd")),
        inpaint=str(inpainting(folder / "inpaint")),
        vae="",
        controlnets={
            "edge": str(controlnet(folder / "edge", seed=5)),
            "depth": str(controlnet(folder / "depth", seed=6)),
        },
        turbo_buckets=SIZES,
        inpaint_buckets=SIZES,
        inpaint_batches=(1, 2, 4, 8),
    )


def server_settings(folder: Path) -> dict[str, str]:
    """The environment of a server with both engines, on one thread of the processor."""
    return {
        "ENGINES": "turbo,inpaint",
        "DEVICE": "cpu",
        "TURBO_MODEL": str(turbo(folder / "turbo")),
        "TAESD_MODEL": str(taesd(folder / "taesd")),
        "INPAINT_MODEL": str(inpainting(folder / "inpaint")),
        "VAE_MODEL": "",
        "OMP_NUM_THREADS": "1",
    }


def turbo(folder: Path) -> Path:
    """A folder like SDXL-Turbo's: a UNet of 4 channels, Euler ancestral with trailing spacing."""
    scheduler = EulerAncestralDiscreteScheduler(**_betas(), timestep_spacing="trailing", steps_offset=1)
    return _pipeline(folder, unet(channels=4, seed=4), scheduler)


def inpainting(folder: Path) -> Path:
    """A folder like SDXL inpainting's: a UNet of 9 channels, Euler with leading spacing."""
    scheduler = EulerDiscreteScheduler(**_betas(), timestep_spacing="leading", steps_offset=1)
    return _pipeline(folder, unet(channels=9, seed=9), scheduler)


def taesd(folder: Path) -> Path:
    """A folder like TAESDXL's."""
    torch.manual_seed(3)
    model = AutoencoderTiny(
        encoder_block_out_channels=(4, 4, 4, 4),
        decoder_block_out_channels=(4, 4, 4, 4),
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    )
    model.save_pretrained(folder)
    return folder


def controlnet(folder: Path, *, seed: int = 5) -> Path:
    """A folder like a ControlNet's for SDXL; its zero convolutions are not zero, so that it has a say."""
    model = ControlNetModel.from_unet(unet(channels=4, seed=seed), conditioning_embedding_out_channels=(4, 4, 4, 4))
    torch.manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "controlnet_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)
    return folder


def ip_adapter(folder: Path) -> str:
    """A model like IP-Adapter's for SDXL, as the settings name it: the file and the image encoder beside it."""
    torch.manual_seed(7)
    tensors = {
        "image_proj.proj.weight": torch.randn(4 * 2 * WIDTH, WIDTH),
        "image_proj.proj.bias": torch.randn(4 * 2 * WIDTH),
        "image_proj.norm.weight": torch.ones(2 * WIDTH),
        "image_proj.norm.bias": torch.zeros(2 * WIDTH),
    }
    denoiser = unet(channels=9, seed=0)
    crossing = [name for name in denoiser.attn_processors if name.endswith("attn2.processor")]
    for number, name in enumerate(crossing):
        inner = denoiser.get_submodule(name.removesuffix(".processor")).to_k.out_features
        for part in ("to_k_ip", "to_v_ip"):
            tensors[f"ip_adapter.{2 * number + 1}.{part}.weight"] = torch.randn(inner, 2 * WIDTH)
    (folder / "sdxl_models").mkdir(parents=True)
    save_file(tensors, folder / "sdxl_models" / "ip-adapter_sdxl.safetensors")
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=WIDTH,
            intermediate_size=WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=32,
            patch_size=16,
        )
    )
    encoder.save_pretrained(folder / "sdxl_models" / "image_encoder")
    return f"{folder}:sdxl_models/ip-adapter_sdxl.safetensors"


def unet(*, channels: int, seed: int) -> UNet2DConditionModel:
    torch.manual_seed(seed)
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=channels,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(4, 8, 8),
        layers_per_block=1,
        norm_num_groups=2,
        transformer_layers_per_block=(1, 1, 2),
        attention_head_dim=(1, 2, 2),
        cross_attention_dim=2 * WIDTH,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=_TIME,
        projection_class_embeddings_input_dim=WIDTH + 6 * _TIME,
    )


def vae() -> AutoencoderKL:
    torch.manual_seed(2)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 4, 4, 4),
        layers_per_block=1,
        norm_num_groups=2,
        sample_size=64,
        scaling_factor=0.13025,
    )


def _betas() -> dict:
    return {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


def _pipeline(folder: Path, denoiser: UNet2DConditionModel, scheduler) -> Path:
    tokenizer = _tokenizer(folder.parent / f"{folder.name}-tokenizer")
    pipeline = StableDiffusionXLInpaintPipeline(
        vae=vae(),
        text_encoder=_text_encoder(CLIPTextModel, tokenizer, seed=0),
        text_encoder_2=_text_encoder(CLIPTextModelWithProjection, tokenizer, seed=1),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=denoiser,
        scheduler=scheduler,
        add_watermarker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _text_encoder(kind: type, tokenizer: CLIPTokenizer, *, seed: int):
    torch.manual_seed(seed)
    return kind(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=77,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _tokenizer(folder: Path) -> CLIPTokenizer:
    """A vocabulary of single letters, as bytes within and at the end of a word."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789,.-'"
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=77)
