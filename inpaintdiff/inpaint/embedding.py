"""A vector for every frame of a video, from a file: what the scheme `adaptive` measures distances in."""

from pathlib import Path

import numpy as np

from inpaintdiff.errors import SettingError


def read_embedding(path: str | Path) -> tuple[tuple[float, ...], ...]:
    """Read a .npy array (frames, features) of numbers.

    Raises:
        SettingError: missing, unreadable, of another shape, or with values that are not finite.
    """
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as e:
        raise SettingError(f"cannot read the embedding {path}: {e}; expected a .npy array (frames, features)") from e
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or not np.issubdtype(vectors.dtype, np.number):
        raise SettingError(f"the embedding {path} is no array of numbers (frames, features)")
    if not np.isfinite(vectors).all():
        raise SettingError(f"the embedding {path} holds values that are not finite; distances to those mean nothing")
    return tuple(tuple(float(v) for v in row) for row in vectors)
