"""The cars world: which car was painted is told by all cars that could be there, and how often each comes up is known."""

import numpy as np
import pytest
import torch

from inpaintdiff.data.synthetic.cars import MODEL_SHARES, PAINT_SHARES, simulate_car
from inpaintdiff.data.synthetic.truth import car_appearances
from inpaintdiff.data.video import to_unit
from inpaintdiff.metrics.generative import frequencies, nearest_mode


def classified(seed: int, noises: tuple[float, ...]) -> tuple[tuple[str, str], list[tuple[str, str]]]:
    """What was drawn, and what the first picture's hole, more and less noisy, is nearest to."""
    scene = simulate_car(seed, 1)
    hole = torch.from_numpy(scene.hole)[:, None].expand(1, 3, -1, -1)
    values = to_unit(scene.frames)[hole]
    cars = car_appearances(seed, 1)
    dirt = torch.randn(values.shape, generator=torch.Generator().manual_seed(seed))
    answers = torch.stack([values + noise * dirt for noise in noises])
    which, _ = nearest_mode(answers, torch.stack([x[hole] for x in cars.values()]))
    return (scene.labels["model"], scene.labels["paint"]), [list(cars)[k] for k in which.tolist()]


def test_the_car_that_was_drawn_is_the_nearest() -> None:
    drawn, told = classified(3, (0.0, 0.2))
    assert told == [drawn, drawn]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_cars_are_told_apart_and_come_up_as_often_as_the_world_says() -> None:
    """The true clips keep the known shares; a painter that knows only the likeliest car does not."""
    clean, dirty = zip(
        *[[x == drawn for x in told] for drawn, told in (classified(s, (0.0, 0.2)) for s in range(16))], strict=True
    )
    assert all(clean)
    assert np.mean(dirty) > 0.9
    labels = [simulate_car(seed, 1, 16).labels for seed in range(300)]
    for part, shares in (("model", MODEL_SHARES), ("paint", PAINT_SHARES)):
        counts = torch.tensor([sum(told[part] == name for told in labels) for name in shares])
        found = frequencies(counts, list(shares.values()))
        assert found.chance > 0.01
        assert found.distance < 0.12
        likeliest = torch.tensor([300 if share == max(shares.values()) else 0 for share in shares.values()])
        assert frequencies(likeliest, list(shares.values())).chance < 1e-6
