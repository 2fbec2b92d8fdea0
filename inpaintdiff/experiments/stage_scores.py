"""How well a denoiser knows what sampling asks it: scores at the stages of schemes, and of whole clips that it paints."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import NormalDist

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.inpaint.condition import condition, unknown_pixels
from inpaintdiff.inpaint.inpainter import Inpainter
from inpaintdiff.metrics.frame import sample_scores
from inpaintdiff.schemes import Stage, make_scheme
from inpaintdiff.types import VideoClip

Pattern = tuple[bool, ...]


def hole_patterns(frames: int) -> tuple[Pattern, ...]:
    """Which frames of a clip are incomplete: all of them; all but the last quarter, which is revealed."""
    shown = max(1, frames // 4)
    return (True,) * frames, tuple(i < frames - shown for i in range(frames))


def stages_of(scheme: str, frames: int, window: int) -> list[tuple[Stage, Pattern]]:
    """Every stage that a scheme asks for on the clip's patterns, with the pattern that it belongs to."""
    made = make_scheme(scheme, window=window, step=max(1, window // 2))
    return [(stage, pattern) for pattern in hole_patterns(frames) for stage in made.stages(pattern)]


def level_bands(mean: float, std: float, count: int = 5) -> list[float]:
    """Noise levels in the middle of equally likely bands of the log-normal distribution that training draws from."""
    edges = [k / count for k in range(count + 1)]
    return [float(torch.tensor(NormalDist(mean, std).inv_cdf((a + b) / 2)).exp()) for a, b in pairwise(edges)]


@torch.inference_mode()
def stage_scores(
    denoiser: Denoiser,
    clips: Sequence[VideoClip],
    stages: Sequence[tuple[Stage, Pattern]],
    sigmas: Sequence[float],
    seed: int,
    report: Callable[[], None] = lambda: None,
) -> Float[Tensor, " n"]:
    """PSNR of the clean estimate on the latent frames' unknown pixels, averaged over stages, for every clip.

    Noise levels go round over stages and clips, so that every clip meets all of them; noise depends on seed and stage alone. So
    two denoisers are asked exactly the same.

    Args:
        denoiser: any.
        clips: of one size, with the truth under the hole.
        stages: what it is asked; look-ahead frames are denoised too, and do not count.
        sigmas: noise levels.
        seed: of the noise.
        report: called after every stage.

    Returns:
        dB, peak 2 (frames lie in [-1, 1]); the estimate is clamped to them, as it is in sampling.
    """
    total = torch.zeros(len(clips), dtype=torch.float64)
    for k, (stage, pattern) in enumerate(stages):
        window = VideoClip.collate([clip.select(stage.frames) for clip in clips])
        incomplete = torch.tensor([pattern[i] for i in stage.frames]).view(-1, 1, 1, 1)
        observed = [j for j, i in enumerate(stage.frames) if i in set(stage.observed)]
        unknown = unknown_pixels(window.hole & incomplete, observed)
        noise = torch.randn(window.frames.shape, generator=torch.Generator().manual_seed(seed + k))
        sigma = torch.tensor([sigmas[(k + n) % len(sigmas)] for n in range(len(clips))])
        x = window.frames + sigma.view(-1, 1, 1, 1, 1) * noise
        estimate = denoiser(x, sigma, condition(window.frames, unknown, window.index)).clamp(-1, 1)
        latent = torch.tensor([i in set(stage.latent) for i in stage.frames]).view(-1, 1, 1, 1)
        counted = (unknown & latent).expand_as(estimate)
        error = torch.where(counted, (estimate - window.frames).square(), 0.0).double().flatten(1).sum(dim=1)
        total += 10 * torch.log10(4 * counted.flatten(1).sum(dim=1) / error)
        report()
    return total / len(stages)


def painted_scores(
    inpainter: Inpainter, clips: Sequence[VideoClip], seed: int, report: Callable[[], None] = lambda: None
) -> list[float]:
    """Hole PSNR (dB) of one answer to every clip, painted whole; clip n is painted with seed + n."""
    scores = []
    for n, clip in enumerate(clips):
        painted = inpainter(clip, samples=1, seed=seed + n).frames
        scores.append(float(sample_scores(painted, clip.frames, clip.hole)["psnr_hole"]))
        report()
    return scores
