"""`HoleTrack`: the hole of a video of any length, a picture at a time. Equal pictures are kept once, packed, and on disk."""

import hashlib
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import IO

import numpy as np
from jaxtyping import Bool

from inpaintdiff.errors import HoleError

_LARGE = 0.6


class HoleFacts:
    """What is known of a hole after some of its pictures, and whether it can be meant."""

    def __init__(self) -> None:
        self._pictures = self._painted = 0
        self._pixels = self._size = 0
        self._sides = np.ones(4, dtype=bool)

    def add(self, picture: Bool[np.ndarray, "h w"]) -> int:
        """Look at one more picture; the number of its pixels that are to be painted comes back."""
        count = int(np.count_nonzero(picture))
        self._pictures += 1
        if count:
            self._painted += 1
            self._pixels, self._size = self._pixels + count, self._size + picture.size
            self._sides &= [side.any() for side in (picture[0], picture[-1], picture[:, 0], picture[:, -1])]
        return count

    def check(self, allow_large: bool = False) -> None:
        """See `inpaintdiff.data.holes.check_hole`."""
        if self._painted == 0:
            raise HoleError("the mask marks no pixel (all values 0). Nothing to fill.")
        if self._pixels == self._size and self._painted == self._pictures:
            raise HoleError(
                "the mask marks every pixel, so nothing is known to fill it from. "
                "White is filled; if black was meant: --invert-mask."
            )
        if allow_large:
            return
        fix = "White is filled; if black was meant: --invert-mask. If this is meant: --yes."
        if self._pixels > _LARGE * self._size:
            raise HoleError(f"the mask marks {self._pixels / self._size:.0%} of the picture and looks inverted. {fix}")
        if self._sides.all():
            raise HoleError(f"the mask touches all four borders in every frame and looks inverted. {fix}")


def _close(file: IO[bytes]) -> None:
    """What a full disk did not take is tried once more here, and not missed."""
    with suppress(OSError):
        file.close()


class HoleTrack:
    """Holes of all frames; True is to be painted.

    Memory is a few bytes a frame and a few pictures, whatever the length: pictures lie packed in a nameless temporary file.

    Args:
        pictures: one a frame, or a single one that holds for all; consumed one by one.
        frames: length of the video.
        height, width: of the video, pixels.

    Attributes:
        union: pixels that are hole in any frame.
        pixels: pixels to paint in all frames together.
    """

    def __init__(self, pictures: Iterable[Bool[np.ndarray, "h w"]], frames: int, height: int, width: int) -> None:
        self.frames, self.height, self.width = frames, height, width
        self.union: Bool[np.ndarray, "h w"] = np.zeros((height, width), dtype=bool)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the object
        weakref.finalize(self, _close, self._file)
        self._bytes = (height * width + 7) // 8
        self._facts = HoleFacts()
        numbers: dict[bytes, int] = {}
        counts: list[int] = []
        at: list[int] = []
        for picture in pictures:
            count = self._facts.add(picture)
            packed = np.packbits(picture).tobytes()
            key = hashlib.sha256(packed).digest()
            if key not in numbers:
                numbers[key] = len(numbers)
                counts.append(count)
                self._file.write(packed)
                self.union |= picture
            at.append(numbers[key])
        self._file.flush()
        self._keys = list(numbers)
        self._at = np.asarray(at if len(at) > 1 else at * frames, dtype=np.int32)
        self._counts = np.asarray(counts, dtype=np.int64)
        if len(self._at) != frames:
            raise ValueError(f"{len(self._at)} pictures were given for {frames} frames")
        self.pixels = int(self._counts[self._at].sum())

    def __len__(self) -> int:
        return self.frames

    def __iter__(self) -> Iterator[Bool[np.ndarray, "h w"]]:
        """All pictures in order, one in memory at a time."""
        return (self._picture(int(k)) for k in self._at)

    def read(self, positions: Sequence[int]) -> Bool[np.ndarray, "t h w"]:
        """The holes of these frames."""
        out = np.empty((len(positions), self.height, self.width), dtype=bool)
        for k, i in enumerate(positions):
            out[k] = self._picture(int(self._at[i]))
        return out

    @property
    def moves(self) -> bool:
        """Whether any two of its pictures differ."""
        return len(self._keys) > 1

    def incomplete(self) -> list[bool]:
        """For every frame: is anything to be painted?"""
        return [bool(n) for n in self._counts[self._at] > 0]

    def incomplete_within(self, rows: slice, columns: slice) -> list[bool]:
        """For every frame: is anything to be painted within this part of the picture?"""
        found = np.array([self._picture(k)[rows, columns].any() for k in range(len(self._keys))], dtype=bool)
        return [bool(x) for x in found[self._at]]

    def check(self, allow_large: bool = False) -> None:
        """Stops what is most likely a mistake, see `inpaintdiff.data.holes.check_hole`.

        Raises:
            HoleError: nothing is marked, everything is, or (unless `allow_large`) it looks inverted.
        """
        self._facts.check(allow_large)

    def digest(self) -> str:
        """SHA-256 of size, length and every pixel; the same however the hole was given."""
        whole = hashlib.sha256(f"{self.frames}x{self.height}x{self.width}".encode())
        for k in self._at:
            whole.update(self._keys[k])
        return whole.hexdigest()

    def _picture(self, k: int) -> Bool[np.ndarray, "h w"]:
        self._file.seek(k * self._bytes)
        packed = np.frombuffer(self._file.read(self._bytes), dtype=np.uint8)
        return np.unpackbits(packed, count=self.height * self.width).view(bool).reshape(self.height, self.width)
