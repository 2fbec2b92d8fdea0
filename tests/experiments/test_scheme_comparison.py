"""What the exact bench says of the schemes on the clips of the experiment."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from inpaintdiff.analysis.gaussian import GaussianVideo, scheme_kl
from inpaintdiff.experiments import Request
from inpaintdiff.experiments.compared import ClipSet, Size
from inpaintdiff.experiments.scheme_comparison import Schemes, as_row, predicted_losses
from inpaintdiff.schemes import make_scheme
from inpaintdiff.types import VideoClip

SIZE = Size(clips=2, frames=20, calls=1, seeds=1)


def _set(*holes: torch.Tensor) -> ClipSet:
    clips = [(str(i), VideoClip(torch.zeros(len(h), 3, 4, 4), h, torch.arange(len(h)))) for i, h in enumerate(holes)]
    return ClipSet("made", lambda: clips, len(clips))


def test_a_hole_becomes_a_row_with_the_same_frames_hidden_in_the_same_way() -> None:
    hole = torch.zeros(4, 1, 4, 4, dtype=torch.bool)
    hole[1, 0, 0, 0] = True
    hole[2] = True
    assert as_row(hole).sum(axis=1).tolist() == [0, 3, 6, 0]


def test_predicted_losses_are_the_closed_form_averaged_over_clips() -> None:
    region = torch.zeros(20, 1, 4, 4, dtype=torch.bool)
    region[..., :2] = True
    whole = torch.ones(20, 1, 4, 4, dtype=torch.bool)
    whole[:4] = False
    arms = Schemes().arms(SIZE)
    one, other, both = (predicted_losses(s, arms, 8) for s in (_set(region), _set(whole), _set(region, whole)))
    assert set(both) == {a.name for a in arms}
    for name in both:
        assert both[name] == pytest.approx((one[name] + other[name]) / 2, abs=1e-9)
    hole = np.zeros((20, 6), dtype=bool)
    hole[4:] = True
    assert other["ar"] == pytest.approx(
        scheme_kl(make_scheme("ar", window=8, step=4), GaussianVideo(20), hole), abs=1e-9
    )
    # what is known to be so: nothing is lost in one window, and painting the parts apart loses most
    assert max(predicted_losses(_set(region), arms, 20).values()) < 1e-6
    assert max(other, key=other.__getitem__) == "independent"
    # the window is the model's: a larger one loses less
    assert predicted_losses(_set(region), arms, 12)["ar"] < one["ar"]


@pytest.mark.slow
def test_the_experiment_says_both(model: str, tmp_path: Path) -> None:
    request = Request(tmp_path / "run", quick=True, model=model, sets=("future frames",))
    outcome = Schemes(quick=SIZE).run(request)
    assert "rank agreement with PSNR in the hole, dB, 7 schemes" in outcome.text
    predicted = json.loads((tmp_path / "run" / "predicted.json").read_text())
    assert list(predicted) == ["future frames"]
    assert outcome.files[-1].name == "predicted.png"
