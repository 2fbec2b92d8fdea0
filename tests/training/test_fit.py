"""Training as a whole: what was interrupted goes on bit for bit, over the real module, data, average and checkpoints."""

from pathlib import Path

import pytest
import torch

from tests.training.runs import Cut, CutError, Losses, data, module, same, trainer

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
STEPS = 10
STATES = ("state_dict", "current_model_state", "averaging_state", "optimizer_states", "lr_schedulers", "global_step")


@pytest.fixture(scope="module")
def whole(traffic: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Losses]:
    """Ten steps without interruption: three epochs of three batches and one batch more."""
    folder = tmp_path_factory.mktemp("whole")
    losses = Losses()
    trainer(folder, STEPS, losses).fit(module(), data(traffic))
    return torch.load(folder / "last.ckpt", weights_only=True), losses


# Every cut is resumed in the same way; the default run has one at the end of an epoch, and one within it without and with a worker.
EVERY_TIME = [(3, 0), (5, 0), (5, 1)]


@pytest.mark.parametrize(
    ("cut", "workers"),
    EVERY_TIME + [pytest.param(*c, marks=pytest.mark.slow) for c in [(1, 0), (2, 0), (6, 0), (9, 0), (6, 1)]],
)
def test_ten_steps_are_a_few_a_cut_and_the_rest(
    whole: tuple[dict, Losses], traffic: Path, tmp_path: Path, cut: int, workers: int
) -> None:
    """Cuts within an epoch and at its end; weights, average, optimiser, order of data, noise and dropout."""
    with pytest.raises(CutError):
        trainer(tmp_path, STEPS, Cut(cut)).fit(module(), data(traffic, num_workers=workers))
    torch.rand(1)  # a new process has other random numbers
    losses, changed = Losses(), module()
    with torch.no_grad():
        changed.denoiser.network.conv_in.weight.add_(1)  # type: ignore[union-attr,operator]
    trainer(tmp_path, STEPS, losses).fit(
        changed, data(traffic, num_workers=workers), ckpt_path="last", weights_only=True
    )
    assert losses.at == {k: v for k, v in whole[1].at.items() if k > cut}
    resumed = torch.load(tmp_path / "last.ckpt", weights_only=True)
    for name in STATES:
        assert same(whole[0][name], resumed[name]), name


def test_a_finished_run_that_is_resumed_ends_with_the_average_too(traffic: Path, tmp_path: Path) -> None:
    first, again = module(), module()
    trainer(tmp_path, 3).fit(first, data(traffic))
    trainer(tmp_path, 3).fit(again, data(traffic), ckpt_path="last", weights_only=True)
    assert same(dict(again.state_dict()), dict(first.state_dict()))
    held = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert not same(held["state_dict"], held["current_model_state"]), "the average differs from the weights in training"


def test_twice_cut_is_the_same(whole: tuple[dict, Losses], traffic: Path, tmp_path: Path) -> None:
    for k, cut in enumerate((4, 7)):
        with pytest.raises(CutError):
            trainer(tmp_path, STEPS, Cut(cut)).fit(
                module(), data(traffic), ckpt_path="last" if k else None, weights_only=True
            )
    trainer(tmp_path, STEPS).fit(module(), data(traffic), ckpt_path="last", weights_only=True)
    resumed = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert all(same(whole[0][name], resumed[name]) for name in STATES)


def test_the_comparison_notices_another_order_of_data(
    whole: tuple[dict, Losses], traffic: Path, tmp_path: Path
) -> None:
    """Planted fault: a position that is not restored."""
    with pytest.raises(CutError):
        trainer(tmp_path, STEPS, Cut(5)).fit(module(), data(traffic))
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    saved["loops"]["fit_loop"]["state_dict"]["combined_loader"] = [{"given": 0}]
    torch.save(saved, tmp_path / "last.ckpt")
    losses = Losses()
    trainer(tmp_path, STEPS, losses).fit(module(), data(traffic), ckpt_path="last", weights_only=True)
    assert losses.at != {k: v for k, v in whole[1].at.items() if k > 5}
