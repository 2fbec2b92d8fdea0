"""The exact bench: what law does a sampling scheme induce on a Gaussian video, and how far is that from the truth?

With an exact model, every stage of a scheme draws from a linear-Gaussian conditional. The joint law of everything that a scheme
paints, and its Kullback-Leibler divergence from the true posterior, are then closed forms: no training, no sampling, no noise.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from inpaintdiff.errors import SettingError
from inpaintdiff.schemes import SamplingScheme, Stage, check_plan


@dataclass(frozen=True)
class GaussianVideo:
    """A video of jointly normal pixels: mean 0, covariance = time kernel (x) space kernel + nugget.

    Time: short_share exp(-|dt| / short) + (1 - short_share) exp(-(dt / long)^2), a rough fast part (cars) over a smooth slow one
    (light, background). Space: exp(-|dp| / space), with p along a row.

    Attributes:
        frames: N.
        pixels: P, in a row.
        short, long: correlation lengths in frames.
        short_share: variance of the fast part, 0 to 1.
        space: correlation length in pixels.
        nugget: variance of each pixel of its own.
    """

    frames: int = 48
    pixels: int = 6
    short: float = 6.0
    long: float = 40.0
    short_share: float = 0.6
    space: float = 2.0
    nugget: float = 1e-6

    def __post_init__(self) -> None:
        if min(self.frames, self.pixels) < 1 or min(self.short, self.long, self.space) <= 0:
            raise SettingError(f"a Gaussian video wants positive sizes and correlation lengths, got {self}")

    @cached_property
    def mean(self) -> Float[ndarray, "n"]:
        """Zero, for every pixel; n = frames x pixels, frame after frame."""
        return np.zeros(self.frames * self.pixels)

    @cached_property
    def covariance(self) -> Float[ndarray, "n n"]:
        """S; n = frames x pixels, frame after frame."""
        dt = np.abs(np.subtract.outer(np.arange(self.frames), np.arange(self.frames)))
        dp = np.abs(np.subtract.outer(np.arange(self.pixels), np.arange(self.pixels)))
        time = self.short_share * np.exp(-dt / self.short) + (1 - self.short_share) * np.exp(-((dt / self.long) ** 2))
        return np.kron(time, np.exp(-dp / self.space)) + self.nugget * np.eye(self.frames * self.pixels)


@dataclass(frozen=True, eq=False)
class LinearGaussian:
    """Unknown pixels given the k known ones y: normal with mean A y and covariance Q. Pixels in the order of the video.

    Attributes:
        mean_map: A.
        covariance: Q.
    """

    mean_map: Float[ndarray, "u k"]
    covariance: Float[ndarray, "u u"]


def posterior(video: GaussianVideo, hole: Bool[ndarray, "t p"]) -> LinearGaussian:
    """The truth: p(unknown | known), A* = S_uk S_kk^-1 and Q* = S_uu - A* S_ku.

    Args:
        video: the prior.
        hole: True where a pixel is unknown.
    """
    unknown, known = np.flatnonzero(hole), np.flatnonzero(~hole)
    mean_map, rest = _conditional(video.covariance, unknown, known)
    return LinearGaussian(mean_map, rest)


def induced_law(
    plan: SamplingScheme | Iterable[Stage], video: GaussianVideo, hole: Bool[ndarray, "t p"], check: bool = True
) -> LinearGaussian:
    """The law of all unknown pixels after a scheme has painted them with an exact model.

    For every stage: l = unknown pixels of X; c = known pixels of X, Y, Z and painted pixels g of Y; W = S_lc S_cc^-1; R = S_ll - W S_cl.
    Z enters by its known pixels only, as its sampled ones are integrated out. Then A_l = W_k + W_g A_g, Q_l,done = W_g Q_g,done,
    Q_ll = W_g Q_gg W_g' + R.

    Args:
        plan: a scheme, or the stages themselves.
        video: the prior.
        hole: True where a pixel is unknown.
        check: prove that the plan may be run. Off, deliberately wrong plans can be judged too, as long as they paint every pixel.

    Raises:
        PlanError: the plan may not be run on this hole.
        SettingError: the hole does not fit the video.
    """
    if hole.shape != (video.frames, video.pixels):
        raise SettingError(f"the hole has shape {hole.shape}, expected {(video.frames, video.pixels)}")
    incomplete = [bool(x) for x in np.any(hole, axis=1).tolist()]
    stages: Iterable[Stage] = plan.stages(incomplete) if isinstance(plan, SamplingScheme) else plan
    if check:
        window = plan.window if isinstance(plan, SamplingScheme) else video.frames
        stages = check_plan(stages, incomplete, window)
    cov = video.covariance
    unknown, known = np.flatnonzero(hole), np.flatnonzero(~hole)
    place = np.full(hole.size, -1)  # of a pixel among the unknown, or among the known ones
    place[unknown], place[known] = np.arange(len(unknown)), np.arange(len(known))
    mean_map, law = np.zeros((len(unknown), len(known))), np.zeros((len(unknown), len(unknown)))
    painted = np.zeros(hole.shape, dtype=bool)
    for stage in stages:
        latent = _pixels(hole, stage.latent)
        given = np.concatenate([_pixels(~hole, stage.frames), _pixels(painted, stage.observed)])
        weight, rest = _conditional(cov, latent, given)
        n_known = len(given) - int(painted[list(stage.observed)].sum())
        from_known, from_painted = weight[:, :n_known], weight[:, n_known:]
        at, old, done = place[latent], place[given[n_known:]], place[np.flatnonzero(painted)]
        mean_map[np.ix_(at, place[given[:n_known]])] = from_known
        mean_map[at] += from_painted @ mean_map[old]
        cross = from_painted @ law[np.ix_(old, done)]
        law[np.ix_(at, done)], law[np.ix_(done, at)] = cross, cross.T
        law[np.ix_(at, at)] = from_painted @ law[np.ix_(old, old)] @ from_painted.T + rest
        painted[list(stage.latent)] |= hole[list(stage.latent)]
    return LinearGaussian(mean_map, law)


def expected_kl(truth: LinearGaussian, law: LinearGaussian, known: Float[ndarray, "k k"]) -> float:
    """E_y KL(truth || law) in nats: 1/2 [tr(Q^-1 Q*) - u + ln|Q| - ln|Q*| + tr(Q^-1 D S_kk D')], D = A - A*.

    Args:
        truth: A*, Q*.
        law: A, Q.
        known: S_kk, the covariance of the known pixels.
    """
    factor = cho_factor(law.covariance, lower=True)
    off = law.mean_map - truth.mean_map
    second_moment = truth.covariance + off @ known @ off.T
    log_det = 2 * np.log(np.diag(factor[0])).sum()
    return float(
        0.5 * (np.trace(cho_solve(factor, second_moment)) - len(off) + log_det - np.linalg.slogdet(truth.covariance)[1])
    )


def scheme_kl(
    plan: SamplingScheme | Iterable[Stage], video: GaussianVideo, hole: Bool[ndarray, "t p"], check: bool = True
) -> float:
    """How many nats a scheme loses on a hole, against sampling all pixels jointly. 0 is exact; arguments of `induced_law`."""
    known = np.flatnonzero(~hole)
    law = induced_law(plan, video, hole, check)
    return expected_kl(posterior(video, hole), law, video.covariance[np.ix_(known, known)])


def _pixels(where: Bool[ndarray, "t p"], frames: Iterable[int]) -> ndarray:
    """Flat positions of the True pixels of some frames, in the order of the video."""
    chosen = np.zeros_like(where)
    rows = list(frames)
    chosen[rows] = where[rows]
    return np.flatnonzero(chosen)


def _conditional(cov: ndarray, of: ndarray, given: ndarray) -> tuple[ndarray, ndarray]:
    """W = S_oc S_cc^-1 and R = S_oo - W S_co."""
    lower = np.linalg.cholesky(cov[np.ix_(given, given)])
    half = solve_triangular(lower, cov[np.ix_(given, of)], lower=True)
    weight = solve_triangular(lower, half, lower=True, trans="T").T
    return weight, cov[np.ix_(of, of)] - half.T @ half
