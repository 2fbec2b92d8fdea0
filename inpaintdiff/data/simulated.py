"""Clips that are simulated when they are first asked for: training without files, and without an end."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
from jaxtyping import Bool, UInt8

from inpaintdiff.data.clip_sources import ClipSource
from inpaintdiff.data.format import ClipEntry
from inpaintdiff.data.synthetic.scene import FPS
from inpaintdiff.data.synthetic.worlds import Simulated, find_world
from inpaintdiff.data.synthetic.write import clip_seed
from inpaintdiff.errors import SettingError


class SimulatedSource(ClipSource):
    """A split of a simulated world, clip for clip what `data synthesize` would write (before the codec), kept in memory for a while.

    Args:
        world: name in `WORLDS`.
        split: train, val or test; seeds of different splits never meet.
        count: clips that the split has.
        keep: clips that stay in memory, those used last; one takes 3 x frames x size^2 bytes. Every worker process has its own.
        variant: of the world; its default one if None.
        frames: length of each.
        size: height and width, pixels.
        seed: of the data set.

    Raises:
        SettingError: an unknown world or variant, or a number out of range.
    """

    def __init__(
        self,
        world: str,
        split: str,
        count: int,
        keep: int,
        variant: str | None = None,
        frames: int = 64,
        size: int = 64,
        seed: int = 0,
    ) -> None:
        if count < 1 or keep < 1 or frames < 1 or size < 16:
            raise SettingError(
                f"cannot simulate {count} clips of {frames} frames, {size} pixels, {keep} of them kept; expected at least 1 clip,"
                " 1 frame, 16 pixels, 1 kept"
            )
        known, self.variant = find_world(world, variant)
        self._simulate = known.simulate
        self.root, self.fps = Path(f"simulated-{world}"), float(FPS)
        self.height = self.width = size
        self.split, self.seed, self.keep, self.clip_frames = split, seed, keep, frames
        self.entries = _Entries(split, count, frames)
        self._clips: OrderedDict[int, Simulated] = OrderedDict()

    def own_hole(self, i: int) -> Bool[np.ndarray, "t h w"]:
        hole = self._clip(i).hole
        # a copy: torch takes no arrays that cannot be written to
        return np.array(np.broadcast_to(hole, (self.clip_frames, self.height, self.width)))

    def frames(self, i: int, ixs: tuple[int, ...]) -> UInt8[np.ndarray, "t h w 3"]:
        return np.ascontiguousarray(self._clip(i).frames[list(ixs)])

    def _clip(self, i: int) -> Simulated:
        if i not in self._clips:
            seed = clip_seed(self.seed, self.split, i)
            self._clips[i] = self._simulate(seed, self.clip_frames, self.height, self.variant)
            if len(self._clips) > self.keep:
                self._clips.popitem(last=False)
        self._clips.move_to_end(i)
        return self._clips[i]


class _Entries(Sequence[ClipEntry]):
    """As many entries as a split has, none of which has to exist before it is asked for."""

    def __init__(self, split: str, count: int, frames: int) -> None:
        self.split, self.clips, self.length = split, count, frames

    def __len__(self) -> int:
        return self.clips

    @overload
    def __getitem__(self, i: int) -> ClipEntry: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[ClipEntry]: ...
    def __getitem__(self, i: int | slice) -> ClipEntry | Sequence[ClipEntry]:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(self.clips))]
        if not -self.clips <= i < self.clips:
            raise IndexError(i)
        return ClipEntry(f"{self.split}/{i % self.clips:06d}", self.length)
