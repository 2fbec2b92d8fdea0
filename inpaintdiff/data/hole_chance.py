"""Chance in whole numbers, the same on every machine: holes that are drawn again somewhere else must be the same holes.

Only the raw words of the bit generator are used. numpy promises that those never change; it does not promise so for its distributions,
and floats differ between processors where logarithms, exponentials and Fourier transforms are concerned.
"""

import numpy as np
from jaxtyping import Int

_WORD = 32


def whole(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included, each as likely up to (high - low) / 2^32."""
    assert low <= high < low + 2**_WORD
    return low + (_words(rng, 1).item() * (high - low + 1) >> _WORD)


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with this probability, to the nearest 2^-32."""
    return bool(_words(rng, 1).item() < round(probability * 2**_WORD))


def noise(rng: np.random.Generator, height: int, width: int) -> Int[np.ndarray, "h w"]:
    """White noise: whole numbers, evenly from -2^31 to 2^31 - 1."""
    return _words(rng, height * width).astype(np.int64).reshape(height, width) - 2 ** (_WORD - 1)


def _words(rng: np.random.Generator, n: int) -> np.ndarray:
    """So many words of 32 bits; some bit generators give no more at a time, of the others the lower half is as good as the upper."""
    return rng.bit_generator.random_raw(n) & np.uint64(2**_WORD - 1)
