"""The training objective: weighted error of the clean estimate on the unknown pixels of the latent frames."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.diffusion.sigma import SigmaDistribution
from inpaintdiff.types import Conditioning


def denoising_loss(
    denoiser: Denoiser,
    clean: Float[Tensor, "b t c h w"],
    cond: Conditioning,
    sigmas: SigmaDistribution,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
    per_clip: bool = True,
) -> Float[Tensor, " b"]:
    """One draw of the denoising loss for every clip (METHOD section 2; FDM, arXiv 2205.11495, equation 4).

    Args:
        denoiser: estimates the clean frames.
        clean: true frames in [-1, 1].
        cond: which pixels are known. Observed frames are wholly known, so they carry no loss.
        sigmas: distribution and weight of noise levels.
        generator: source of levels and noise, on the device of `clean`. With a sequence, clip i draws from generator i, so that its
            draws do not depend on the batch that it is in.
        per_clip: divide by each clip's own number of unknown values, so that small holes count as much as large ones;
            False divides by all values, as FDM does.

    Returns:
        The loss of each clip; 0 for a clip without unknown pixels.
    """
    device = clean.device
    if isinstance(generator, Sequence):
        assert len(generator) == len(clean), "one generator for each clip"
        sigma = torch.cat([sigmas.sample(1, g) for g in generator]).to(device)
        noise = torch.stack([torch.randn(clean.shape[1:], generator=g, device=device) for g in generator])
    else:
        sigma = sigmas.sample(clean.shape[0], generator).to(device)
        noise = torch.randn(clean.shape, generator=generator, device=device)
    x = clean + sigma.view(-1, 1, 1, 1, 1) * noise
    error = (denoiser(x, sigma, cond) - clean).square()
    unknown = (~cond.known_mask).expand_as(error)
    # where, not a product: garbage (even NaN) at known pixels must not reach the sum
    total = torch.where(unknown, error, 0.0).flatten(1).sum(dim=1)
    count = unknown.flatten(1).sum(dim=1).clamp(min=1) if per_clip else error[0].numel()
    return sigmas.weight(sigma) * total / count
