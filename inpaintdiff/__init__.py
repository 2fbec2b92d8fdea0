"""Train conditional video diffusion models on your own videos, and fill holes in videos with semantically consistent content.

    import inpaintdiff
    result = inpaintdiff.inpaint("in.mp4", boxes=["200,120,330,230"], samples=3)
    result.save("out.mp4")

Names are imported when they are first used: importing the package is instant.
"""

import importlib
from typing import Any

_PUBLIC = {
    "Box": "inpaintdiff.data.holes",
    "Conditioning": "inpaintdiff.types",
    "Inpainter": "inpaintdiff.inpaint.inpainter",
    "InpaintDiffError": "inpaintdiff.errors",
    "Painted": "inpaintdiff.painting",
    "SamplingConfig": "inpaintdiff.inpaint.sampling",
    "SamplingScheme": "inpaintdiff.schemes",
    "Stage": "inpaintdiff.schemes",
    "VideoClip": "inpaintdiff.types",
    "load_denoiser": "inpaintdiff.checkpoint",
    "load_model": "inpaintdiff.painting",
    "make_baseline": "inpaintdiff.baselines",
    "make_scheme": "inpaintdiff.schemes",
    "make_solver": "inpaintdiff.diffusion.solvers",
    "open_video": "inpaintdiff.data.video",
    "read_hole": "inpaintdiff.data.holes",
    "save_model": "inpaintdiff.checkpoint",
    "scheme_names": "inpaintdiff.schemes",
    "write_video": "inpaintdiff.data.video",
}

__all__ = ["__version__", "inpaint", *_PUBLIC]


def __getattr__(name: str) -> Any:
    """The public name, from where it is defined (PEP 562)."""
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("inpaintdiff")
    if name == "inpaint":  # a package that can be called
        return importlib.import_module("inpaintdiff.inpaint")
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'inpaintdiff' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
