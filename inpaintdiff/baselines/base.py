"""`Baseline`: what all of them promise, kept in one place."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.errors import SettingError
from inpaintdiff.types import VideoClip


class Baseline(ABC):
    """Fills holes from what is known of the same clip: one answer, always the same."""

    def paint(self, clip: VideoClip) -> Float[Tensor, "t c h w"]:
        """Fill the hole of a clip.

        Args:
            clip: unbatched, [t c h w] in [-1, 1]. Values under the hole do not matter, NaN included.

        Returns:
            On the clip's device, in [-1, 1]; pixels outside the hole equal the input's bit for bit. Where nothing at all is known the
            hole is grey (0).

        Raises:
            SettingError: a batch of clips.
        """
        if clip.frames.ndim != 4:
            raise SettingError(
                f"expected one clip [t c h w], got {tuple(clip.frames.shape)}; paint the clips of a batch one by one"
            )
        if not clip.hole.any():
            return clip.frames.clone()
        clean = clip.frames.masked_fill(clip.hole, 0.0)
        if clip.hole.all():
            return clean
        filled = self._fill(VideoClip(clean, clip.hole, clip.index).to("cpu")).to(clean)
        return torch.where(clip.hole, filled.clamp(-1, 1), clip.frames)

    @abstractmethod
    def _fill(self, clip: VideoClip) -> Float[Tensor, "t c h w"]:
        """Values for the hole of a clip on the CPU whose frames are 0 under it; at least one pixel of it is known and one is not.

        What is returned outside the hole is not looked at.
        """
