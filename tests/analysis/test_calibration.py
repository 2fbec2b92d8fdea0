"""Timing, with a clock that tells what it is told: what the machine does cannot be tested, what is made of it can."""

import pytest
import torch

from inpaintdiff.analysis.calibration import calibrate, denoiser_call
from inpaintdiff.analysis.cost import Makeup
from tests.painting.small import CONFIG


class Machine:
    """Does a million operations a second after 5 ms; the first call of a make-up takes a second more."""

    def __init__(self, overhead: float = 0.005, rate: float = 1e6) -> None:
        self.now, self.overhead, self.rate = 0.0, overhead, rate
        self.calls: list[Makeup] = []

    def flops(self, makeup: Makeup) -> int:
        return 1000 * makeup.frames + 500 * makeup.unknown

    def call(self, makeup: Makeup) -> None:
        self.now += self.overhead + self.flops(makeup) / self.rate + (makeup not in self.calls)
        # every fourth call meets another program
        self.now += 0.3 if len(self.calls) % 4 == 2 else 0.0
        self.calls.append(makeup)


def test_a_line_is_found_again() -> None:
    machine = Machine()
    wanted = {Makeup(16, 12): 10, Makeup(12, 12): 1}
    speed = calibrate(machine.call, machine.flops, wanted, clock=lambda: machine.now, seconds=10.0)
    assert speed.overhead == pytest.approx(0.005)
    assert speed.rate == pytest.approx(1e6)
    assert max(machine.calls) == Makeup(16, 12), "the make-up that takes most of the time is timed"


def test_what_is_too_slow_is_timed_with_fewer_frames() -> None:
    machine = Machine(rate=1e3)
    main = Makeup(64, 32)
    speed = calibrate(machine.call, machine.flops, {main: 1}, clock=lambda: machine.now, seconds=80.0)
    assert 4 < max(m.frames for m in machine.calls) < 64
    assert machine.now < 2 * 80
    assert speed.seconds(machine.flops(main)) == pytest.approx(80.0, rel=0.01)


@pytest.mark.parametrize("overhead", [0.0, -0.001])
def test_no_negative_overhead(overhead: float) -> None:
    """Where a few frames are no cheaper than their share, time is taken to be proportional."""
    machine = Machine(overhead=overhead)
    speed = calibrate(machine.call, machine.flops, {Makeup(8, 8): 1}, clock=lambda: machine.now, seconds=10.0)
    assert speed.overhead == pytest.approx(0, abs=1e-9)
    assert speed.seconds(machine.flops(Makeup(8, 8))) == pytest.approx(overhead + 0.012)


def test_what_is_called_is_a_denoiser() -> None:
    from inpaintdiff.model_config import build_denoiser

    denoiser = build_denoiser(CONFIG).eval()
    out = denoiser_call(denoiser, 16, 16, torch.bfloat16)(Makeup(4, 2))
    assert out.shape == (1, 4, 3, 16, 16)
    assert out.dtype == torch.float32
