"""Names of what is written, the picture of the spread, and the record of how a video was made."""

import json
import secrets
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from inpaintdiff.errors import VideoWriteError
from inpaintdiff.painting.job import Job

# In pictures of the spread the brightest colour stands for this standard deviation, white being 1; most spreads lie below.
FULL_SPREAD = 0.25


def numbered(output: Path, samples: int) -> tuple[list[Path], Path | None, Path]:
    """The videos of the samples, that of their spread (None for one sample), and the record, for one name that was asked for."""
    sidecar = output.with_name(f"{output.name}.json")
    if samples == 1:
        return [output], None, sidecar
    names = [output.with_name(f"{output.stem}-{k}{output.suffix}") for k in [*range(1, samples + 1), "uncertainty"]]
    return names[:-1], names[-1], sidecar


def false_colours(spread: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Black for 0 to bright yellow for `FULL_SPREAD` and more."""
    import matplotlib  # not where nothing is coloured: it takes a quarter of a second

    table = (matplotlib.colormaps["inferno"](np.linspace(0, 1, 256))[:, :3] * 255).round().astype(np.uint8)
    table[0] = 0
    return table[np.clip(spread / FULL_SPREAD * 255, 0, 255).astype(np.uint8)]


def record_of(job: Job) -> dict[str, Any]:
    """Everything that decided about the result of a job, and what it cost; plain values."""
    info = job.video.info
    return {
        "inpaintdiff": metadata.version("inpaintdiff"),
        "input": {
            "name": info.path.name,
            "frames": info.frames,
            "width": info.width,
            "height": info.height,
            "fps": str(info.fps),
        },
        "hole": {
            "sha256": job.holes.digest(),
            "pixels": job.holes.pixels,
            "frames": sum(job.holes.incomplete()),
        },
        "seed": job.seed,
        "samples": job.samples,
        **job.painter.describe(),
        "plan": {
            "stages": sum(job.stages),
            "network_calls": job.calls,
            "regions": [
                {
                    "top": r.top,
                    "left": r.left,
                    "height": r.height * r.factor,
                    "width": r.width * r.factor,
                    "factor": r.factor,
                }
                for r in job.regions
            ],
        },
        "device": str(job.painter.device),
        "versions": {name: metadata.version(name) for name in ("torch", "numpy", "av")},
    }


def write_record(path: Path, content: dict[str, Any], *, overwrite: bool = False) -> None:
    """Write a record as JSON.

    Raises:
        VideoWriteError: it exists and may not be replaced, or cannot be written.
    """
    if path.exists() and not overwrite:
        raise VideoWriteError(f"{path} exists already; give another output, or --overwrite (overwrite=True).")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as e:
        raise VideoWriteError(f"{path} cannot be written: {e.strerror or e}.") from e
    finally:
        part.unlink(missing_ok=True)
