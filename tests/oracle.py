"""A video whose every answer is known: jointly Gaussian pixels, their exact denoiser, and the law that a scheme induces.

Written apart from `inpaintdiff.analysis.gaussian` and by another route, so that each checks the other: the denoiser conditions by
covariances and an eigenbasis, the law by precisions and one triangular system for all stages (a linear-Gaussian network).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from scipy.stats import chi2
from torch import Tensor

from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.schemes.stage import Stage
from inpaintdiff.types import Conditioning, VideoClip


@dataclass(frozen=True)
class GaussianVideo:
    """Pixels ~ N(0, time kernel (x) space kernel + nugget I) of frames [t, 1, h, w] at any true frame numbers (METHOD section 4).

    The nugget is larger than METHOD's: it bounds the smallest scale, and with it the steps that a solver needs.
    """

    height: int = 2
    width: int = 2
    nugget: float = 0.05

    @property
    def pixels(self) -> int:
        return self.height * self.width

    def covariance(self, index: Tensor) -> Tensor:
        """float64 [t p, t p] for frames at `index` [t]."""
        t = index.double()
        dt = (t[:, None] - t[None, :]).abs()
        time = 0.6 * torch.exp(-dt / 6) + 0.4 * torch.exp(-((dt / 40) ** 2))
        at = torch.cartesian_prod(torch.arange(self.height), torch.arange(self.width)).double()
        space = torch.exp(-torch.cdist(at, at) / 2)
        return torch.kron(time, space) + self.nugget * torch.eye(len(t) * self.pixels, dtype=torch.float64)

    def clip(self, hole: Tensor, seed: int = 0, first: int = 100) -> VideoClip:
        """A draw, float32, with not-a-number under the hole [t, 1, h, w]: nobody may look there."""
        index = torch.arange(first, first + len(hole))
        root = torch.linalg.cholesky(self.covariance(index))
        noise = torch.randn(len(root), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        frames = (root @ noise).float().view(len(hole), 1, self.height, self.width)
        return VideoClip(frames.masked_fill(hole, math.nan), hole, index)


def expectation(x: Tensor, sigma: Tensor, covariance: Tensor, mean: Tensor) -> Tensor:
    """E[x0 | x0 + sigma n = x] = m + C (C + sigma^2 I)^-1 (x - m), for a batch x [b, u] at levels sigma [b]."""
    scale, basis = torch.linalg.eigh(covariance)
    gain = scale / (scale + sigma.double()[:, None] ** 2)
    return mean + ((x.double() - mean) @ basis * gain) @ basis.T


class GaussianDenoiser(Denoiser):
    """The exact D(x; sigma) of a `GaussianVideo`. All clips of a batch must have the same holes and frame numbers."""

    def __init__(self, video: GaussianVideo) -> None:
        super().__init__()
        self.video = video
        self.calls = 0
        self._cache: dict[tuple[bytes, bytes], tuple[Tensor, Tensor, Tensor]] = {}

    def _posterior(self, cond: Conditioning) -> tuple[Tensor, Tensor, Tensor]:
        """Map from known to expected unknown values [u, k]; scales [u] and basis [u, u] of the conditional covariance."""
        known, index = cond.known_mask[0].flatten(), cond.index[0]
        key = (known.numpy().tobytes(), index.numpy().tobytes())
        if key not in self._cache:
            s = self.video.covariance(index)
            s_uk, s_kk = s[~known][:, known], s[known][:, known]
            gain = torch.linalg.solve(s_kk, s_uk.T).T
            scale, basis = torch.linalg.eigh(s[~known][:, ~known] - gain @ s_uk.T)
            self._cache[key] = gain, scale, basis
        return self._cache[key]

    def forward(self, x: Tensor, sigma: Tensor, cond: Conditioning) -> Tensor:
        self.calls += 1
        gain, scale, basis = self._posterior(cond)
        known = cond.known_mask[0].flatten()
        flat = cond.known.double().flatten(1)
        mean = flat[:, known] @ gain.T
        shrink = scale / (scale + sigma.double()[:, None] ** 2)
        out = flat.clone()
        out[:, ~known] = mean + ((x.double().flatten(1)[:, ~known] - mean) @ basis * shrink) @ basis.T
        return out.view(x.shape).float()


class PastingDenoiser(Denoiser):
    """The wrong way, kept as a negative control: an *unconditional* denoiser that sees known pixels noised and pasted in.

    This is RePaint's conditioning (arXiv 2201.09865) without resampling: at high noise it does not know what is known.
    """

    def __init__(self, video: GaussianVideo, seed: int = 0) -> None:
        super().__init__()
        self.video = video
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, x: Tensor, sigma: Tensor, cond: Conditioning) -> Tensor:
        noised = cond.known + sigma.view(-1, 1, 1, 1, 1) * torch.randn(x.shape, generator=self.generator)
        pasted = torch.where(cond.known_mask, noised, x).flatten(1)
        s = self.video.covariance(cond.index[0])
        out = expectation(pasted, sigma, s, torch.zeros(len(s), dtype=torch.float64))
        return torch.where(cond.known_mask, cond.known, out.view(x.shape).float())


@dataclass(frozen=True)
class Law:
    """N(mean, covariance) of the unknown pixels of a clip, in the order of `clip.hole.flatten()`; float64."""

    mean: Tensor
    covariance: Tensor


def true_law(video: GaussianVideo, clip: VideoClip) -> Law:
    """p(unknown | known) of the whole clip, by the precision matrix: C = P_uu^-1 and m = -C P_uk y."""
    unknown = clip.hole.flatten()
    p = torch.linalg.inv(video.covariance(clip.index))
    covariance = torch.linalg.inv(p[unknown][:, unknown])
    return Law(-covariance @ p[unknown][:, ~unknown] @ clip.frames.flatten()[~unknown].double(), covariance)


def scheme_law(video: GaussianVideo, clip: VideoClip, stages: Iterable[Stage]) -> Law:
    """What the stages induce: x_l = W x_window + e_l with cov(e_l) = R_l, so (I - B) u = c + e for all unknown pixels u at once."""
    unknown = clip.hole.flatten()
    n, p = int(unknown.sum()), video.pixels
    row = torch.cumsum(unknown, dim=0) - 1  # of every pixel, its place in u
    values = torch.where(unknown, 0.0, clip.frames.flatten().double())
    b, r, c = (torch.zeros(shape, dtype=torch.float64) for shape in ((n, n), (n, n), (n,)))
    for stage in stages:
        at = torch.tensor(stage.frames)
        pixel = (at[:, None] * p + torch.arange(p)).flatten()
        frame = at.repeat_interleave(p)
        drawn = unknown[pixel] & ~torch.isin(frame, torch.tensor(stage.observed, dtype=torch.long))
        kept = torch.isin(frame[drawn], torch.tensor(stage.latent))
        precision = torch.linalg.inv(video.covariance(clip.index[at]))
        noise = torch.linalg.inv(precision[drawn][:, drawn])
        weights = (-noise @ precision[drawn][:, ~drawn])[kept]
        rows, given = row[pixel[drawn][kept]], pixel[~drawn]
        painted = unknown[given]
        b[rows[:, None], row[given[painted]]] = weights[:, painted]
        c[rows] = weights[:, ~painted] @ values[given[~painted]]
        r[rows[:, None], rows] = noise[kept][:, kept]
    root = torch.linalg.inv(torch.eye(n, dtype=torch.float64) - b)
    return Law(root @ c, root @ r @ root.T)


@dataclass(frozen=True)
class Agreement:
    """How far samples are from a law, in units in which an exact sampler has chi-squared statistics.

    Attributes:
        mean: S |z|^2 with z the whitened sample mean: chi-squared with u degrees of freedom.
        covariance: S/2 |C - I|_F^2 with C the whitened second moment: of mean u (u + 1) / 2, and chi-squared for many samples.
        mean_bound: its quantile of 1 - 1e-6.
        covariance_bound: likewise.
    """

    mean: float
    covariance: float
    mean_bound: float
    covariance_bound: float

    def __bool__(self) -> bool:
        return self.mean <= self.mean_bound and self.covariance <= self.covariance_bound


def agreement(samples: Tensor, law: Law) -> Agreement:
    """Compare samples [s, u] with a law; truthy if they may have come from it."""
    s, u = samples.shape
    root = torch.linalg.cholesky(law.covariance)
    z = torch.linalg.solve_triangular(root, (samples.double() - law.mean).T, upper=False)  # u s
    second = z @ z.T / s - torch.eye(u, dtype=torch.float64)
    return Agreement(
        float(s * z.mean(dim=1).square().sum()),
        float(s / 2 * second.square().sum()),
        float(chi2.isf(1e-6, u)),
        float(chi2.isf(1e-6, u * (u + 1) / 2)),
    )


def holes(name: str, frames: int, video: GaussianVideo) -> Tensor:
    """Holes [t, 1, h, w] that leave pixels known.

    "moving": every frame is incomplete, each elsewhere. "late": the last quarter is complete. "early": the first is.
    """
    at = (torch.arange(frames)[:, None] + torch.arange(video.pixels)) % video.pixels < (video.pixels + 1) // 2
    hole = at.view(frames, 1, video.height, video.width)
    quarter = max(1, frames // 4)
    if name == "late":
        hole[-quarter:] = False
    elif name == "early":
        hole[:quarter] = False
    elif name != "moving":
        raise ValueError(f"no holes named {name!r}")
    return hole
