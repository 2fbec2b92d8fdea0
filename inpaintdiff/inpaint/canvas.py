"""Where painted frames are kept between stages. A stage touches the frames of its window only, however long the video."""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inpaintdiff.errors import SettingError, VideoWriteError
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


class ClipSource(ABC):
    """A clip whose frames are made when they are asked for: what a `DiskCanvas` is painted over.

    Attributes:
        height, width: of the frames.
        rows, columns: outside of these no frame has a hole; they bound what a canvas has to keep.
    """

    height: int
    width: int
    rows: slice
    columns: slice

    @abstractmethod
    def incomplete(self) -> list[bool]:
        """For every frame: does it have a hole?"""

    @abstractmethod
    def frames(self, positions: Sequence[int]) -> Float[Tensor, "t 3 h w"]:
        """These frames, [-1, 1]; values under the hole mean nothing."""

    @abstractmethod
    def hole(self, positions: Sequence[int]) -> Bool[Tensor, "t 1 h w"]:
        """Their holes."""

    @abstractmethod
    def index(self, positions: Sequence[int]) -> Int[Tensor, " t"]:
        """Their true frame numbers."""


class DiskCanvas(Canvas):
    """Keeps what is painted in a file, so that memory is that of a window, however long the video and however many the samples.

    The file is read and written, not mapped: pages of a mapping would count as memory of the process. It holds float32, so
    that a stage sees the very bits that an earlier one painted, and outlives the process, so that painting can go on.

    Args:
        source: frames and holes on demand.
        path: of the file; one that exists already is gone on with.
        samples: number of versions to paint.

    Raises:
        SettingError: `samples` below 1.
        VideoWriteError: the file cannot be made, or is that of another painting.
    """

    def __init__(self, source: ClipSource, path: Path, samples: int = 1) -> None:
        if samples < 1:
            raise SettingError(f"samples must be at least 1, got {samples}")
        self.samples = samples
        self.path = path
        self._source = source
        self._incomplete = source.incomplete()
        self._record = list(
            accumulate(self._incomplete, initial=0)
        )  # position -> how many incomplete frames lie before it
        self._shape = _kept_shape(source)
        self._bytes = 4 * int(np.prod(self._shape))
        whole = stored_bytes(source, samples)
        try:
            path.touch()
            if path.stat().st_size not in (0, whole):
                raise VideoWriteError(
                    f"{path} has {path.stat().st_size} bytes, expected {whole}; it belongs to another painting."
                )
            os.truncate(path, whole)  # a file with holes: disk space is taken as frames are painted
        except OSError as e:
            raise _unwritable(path, e) from e

    def incomplete(self) -> list[bool]:
        return self._incomplete

    def window(self, positions: Sequence[int], samples: slice) -> Float[Tensor, "s t c h w"]:
        painted = self.painted(positions, samples)
        source = self._source.frames(positions).expand(len(painted), -1, -1, -1, -1)
        return composite(source, painted, self.hole(positions).expand(len(painted), -1, -1, -1, -1))

    def hole(self, positions: Sequence[int]) -> Bool[Tensor, "t 1 h w"]:
        return self._source.hole(positions)

    def index(self, positions: Sequence[int]) -> Int[Tensor, " t"]:
        return self._source.index(positions)

    def paste(self, positions: Sequence[int], samples: slice, painted: Float[Tensor, "s t c h w"]) -> None:
        """Keep the holes of these frames; on return they are on the disk.

        Raises:
            VideoWriteError: the disk is full, or the file is gone.
        """
        kept = composite(
            torch.zeros_like(painted, device="cpu"),
            painted.cpu(),
            self.hole(positions).expand(len(painted), -1, -1, -1, -1),
        )
        kept = kept[..., self._source.rows, self._source.columns].to(torch.float32).contiguous()
        try:
            with self.path.open("r+b", buffering=0) as file:
                for s, version in zip(range(self.samples)[samples], kept.numpy(), strict=True):
                    for i, frame in zip(positions, version, strict=True):
                        file.seek((self._record[i] * self.samples + s) * self._bytes)
                        file.write(frame.tobytes())
                os.fsync(file.fileno())
        except OSError as e:
            raise _unwritable(self.path, e) from e

    def painted(self, positions: Sequence[int], samples: slice) -> Float[Tensor, "s t c h w"]:
        """What was pasted into these frames, 0 everywhere else; the source is not asked for its frames."""
        numbers = range(self.samples)[samples]
        out = torch.zeros(len(numbers), len(positions), 3, self._source.height, self._source.width)
        try:
            with self.path.open("rb") as file:
                for k, i in enumerate(positions):
                    for j, s in enumerate(numbers if self._incomplete[i] else ()):
                        file.seek((self._record[i] * self.samples + s) * self._bytes)
                        kept = np.frombuffer(file.read(self._bytes), dtype=np.float32).reshape(self._shape)
                        out[j, k, :, self._source.rows, self._source.columns] = torch.from_numpy(kept.copy())
        except OSError as e:
            raise _unwritable(self.path, e) from e
        return out


def stored_bytes(source: ClipSource, samples: int) -> int:
    """Bytes that the file of a `DiskCanvas` has when all is painted."""
    return sum(source.incomplete()) * samples * 4 * int(np.prod(_kept_shape(source)))


def _kept_shape(source: ClipSource) -> tuple[int, int, int]:
    return 3, len(range(source.height)[source.rows]), len(range(source.width)[source.columns])


def _unwritable(path: Path, e: OSError) -> VideoWriteError:
    return (
        e
        if isinstance(e, VideoWriteError)
        else VideoWriteError(f"{path} cannot be written or read: {e.strerror or e}.")
    )
