"""`InpaintingModule`: its loss, its draws, its checkpoints."""

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Timer

from inpaintdiff.checkpoint import load_denoiser
from inpaintdiff.errors import CheckpointError, SettingError
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.models.unet import PRESETS
from inpaintdiff.training.module import InpaintingModule, NetworkConfig, ObjectiveConfig
from inpaintdiff.types import VideoClip
from tests.training.runs import NETWORK, data, module, same, trainer

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


def clips(n: int = 3) -> VideoClip:
    g = torch.Generator().manual_seed(0)
    frames = torch.rand(n, 4, 3, 8, 8, generator=g) * 2 - 1
    hole = torch.rand(n, 4, 1, 8, 8, generator=g) < 0.4
    hole[:, 0] = False
    return VideoClip(frames, hole, torch.arange(4).repeat(n, 1))


def trained(**options: Any) -> InpaintingModule:
    """Not the initial network, whose output is zero whatever it sees."""
    m = module(**{"network": replace(NETWORK, dropout=0.0), **options})
    g = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in m.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=g))
    return m


OBJECTIVES = [
    ObjectiveConfig(predict=predict, sigmas=sigmas)  # type: ignore[arg-type]
    for predict in ("noise", "v", "edm")
    for sigmas in ("ddpm-linear", "log-normal")
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: f"{o.predict}/{o.sigmas}")
def test_what_lies_under_the_hole_reaches_the_target_and_never_the_input(objective: ObjectiveConfig) -> None:
    """The network's input at a given noisy x must not change with the truth; so the loss is finite for any of it.

    Known pixels are given to the network: changing one changes the loss. The hole of an observed frame is none.
    """
    m, batch = trained(objective=objective), clips()
    seen = []
    m.denoiser.register_forward_hook(lambda _, args, __: seen.append(args))
    first = m._loss(batch, "s", 3)
    assert (first > 0).all()
    assert torch.isfinite(first).all()
    other = replace(batch, frames=torch.where(batch.hole, -batch.frames, batch.frames))
    m._loss(other, "s", 3)
    (x0, sigma0, cond0), (x1, sigma1, cond1) = seen[:2]
    assert torch.equal(sigma0, sigma1)
    assert torch.equal(cond0.known, cond1.known)
    assert torch.equal(cond0.known_mask, cond1.known_mask)
    # x is truth + sigma n on both; at known pixels equal, under the hole different by the truths alone
    torch.testing.assert_close(x0 - batch.frames, x1 - other.frames, rtol=1e-3, atol=1e-4)
    assert not cond0.known[batch.hole.expand_as(cond0.known)].any()
    known = batch.frames.clone()
    known[:, 0, :, 0, 0] += 0.5
    assert not torch.equal(m._loss(replace(batch, frames=known), "s", 3), first)


@pytest.mark.parametrize("garbage", [0.0, 7.0, float("nan")])
def test_the_loss_depends_on_known_pixels_only_through_what_is_known(garbage: float) -> None:
    """The noisy value at a known pixel is never looked at: the network gets the clean one, and the loss has no term there."""
    m, batch = trained(), clips()
    spoilt = m.denoiser.forward

    def forward(x: torch.Tensor, sigma: torch.Tensor, cond: Any) -> torch.Tensor:
        return spoilt(torch.where(cond.known_mask, garbage, x), sigma, cond)

    before = m._loss(batch, "s", 3)
    m.denoiser.forward = forward  # type: ignore[method-assign]
    torch.testing.assert_close(m._loss(batch, "s", 3), before)


def test_draws_depend_on_seed_stream_and_place_alone() -> None:
    m, batch = trained(), clips(4)
    whole = m._loss(batch, "train/3/0", 4)
    assert torch.equal(whole, m._loss(batch, "train/3/0", 4))
    torch.testing.assert_close(
        m._loss(VideoClip(batch.frames[:2], batch.hole[:2], batch.index[:2]), "train/3/0", 2), whole[:2]
    )
    for other in (
        m._loss(batch, "train/4/0", 4),
        m._loss(batch, "val/3", 4),
        trained(seed=1)._loss(batch, "train/3/0", 4),
    ):
        assert (other != whole).all()
    same_clip = VideoClip(*(t[:1].expand(4, *t.shape[1:]) for t in (batch.frames, batch.hole, batch.index)))
    assert len(set(m._loss(same_clip, "train/3/0", 4).tolist())) == 4, "clips of a batch must not share their noise"


def test_the_second_of_two_ranks_has_the_second_half_of_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    m, batch = trained(), clips(4)
    whole = m._loss(batch, "train/3/0", 4)
    monkeypatch.setattr(InpaintingModule, "global_rank", 1)
    half = m._loss(VideoClip(batch.frames[2:], batch.hole[2:], batch.index[2:]), "train/3/0", 2)
    torch.testing.assert_close(half, whole[2:])


def test_the_initial_loss_is_that_of_predicting_nothing() -> None:
    """Zero-initialised head: noise prediction costs 1 a value on average."""
    m = module(objective=ObjectiveConfig(predict="noise", sigmas="ddpm-linear"))
    losses = torch.stack([m._loss(clips(8), f"{k}", 8) for k in range(20)])
    assert abs(losses.mean().item() - 1) < 0.05


