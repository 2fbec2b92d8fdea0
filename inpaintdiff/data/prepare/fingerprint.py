"""Near-duplicates: the same clip again, encoded or scaled otherwise, though not the same road at another time."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from inpaintdiff.data.prepare.signals import small_grey

# The hash: signs of the lowest 8 x 8 frequencies of a 32 x 32 picture.
_HASH_SIDE, _FREQUENCIES = 32, 8
# Bits that a re-encoded clip may have different.
_BITS = 6
# Motion: differences from the mean picture at so many moments, on a grid of so many cells a side.
_MOMENTS, _CELLS = 6, 8
_SAME_MOTION = 0.9
# Below so many grey levels (root mean square) nothing moves.
_NO_MOTION = 1.0


@dataclass(frozen=True)
class Fingerprint:
    """What a clip looks like and how it moves.

    A camera that stands still sees the same place all day, so clips of it look alike; only their motion tells them apart.

    Attributes:
        look: 64 bits of the mean picture, as hexadecimal digits.
        motion: int8 differences from the mean picture, base64.
    """

    look: str
    motion: str


def fingerprint(frames: UInt8[np.ndarray, "t h w 3"]) -> Fingerprint:
    """The fingerprint of a clip."""
    mean = np.mean([small_grey(f, _HASH_SIDE) for f in frames], axis=0, dtype=np.float64).astype(np.float32)
    low = cv2.dct(mean)[:_FREQUENCIES, :_FREQUENCIES].ravel()[1:]
    bits = np.packbits(np.append(low > np.median(low), False))
    at = np.rint(np.linspace(0, len(frames) - 1, _MOMENTS)).astype(int)
    moments = np.stack([small_grey(frames[i], _CELLS) for i in at])
    motion = np.rint(moments - moments.mean(axis=0)).clip(-127, 127).astype(np.int8)
    return Fingerprint(bits.tobytes().hex(), base64.b64encode(motion.tobytes()).decode())


def near_duplicates(prints: Sequence[Fingerprint]) -> dict[int, int]:
    """For every clip that repeats an earlier one that is kept: which.

    Clips are compared as wholes: a copy that begins a second later is not found. Time grows with the square of their number, 10^9
    pairs in about a second.
    """
    looks = np.array([int(p.look, 16) for p in prints], dtype=np.uint64)
    repeats: dict[int, int] = {}
    kept: list[int] = []
    among = np.empty(len(prints), dtype=np.uint64)
    for i, look in enumerate(looks):
        near = np.flatnonzero(np.bitwise_count(among[: len(kept)] ^ look) <= _BITS)
        twin = next((kept[k] for k in near if _move_alike(prints[i], prints[kept[k]])), None)
        if twin is None:
            among[len(kept)] = look
            kept.append(i)
        else:
            repeats[i] = twin
    return repeats


def _move_alike(a: Fingerprint, b: Fingerprint) -> bool:
    x, y = (np.frombuffer(base64.b64decode(p.motion), dtype=np.int8).astype(np.float64) for p in (a, b))
    norms = np.sqrt(np.mean(x * x)), np.sqrt(np.mean(y * y))
    if max(norms) < _NO_MOTION:
        return True
    return bool(np.mean(x * y) > _SAME_MOTION * max(norms) ** 2)
