"""`CutOut`: the part of a video that one region covers, at the model's size, decoded when it is asked for."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from inpaintdiff.data.hole_track import HoleTrack
from inpaintdiff.data.video import VideoReader, to_uint8, to_unit
from inpaintdiff.inpaint.canvas import ClipSource
from inpaintdiff.inpaint.composite import composite
from inpaintdiff.inpaint.regions import Region

# Frames are kept up to so many and so many bytes; a small one takes more memory than its bytes.
_KEPT_FRAMES, _KEPT_BYTES = 64, 16 * 2**20
# Whole frames are in memory at once up to so many bytes: more than any window of a model needs at usual sizes.
_READ_BYTES = 2**28


class CutOut(ClipSource):
    """What the network sees of a video.

    Args:
        video: frames by number.
        holes: of the same length and size.
        region: where to look.
    """

    def __init__(self, video: VideoReader, holes: HoleTrack, region: Region) -> None:
        self.region = region
        self.height, self.width = region.height, region.width
        self._video, self._holes = video, holes
        self._incomplete = holes.incomplete_within(*region.inside())
        extent: np.ndarray = region.shrink_hole(_hole(region.cut(holes.union[None])))[0, 0].numpy()
        self.rows, self.columns = _extent(extent, axis=1), _extent(extent, axis=0)
        # Samples are painted one after the other from the same frames, and neighbouring windows share most of theirs.
        self._kept: dict[int, Tensor] = {}

    def incomplete(self) -> list[bool]:
        return self._incomplete

    def frames(self, positions: Sequence[int]) -> Float[Tensor, "t 3 h w"]:
        missing = sorted(set(positions) - set(self._kept))
        if missing:
            self._kept |= dict(zip(missing, self._read(missing), strict=True))
        for i in positions:
            self._kept[i] = self._kept.pop(i)  # the end of the queue: what was used last is kept longest
        out = torch.stack([self._kept[i] for i in positions])
        most = max(len(positions), min(_KEPT_FRAMES, _KEPT_BYTES // (out[0].nelement() * out.element_size())))
        for i in list(self._kept)[: max(0, len(self._kept) - most)]:
            del self._kept[i]
        return out

    def _read(self, positions: list[int]) -> Float[Tensor, "t 3 h w"]:
        """At once what is small; else from the beginning, so that of whole frames only one is in memory."""

        def cut(frames: UInt8[np.ndarray, "t ph pw 3"]) -> Float[Tensor, "t 3 h w"]:
            return self.region.shrink(to_unit(self.region.cut(frames)))

        info = self._video.info
        if len(positions) * info.height * info.width * 3 <= _READ_BYTES:
            return cut(self._video.read(positions))
        return torch.cat([cut(f[None]) for f in islice(self._video.iter(set(positions)), len(positions))])

    def hole(self, positions: Sequence[int]) -> Bool[Tensor, "t 1 h w"]:
        return self.region.shrink_hole(_hole(self.region.cut(self._holes.read(positions))))

    def index(self, positions: Sequence[int]) -> Int[Tensor, " t"]:
        return torch.tensor(list(positions), dtype=torch.long)

    def complete(
        self,
        out: UInt8[np.ndarray, "h w 3"],
        source: UInt8[np.ndarray, "h w 3"],
        hole: Bool[np.ndarray, "h w"],
        painted: Float[Tensor, "1 3 mh mw"],
    ) -> None:
        """Put what was painted into the region's own pixels of `out`; no other pixel is written to.

        Args:
            out: a frame of the video, at its own size, that other regions may have been put into.
            source: the frame as it was.
            hole: of this frame.
            painted: at the model's size; values outside the hole do not matter.
        """
        region = self.region
        known = region.shrink(to_unit(region.cut(source[None])))
        small = composite(known, painted, region.shrink_hole(_hole(region.cut(hole[None]))))
        inside = region.inside()
        ours = (hole & region.own)[inside]
        out[inside][ours] = to_uint8(region.enlarge(small))[0][ours]


def _hole(cut: Bool[np.ndarray, "t h w"]) -> Bool[Tensor, "t 1 h w"]:
    return torch.from_numpy(np.ascontiguousarray(cut)).unsqueeze(1)


def _extent(marked: Bool[np.ndarray, "h w"], axis: int) -> slice:
    at = np.flatnonzero(np.any(marked, axis=axis))
    return slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0)