def test_learning_rate_schedule() -> None:
    def rates(steps: int, **options: Any) -> list[float]:
        parts = module(lr=1.0, warmup_steps=10, **options).configure_optimizers()
        schedule, out = parts["lr_scheduler"]["scheduler"], []
        for _ in range(steps):
            out.append(parts["optimizer"].param_groups[0]["lr"])
            parts["optimizer"].step()
            schedule.step()
        return out

    plain = rates(30)
    assert plain[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert set(plain[10:]) == {1.0}
    decayed = rates(140, decay_steps=100)
    assert decayed[:10] == pytest.approx(plain[:10])
    assert decayed[60] == pytest.approx(0.01 + 0.99 * 0.5, abs=0.02)
    assert all(a >= b for a, b in pairwise(decayed[10:]))
    assert decayed[-1] == pytest.approx(0.01)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_is_plain_values(preset: str) -> None:
    arguments = NetworkConfig(preset, width=16, heads=2).arguments()
    assert arguments["width"] == 16
    assert all(isinstance(v, int | float | list) for v in arguments.values())


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(SettingError, match="expected one of"):
        module(network=NetworkConfig("huge"))


@pytest.fixture(scope="module")
def checkpoint(traffic: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[InpaintingModule, Path]:
    folder = tmp_path_factory.mktemp("checkpoint")
    m = module(sampling=SamplingConfig(calls=3))
    trainer(folder, 4).fit(m, data(traffic))
    return m, folder / "last.ckpt"


def test_a_checkpoint_paints_without_lightning(checkpoint: tuple[InpaintingModule, Path]) -> None:
    m, path = checkpoint
    denoiser, info = load_denoiser(path)
    assert info.window == 4
    assert info.size == (32, 32)
    averaged = {k.removeprefix("denoiser."): v for k, v in m.state_dict().items()}
    assert same(dict(denoiser.state_dict()), averaged), "the weights that a user gets are the averaged ones"
    raw = torch.load(path, weights_only=True)["current_model_state"]
    assert not same(raw, dict(m.state_dict()))
    code = (
        "import sys; from inpaintdiff.checkpoint import load_denoiser; load_denoiser(sys.argv[1]);"
        "sys.exit(bool({'lightning', 'mlflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 0


def test_load_from_checkpoint(checkpoint: tuple[InpaintingModule, Path], tmp_path: Path) -> None:
    m, path = checkpoint
    loaded = InpaintingModule.load_from_checkpoint(path)
    assert same(dict(loaded.state_dict()), dict(m.state_dict()))
    assert loaded.config == m.config
    assert dict(loaded.hparams) == dict(m.hparams)
    assert loaded.sampling == SamplingConfig(), "how to sample is not a property of a checkpoint"
    assert InpaintingModule.load_from_checkpoint(path, lr=0.5, sampling=SamplingConfig(calls=7)).sampling.calls == 7
    torch.save({"state_dict": {}, "hyper_parameters": {"lr": 1}}, tmp_path / "other.ckpt")
    for wrong in (tmp_path / "other.ckpt", tmp_path / "nowhere.ckpt"):
        with pytest.raises(CheckpointError) as info:
            InpaintingModule.load_from_checkpoint(wrong)
        assert "\n" not in str(info.value)


def test_start_from_takes_the_weights_of_a_like_model_only(checkpoint: tuple[InpaintingModule, Path]) -> None:
    m, path = checkpoint
    begun = module(start_from=str(path), seed=5)
    assert same(dict(begun.state_dict()), dict(m.state_dict()))
    assert not same(dict(module(seed=5).state_dict()), dict(m.state_dict())), "fresh weights are others"
    for other in (
        {"network": replace(NETWORK, width=2 * (NETWORK.width or 8))},
        {"objective": ObjectiveConfig(predict="v")},
    ):
        with pytest.raises(CheckpointError, match="start_from"):
            module(start_from=str(path), **other)


def test_training_makes_it_better() -> None:
    m, batch = module(network=replace(NETWORK, dropout=0.0), warmup_steps=1), clips()
    optimiser = m.configure_optimizers()["optimizer"]
    losses = []
    for _ in range(40):
        loss = m._loss(batch, "same draws", 3).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_the_rate_falls_with_the_time_that_is_left(tmp_path: Path) -> None:
    """With max_time, a run that never reaches decay_steps ends at a low rate all the same."""
    m = module(decay_steps=10_000, warmup_steps=1, lr=1e-3)
    t = trainer(tmp_path, 5)
    m.trainer = t
    timer = Timer(duration={"seconds": 100})
    t.callbacks.append(timer)
    schedule = m.configure_optimizers()["lr_scheduler"]["scheduler"]
    rates = []
    for used in (0.0, 50.0, 100.0, 130.0):
        timer.time_elapsed = lambda stage="train", used=used: used  # type: ignore[method-assign]
        schedule.step()
        rates.append(schedule.get_last_lr()[0])
    assert rates[0] == pytest.approx(1e-3, rel=1e-3)
    assert rates[1] == pytest.approx(5.05e-4, rel=1e-3)
    assert rates[2:] == pytest.approx([1e-5, 1e-5], rel=1e-3)


def test_the_fused_optimiser_clips_and_does_what_the_plain_one_does(traffic: Path, tmp_path: Path) -> None:
    """In mixed precision, where Lightning refuses to clip for most fused optimisers."""

    def weights(fused: bool, clip: float) -> list[torch.Tensor]:
        m = module(network=replace(NETWORK, dropout=0.0), lr=1e-2, warmup_steps=1)
        if not fused:
            m.configure_optimizers = lambda: torch.optim.AdamW(m.parameters(), lr=1e-2, weight_decay=0.0, fused=False)
        options = {"precision": "bf16-mixed", "gradient_clip_val": clip}
        trainer(tmp_path, 3, **options).fit(m, data(traffic))
        assert m.optimizers().param_groups[0]["fused"] is fused
        return [p.detach().clone() for p in m.parameters()]

    fused = weights(True, 0.01)
    for a, b in zip(fused, weights(False, 0.01), strict=True):
        torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-3)
    assert not all(torch.equal(a, b) for a, b in zip(fused, weights(True, 0.0), strict=True)), "gradients are clipped"
