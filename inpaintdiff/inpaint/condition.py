"""The one place that builds what a network is told, for training and for sampling: two copies of this arithmetic would drift."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inpaintdiff.types import Conditioning


def condition(
    frames: Float[Tensor, "b t c h w"], unknown: Bool[Tensor, "b t 1 h w"], index: Int[Tensor, "b t"]
) -> Conditioning:
    """Conditioning of a window whose `unknown` pixels are to be denoised (METHOD section 2; arXiv 2405.00251, section 4).

    Args:
        frames: clean values in [-1, 1] where known; anything, NaN included, where unknown.
        unknown: the hole on latent and look-ahead frames (X, Z), all False on observed ones (Y): see `unknown_pixels`.
        index: true frame numbers.

    Returns:
        `known` is `where(unknown, 0, frames)`, so that nothing under a hole can reach a network.
    """
    return Conditioning(torch.where(unknown, 0.0, frames), ~unknown, index)


def unknown_pixels(hole: Bool[Tensor, "*b t 1 h w"], observed: Sequence[int]) -> Bool[Tensor, "*b t 1 h w"]:
    """The pixels of a window that are denoised: the hole, but for frames that are observed.

    Args:
        hole: of the source video; it stays True on a frame after that frame is painted.
        observed: positions *within the window* of the complete frames Y, painted or never incomplete.
    """
    unknown = hole.clone()
    unknown[..., list(observed), :, :, :] = False
    return unknown
