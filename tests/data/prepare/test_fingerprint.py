"""Near-duplicates: a re-encoded clip is one, another time at the same place is not."""

import numpy as np
from films import crossing, drive

from inpaintdiff.data.prepare.fingerprint import fingerprint, near_duplicates


def recoded(film: np.ndarray) -> np.ndarray:
    """Darker, noisier, smaller: what another encoder makes of it."""
    noise = np.random.default_rng(1).normal(0, 5, size=film.shape)
    return (film * 0.95 + noise).clip(0, 255).astype(np.uint8)[:, ::2, ::2]


def test_copies_are_found_and_the_first_stays() -> None:
    films = [drive(24, 1), drive(24, 2), recoded(drive(24, 1)), crossing(24, 3), recoded(crossing(24, 3))]
    assert near_duplicates([fingerprint(f) for f in films]) == {2: 0, 4: 3}


def test_the_same_place_at_another_time_is_no_copy() -> None:
    film = crossing(80)
    assert near_duplicates([fingerprint(film[:24]), fingerprint(film[30:54])]) == {}
    assert near_duplicates([fingerprint(crossing(24, row=20)), fingerprint(crossing(24, row=60))]) == {}


def test_an_empty_place_twice_is_a_copy() -> None:
    empty = np.repeat(crossing(1), 24, axis=0)
    assert near_duplicates([fingerprint(empty), fingerprint(empty)]) == {1: 0}
