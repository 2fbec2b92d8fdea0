"""The single seam between networks and everything else: a `Denoiser` estimates clean frames and hides the parametrisation."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inpaintdiff.diffusion.precondition import Precondition
from inpaintdiff.types import Conditioning

Denoise = Callable[[Float[Tensor, "b t c h w"], Float[Tensor, " b"]], Float[Tensor, "b t c h w"]]
Features = Sequence[Tensor]
Recall = Callable[[int, int, Callable[[], Features]], Features]


class Denoiser(nn.Module, ABC):
    """D(x; sigma): the expected clean frames given x = x0 + sigma n on unknown pixels and the true values on known ones."""

    @abstractmethod
    def forward(
        self, x: Float[Tensor, "b t c h w"], sigma: Float[Tensor, " b"], cond: Conditioning
    ) -> Float[Tensor, "b t c h w"]:
        """Estimate the clean frames.

        Args:
            x: noisy frames in the variance-exploding scale; values at known pixels are ignored.
            sigma: noise level of the unknown pixels, > 0, one a clip.
            cond: known pixels and true frame numbers.

        Returns:
            float32; equal to `cond.known` where known.
        """

    def on(self, cond: Conditioning, recall: Recall = lambda b, t, make: make()) -> Denoise:
        """D(.; .) of one window, for many calls; what depends on neither x nor sigma may be computed once.

        Args:
            cond: of all calls.
            recall: `recall(b, t, make)` is what `make()` gives for frame t of element b, perhaps from an earlier window;
                it is asked for observed frames only.
        """
        return lambda x, sigma: self(x, sigma, cond)


class NetworkDenoiser(Denoiser):
    """A video network behind a preconditioning (EDM, arXiv 2206.00364, equation 7).

    The network gets `where(known, clean, c_in x)`, the known-pixel indicator, a noise level per frame and the true frame
    numbers. Observed frames are clean: they get the embedding of level 0, whatever the level of the others.
    """

    def __init__(self, network: nn.Module, precondition: Precondition) -> None:
        super().__init__()
        self.network = network
        self.precondition = precondition

    def forward(
        self, x: Float[Tensor, "b t c h w"], sigma: Float[Tensor, " b"], cond: Conditioning
    ) -> Float[Tensor, "b t c h w"]:
        return self._estimate(x, sigma, cond, {})

    def on(self, cond: Conditioning, recall: Recall = lambda b, t, make: make()) -> Denoise:
        """As the base class; in evaluation mode, of a network that can `observe`, observed frames are seen once and not at every step."""
        if self.training or not hasattr(self.network, "observe"):
            return super().on(cond, recall)
        level = self.precondition.noise_condition(cond.known.new_zeros(1, 1, dtype=torch.float32))
        observed = [
            recall(b, t, lambda frame=cond.known[b, t : t + 1]: self.network.observe(frame, level))  # type: ignore[misc,operator]
            for b, t in cond.observed_frames().nonzero().tolist()
        ]
        return lambda x, sigma: self._estimate(x, sigma, cond, {"observed": observed})

    def _estimate(
        self,
        x: Float[Tensor, "b t c h w"],
        sigma: Float[Tensor, " b"],
        cond: Conditioning,
        known: dict[str, Sequence[Features]],
    ) -> Float[Tensor, "b t c h w"]:
        k = self.precondition.coefficients(sigma.float().view(-1, 1, 1, 1, 1))
        inputs = torch.where(cond.known_mask, cond.known, k.c_in * x)
        level = torch.where(cond.observed_frames(), 0.0, sigma.float().unsqueeze(1))  # b t
        out = self.network(inputs, cond.known_mask, self.precondition.noise_condition(level), cond.index, **known)
        estimate = k.c_skip * x + k.c_out * out.float()
        return torch.where(cond.known_mask, cond.known, estimate)


def estimates(
    denoiser: Denoiser,
    cond: Conditioning,
    limit: float | None = 1.0,
    precision: Callable[[], AbstractContextManager[Any]] = nullcontext,
    recall: Recall = lambda b, t, make: make(),
) -> Denoise:
    """D(.; .) of one window as solvers are given it: estimates have the type of the solver's state and lie in the range of frames.

    Args:
        denoiser: in the mode that it is to paint in.
        cond: see `Denoiser.on`.
        limit: estimates are clamped to [-limit, limit]; None for no clamping.
        precision: makes what surrounds each use of the network, see `autocast_to`; by default nothing, so that an outer autocast holds.
        recall: see `Denoiser.on`.
    """
    with precision():
        estimate = denoiser.on(cond, recall)

    def denoise(x: Float[Tensor, "b t c h w"], sigma: Float[Tensor, " b"]) -> Float[Tensor, "b t c h w"]:
        with precision():
            clean = estimate(x, sigma).to(x.dtype)
        return clean if limit is None else clean.clamp(-limit, limit)

    return denoise


def autocast_to(dtype: torch.dtype | None, device: torch.device) -> Callable[[], torch.autocast]:
    """Makes contexts in which networks compute in `dtype`; with None in their own, also where an outer autocast says otherwise."""
    return lambda: torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)
