"""A real but tiny model file, a small video file, and an independent look at videos."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch

from inpaintdiff.checkpoint import save_model
from inpaintdiff.data.video import write_video
from inpaintdiff.model_config import build_denoiser

SIZE = 16
CONFIG = {
    "network": {
        "class": "VideoUNet",
        "args": {"width": 8, "multipliers": [1, 2], "blocks": 1, "attention_levels": [1], "heads": 2, "patch": 2},
    },
    "precondition": {"class": "EDMPrediction", "args": {"sigma_data": 0.5}},
    "window": 4,
    "height": SIZE,
    "width": SIZE,
    "grid": {"class": "KarrasGrid", "args": {}},
}


def model_file(folder: Path) -> Path:
    """Random weights throughout, so that everything in a window matters; small ones, so that answers stay in range."""
    state = build_denoiser(CONFIG).state_dict()
    g = torch.Generator().manual_seed(0)
    return save_model(
        folder / "tiny.safetensors",
        CONFIG,
        {k: 0.1 * torch.randn(v.shape, generator=g) for k, v in state.items()},
        {"name": "tiny"},
    )


def pictures(frames: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def video_file(path: Path, frames: int = 10, height: int = 48, width: int = 64) -> Path:
    """Lossless, so that tests know every pixel."""
    return write_video(path, pictures(frames, height, width), Fraction(25), lossless=True)


def decoded(path: Path) -> np.ndarray:
    """All frames, by PyAV itself."""
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def command(source: Path, model: Path, out: Path, *more: str) -> list[str]:
    """Arguments of the command line that paint a box, without loss and in few calls."""
    return [
        "inpaint",
        str(source),
        "--box",
        "5,5,30,30",
        "-o",
        str(out),
        "--lossless",
        "--model",
        str(model),
        "--steps",
        "2",
        *more,
    ]
