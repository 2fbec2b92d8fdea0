"""EMA: the right average, seen wherever weights are judged, never in the way of training, exact on resume."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from torch import Tensor

from inpaintdiff.errors import SettingError
from inpaintdiff.training.ema import EMA
from tests.training.tiny import Tiny, equal, loader, trainer

pytestmark = [
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no"),
]


def recursion(history: list[dict[str, Tensor]], decay: float, warmup: bool, every: int) -> dict[str, Tensor]:
    """The definition, in float64: the first update copies, update t averages with d(t)."""
    average: dict[str, Tensor] = {}
    updates = 0
    for step, weights in enumerate(history):
        if (step + 1) % every:
            continue
        d = min(decay, (1 + updates) / (10 + updates)) if warmup else decay
        for k, w in weights.items():
            if updates == 0 or not w.is_floating_point():
                average[k] = w.double()
            else:
                average[k] = d * average[k] + (1 - d) * w.double()
        updates += 1
    return average


@pytest.mark.parametrize(
    ("decay", "warmup", "every"), [(0.9999, True, 1), (0.5, True, 1), (0.8, False, 1), (0.9, True, 3)]
)
def test_average_follows_its_definition(decay: float, warmup: bool, every: int) -> None:
    model = Tiny()
    trainer(11, EMA(decay, warmup, every), max_epochs=-1).fit(model, loader())
    expected = recursion(model.history, decay, warmup, every)
    for k, v in model.weights().items():
        torch.testing.assert_close(v.double(), expected[k], rtol=1e-5, atol=1e-6)
    assert not equal(model.weights(), model.history[-1])


def test_a_short_run_forgets_the_initial_weights() -> None:
    """After 60 steps towards far weights the warmed average has moved; the one without warm-up has not."""
    moved = {}
    for warmup in (True, False):
        model = Tiny()
        trainer(60, EMA(0.9999, warmup), max_epochs=-1).fit(model, loader())
        first, last = (model.history[i]["net.0.weight"] for i in (0, -1))
        moved[warmup] = ((model.weights()["net.0.weight"] - first).norm() / (last - first).norm()).item()
    assert moved[True] > 0.5
    assert moved[False] < 0.05


class Watch(Callback):
    """Writes down which weights every validation hook sees."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, Tensor]] = {}

    def _note(self, name: str, module: pl.LightningModule) -> None:
        self.seen[name] = module.weights()  # type: ignore[operator]

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._note("start", pl_module)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._note("epoch_start", pl_module)

    def on_validation_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        self._note("batch_end", pl_module)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._note("epoch_end", pl_module)


def sees_the_average(ema: Callback) -> dict[str, bool]:
    model, watch = Tiny(), Watch()
    trainer(6, ema, watch, max_epochs=1).fit(model, loader(), loader())
    expected = recursion(model.history, 0.9, isinstance(ema, EMA), 1)
    return {
        name: all(torch.allclose(v.double(), expected[k], rtol=1e-4, atol=1e-5) for k, v in weights.items())
        for name, weights in watch.seen.items()
    }


def test_every_validation_hook_sees_the_average() -> None:
    assert sees_the_average(EMA(0.9)) == {"start": True, "epoch_start": True, "batch_end": True, "epoch_end": True}


def test_the_test_above_notices_lightnings_own_callback() -> None:
    """Planted fault: Lightning's callback has swapped back before the other callbacks' epoch end."""
    assert not all(sees_the_average(EMAWeightAveraging(decay=0.9, use_buffers=False)).values())


def test_validation_does_not_disturb_training() -> None:
    plain, averaged = Tiny(), Tiny()
    trainer(12, max_epochs=2).fit(plain, loader())
    trainer(12, EMA(0.9), max_epochs=2, val_check_interval=2).fit(averaged, loader(), loader())
    assert all(equal(a, b) for a, b in zip(plain.history, averaged.history, strict=True))


def test_a_failing_validation_puts_the_weights_back() -> None:
    model = Tiny()
    model.fail_in_validation = True
    with pytest.raises(RuntimeError, match="planted"):
        trainer(6, EMA(0.9), max_epochs=1).fit(model, loader(), loader())
    assert equal(model.weights(), model.history[-1])


def test_before_the_first_update_nothing_is_swapped() -> None:
    model, watch = Tiny(), Watch()
    initial = model.weights()
    trainer(6, EMA(0.9, update_every=100), watch, max_epochs=1, num_sanity_val_steps=1).fit(model, loader(), loader())
    assert not equal(initial, model.weights())
    assert equal(watch.seen["epoch_end"], model.history[-1])
    assert equal(model.weights(), model.history[-1]), "untrained weights came back at the end"


