"""Observed frames go through the first part of the network once, and nothing else changes: not a bit."""

import pytest
import torch

from inpaintdiff.inpaint import inpainter as module
from inpaintdiff.inpaint.condition import condition
from inpaintdiff.inpaint.remembered import Remembered
from inpaintdiff.schemes import Stage, scheme_names
from tests.inpaint.small import clip, inpainter, random_network


def painted(network, scheme="hierarchy-2", samples=2, **options):
    return inpainter(network, scheme, **options)(clip(10), samples=samples, seed=3).frames


def counted(network):
    """How often a frame was observed by the network."""
    count = []
    observe = network.network.observe
    network.network.observe = lambda *args: (count.append(1), observe(*args))[1]
    return count


@pytest.mark.parametrize("per_batch", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("scheme", scheme_names())
def test_what_is_remembered_is_what_would_be_computed(monkeypatch, scheme, per_batch):
    network = random_network()
    count = counted(network)
    kept = painted(network, scheme, samples_per_batch=per_batch, steps=2)
    few = len(count)
    monkeypatch.setattr(module, "Remembered", lambda stages, incomplete: Remembered(stages, incomplete, most_bytes=0))
    count.clear()
    assert torch.equal(painted(network, scheme, samples_per_batch=per_batch, steps=2), kept)
    assert len(count) > few or scheme == "independent"


def test_every_frame_is_observed_once():
    network = random_network()
    count = counted(network)
    plan = inpainter(network).plan(clip(10).incomplete())
    once = {i for stage in plan for i in stage.observed}
    incomplete = clip(10).incomplete()
    painted(network, "ar", samples=3, samples_per_batch=1)
    assert len(count) == sum(3 if incomplete[i] else 1 for i in once) < sum(3 * len(s.observed) for s in plan)


def test_a_frame_that_is_taken_for_another_is_noticed(monkeypatch):
    """Planted fault: what the tests above must be able to see."""

    class Confused(Remembered):
        def recall(self, sample, frame, make):
            return super().recall(0, max(0, frame - 1), make)

    network = random_network()
    kept = painted(network)
    monkeypatch.setattr(module, "Remembered", Confused)
    assert not torch.equal(painted(network), kept)


def test_samples_do_not_depend_on_each_other():
    network = random_network()
    alone = painted(network, samples=1, samples_per_batch=1)
    assert torch.equal(painted(network, samples=3, samples_per_batch=1)[:1], alone)


def maps(size=10):
    return [torch.zeros(size)]


def test_what_no_later_stage_observes_is_dropped_and_memory_is_bounded():
    stages = [Stage((4,), (), (0, 1)), Stage((5,), (), (1, 4)), Stage((6,), (), (1,))]
    remembered = Remembered(stages, [False] * 4 + [True] * 3, most_bytes=80)
    for i in (0, 1):
        remembered.recall(0, i, maps)
    assert (len(remembered), remembered.bytes) == (2, 80)
    assert remembered.recall(1, 1, lambda: pytest.fail("a frame without a hole is the same in all samples"))
    remembered.finish(0)
    assert (len(remembered), remembered.bytes) == (1, 40)
    for sample in (0, 1):
        remembered.recall(sample, 4, maps)
    assert remembered.bytes == 80, "what was used longest ago gave way"
    remembered.recall(0, 1, maps)
    assert remembered.bytes == 80
    remembered.finish(2)
    assert (len(remembered), remembered.bytes) == (0, 0)
    assert remembered.recall(0, 1, lambda: maps(1000)), "what is too large for it is given all the same"
    assert remembered.bytes == 0


def test_in_training_mode_nothing_is_remembered():
    network = random_network().train()
    count = counted(network)
    frames = torch.rand(1, 3, 3, 8, 8)
    unknown = torch.zeros(1, 3, 1, 8, 8, dtype=torch.bool)
    unknown[:, 0] = True
    cond = condition(frames, unknown, torch.arange(3)[None])
    sigma = torch.ones(1)
    trained = network.on(cond)(frames, sigma)
    assert not count
    assert torch.equal(trained, network(frames, sigma, cond))
    seen = network.eval().on(cond)(frames, sigma)
    assert len(count) == 2
    torch.testing.assert_close(seen, trained, atol=1e-5, rtol=0)
