"""Where painted frames are kept between stages. A stage touches the frames of its window only, however long the video."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint.composite import composite
from inpaintdiff.types import VideoClip


class Canvas(ABC):
    """A video being painted `samples` times: known pixels are shared, holes differ. Frames are named by position in the video."""

    samples: int

    @abstractmethod
    def incomplete(self) -> list[bool]:
        """For every frame of the source: does it have a hole? Painting changes nothing about it."""

    @abstractmethod
    def window(self, positions: Sequence[int], samples: slice) -> Float[Tensor, "s t c h w"]:
        """The frames as painted so far, on the CPU; values of pixels not yet painted mean nothing."""

    @abstractmethod
    def hole(self, positions: Sequence[int]) -> Bool[Tensor, "t 1 h w"]:
        """The source's holes, on the CPU."""

    @abstractmethod
    def index(self, positions: Sequence[int]) -> Int[Tensor, " t"]:
        """True frame numbers."""

    @abstractmethod
    def paste(self, positions: Sequence[int], samples: slice, painted: Float[Tensor, "s t c h w"]) -> None:
        """Keep `painted` in the holes of these frames, and of nothing else."""


class MemoryCanvas(Canvas):
    """Keeps the painted frames only; the source is shared with the caller and never written to.

    Args:
        clip: unbatched, [t c h w].
        samples: number of versions to paint.

    Raises:
        SettingError: `samples` below 1, or a clip with a batch dimension.
    """

    def __init__(self, clip: VideoClip, samples: int = 1) -> None:
        if samples < 1:
            raise SettingError(f"samples must be at least 1, got {samples}")
        if clip.frames.ndim != 4:
            raise SettingError(
                f"expected one clip [t c h w], got {tuple(clip.frames.shape)}; paint the clips of a batch one by one"
            )
        self.samples = samples
        self._clip = clip.to(torch.device("cpu"))
        self._painted: dict[int, Tensor] = {}  # position -> s c h w
        self._unfinished: dict[int, set[int]] = {}  # position -> samples still to come

    def incomplete(self) -> list[bool]:
        return self._clip.incomplete()

    def window(self, positions: Sequence[int], samples: slice) -> Float[Tensor, "s t c h w"]:
        return torch.stack([self._frame(i)[samples] for i in positions], dim=1)

    def hole(self, positions: Sequence[int]) -> Bool[Tensor, "t 1 h w"]:
        return self._clip.hole[list(positions)]

    def index(self, positions: Sequence[int]) -> Int[Tensor, " t"]:
        return self._clip.index[list(positions)]

    def paste(self, positions: Sequence[int], samples: slice, painted: Float[Tensor, "s t c h w"]) -> None:
        new = painted.cpu()
        for k, i in enumerate(positions):
            if i not in self._painted:
                self._painted[i] = self._frame(i).clone()
                self._unfinished[i] = set(range(self.samples))
            self._painted[i][samples] = composite(
                self._frame(i)[samples], new[:, k], self._clip.hole[i].expand(len(new), -1, -1, -1)
            )
            self._unfinished[i] -= set(range(self.samples)[samples])

    def clip(self) -> VideoClip:
        """The video as painted so far, [samples t c h w], on the CPU.

        `hole` is what is still to be painted: all False once every stage has run. Known pixels equal the source's bit for bit.
        """
        n = self.samples
        frames = self._clip.frames.expand(n, -1, -1, -1, -1).clone()
        hole = self._clip.hole.expand(n, -1, -1, -1, -1).clone()
        for i, painted in self._painted.items():
            frames[:, i] = painted
            hole[[s for s in range(n) if s not in self._unfinished[i]], i] = False
        return VideoClip(frames, hole, self._clip.index.expand(n, -1).clone())

    def _frame(self, i: int) -> Float[Tensor, "s c h w"]:
        return self._painted[i] if i in self._painted else self._clip.frames[i].expand(self.samples, -1, -1, -1)