def test_averaged_context_gives_the_weights_back() -> None:
    model, ema = Tiny(), EMA(0.9)
    seen = {}

    class Look(Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
            if trainer.global_step == 4:
                with pytest.raises(KeyError):
                    self.look(pl_module)

        def look(self, pl_module: pl.LightningModule) -> None:
            with ema.averaged(pl_module):
                seen.update(pl_module.weights())  # type: ignore[operator]
                raise KeyError

    trainer(5, ema, Look(), max_epochs=1).fit(model, loader())
    expected = recursion(model.history[:4], 0.9, True, 1)
    torch.testing.assert_close(seen["net.0.weight"].double(), expected["net.0.weight"], rtol=1e-5, atol=1e-6)
    plain = Tiny()
    trainer(5, max_epochs=1).fit(plain, loader())
    assert equal(plain.history[-1], model.history[-1])


def states(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)


def test_ten_steps_equal_five_resume_five_bitwise(tmp_path: Path) -> None:
    """METHOD 9, item 15: weights, average and optimiser; the cut lies in the middle of an epoch."""
    whole = Tiny()
    first = trainer(10, EMA(0.9), max_epochs=-1)
    first.fit(whole, loader())
    first.save_checkpoint(tmp_path / "whole.ckpt")

    class KilledError(Exception):
        pass

    class Kill(Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
            if trainer.global_step == 5:
                trainer.save_checkpoint(tmp_path / "half.ckpt")
                raise KilledError

    half = Tiny()
    with pytest.raises(KilledError):
        trainer(10, EMA(0.9), Kill(), max_epochs=-1).fit(half, loader())
    resumed = Tiny()
    second = trainer(10, EMA(0.9), max_epochs=-1)
    second.fit(resumed, loader(), ckpt_path=str(tmp_path / "half.ckpt"), weights_only=True)
    second.save_checkpoint(tmp_path / "resumed.ckpt")

    assert all(equal(a, b) for a, b in zip(whole.history[5:], resumed.history, strict=True))
    assert equal(whole.weights(), resumed.weights())
    a, b = states(tmp_path / "whole.ckpt"), states(tmp_path / "resumed.ckpt")
    assert equal(a["state_dict"], b["state_dict"])
    assert equal(a["current_model_state"], b["current_model_state"])
    assert a["averaging_state"] == b["averaging_state"] == {"n_averaged": torch.tensor(10)}
    for i, state in a["optimizer_states"][0]["state"].items():
        assert equal(state, b["optimizer_states"][0]["state"][i])


def test_a_finished_run_goes_on_exactly(tmp_path: Path) -> None:
    """The module holds the average after fit, yet a checkpoint of that moment holds both: more steps equal a longer run."""
    whole = Tiny()
    trainer(10, EMA(0.9), max_epochs=-1).fit(whole, loader())
    half = Tiny()
    first = trainer(5, EMA(0.9), max_epochs=-1)
    first.fit(half, loader())
    first.save_checkpoint(tmp_path / "end.ckpt")
    saved = states(tmp_path / "end.ckpt")
    assert equal(saved["state_dict"], half.weights())
    assert equal(saved["current_model_state"], half.history[-1])
    resumed = Tiny()
    trainer(10, EMA(0.9), max_epochs=-1).fit(resumed, loader(), ckpt_path=str(tmp_path / "end.ckpt"), weights_only=True)
    assert equal(whole.weights(), resumed.weights())
    assert equal(whole.history[-1], resumed.history[-1])


def test_the_same_trainer_goes_on_with_both_sets_of_weights() -> None:
    plain, averaged = Tiny(), Tiny()
    for model, callbacks in ((plain, []), (averaged, [EMA(0.9)])):
        run = trainer(6, *callbacks, max_epochs=-1)
        run.fit(model, loader())
        run.fit_loop.epoch_loop.max_steps = 12
        run.fit(model, loader())
    assert len(plain.history) == 12
    assert all(equal(a, b) for a, b in zip(plain.history, averaged.history, strict=True))
    expected = recursion(averaged.history, 0.9, True, 1)
    torch.testing.assert_close(averaged.weights()["net.2.bias"].double(), expected["net.2.bias"], rtol=1e-5, atol=1e-6)


def test_test_and_validate_use_the_average(tmp_path: Path) -> None:
    model = Tiny()
    run = trainer(6, EMA(0.9), max_epochs=-1)
    run.fit(model, loader())
    run.save_checkpoint(tmp_path / "m.ckpt")
    average = states(tmp_path / "m.ckpt")["state_dict"]
    run.test(model, loader(), verbose=False)
    assert equal(model.seen_by_test, average)
    run.validate(model, loader(), verbose=False)
    assert equal(model.weights(), average)
    run.test(model, loader(), ckpt_path=str(tmp_path / "m.ckpt"), weights_only=True, verbose=False)
    assert equal(model.seen_by_test, average)
    fresh = Tiny()
    trainer(6, EMA(0.9)).test(fresh, loader(), ckpt_path=str(tmp_path / "m.ckpt"), weights_only=True, verbose=False)
    assert equal(fresh.seen_by_test, average)


def test_a_checkpoint_without_an_average_starts_a_new_one(tmp_path: Path) -> None:
    plain = Tiny()
    run = trainer(4, max_epochs=-1)
    run.fit(plain, loader())
    run.save_checkpoint(tmp_path / "plain.ckpt")
    model, watch = Tiny(), Watch()
    resumed = trainer(10, EMA(0.9), watch, max_epochs=-1, num_sanity_val_steps=1)
    resumed.fit(model, loader(), loader(), ckpt_path=str(tmp_path / "plain.ckpt"), weights_only=True)
    expected = recursion(model.history, 0.9, True, 1)
    torch.testing.assert_close(model.weights()["net.2.bias"].double(), expected["net.2.bias"], rtol=1e-5, atol=1e-6)


def test_counters_are_copied_not_averaged() -> None:
    model = Tiny()
    trainer(9, EMA(0.9), max_epochs=-1).fit(model, loader())
    assert model.seen.item() == 9


def test_settings_that_cannot_work_are_refused(tmp_path: Path) -> None:
    for arguments in ({"decay": 1.0}, {"decay": -0.1}, {"update_every": 0}):
        with pytest.raises(SettingError):
            EMA(**arguments)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="bf16-mixed"):
        trainer(1, EMA()).fit(Tiny().bfloat16(), loader())
    with pytest.raises(SettingError, match="save_weights_only"):
        trainer(1, EMA(), ModelCheckpoint(tmp_path, save_weights_only=True)).fit(Tiny(), loader())
