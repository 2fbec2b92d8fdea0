"""A LightningModule and a loader small enough to count by hand."""

from collections.abc import Iterator
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

DATA = torch.randn(24, 4, generator=torch.Generator().manual_seed(3))


class Tiny(pl.LightningModule):
    """Two layers, noise from a generator of (seed, step), and a counter that averaging would spoil."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        self.net = nn.Sequential(nn.Linear(4, 5), nn.SiLU(), nn.Linear(5, 4))
        for p in self.net.parameters():
            nn.init.normal_(p, generator=generator)
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.history: list[dict[str, Tensor]] = []
        self.fail_in_validation = False

    def weights(self) -> dict[str, Tensor]:
        return {k: v.detach().clone() for k, v in self.state_dict().items()}

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        noise = torch.randn(batch[0].shape, generator=torch.Generator().manual_seed(self.global_step))
        self.seen += 1
        loss = (self.net(batch[0] + noise) - batch[0]).square().mean()
        self.log("train/loss", loss)
        return loss

    def on_train_batch_end(self, *args: Any) -> None:
        self.history.append(self.weights())

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        if self.fail_in_validation and not self.trainer.sanity_checking:
            raise RuntimeError("a planted failure")

    def test_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.seen_by_test = self.weights()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=0.05)


class Loader(DataLoader[Any]):
    """Knows where in its epoch it is, so that a run that was cut off in the middle goes on there."""

    given = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        start = self.given
        for i, batch in enumerate(super().__iter__()):
            if i >= start:
                self.given = i + 1
                yield batch
        self.given = 0

    def state_dict(self) -> dict[str, int]:
        return {"given": self.given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.given = state["given"] % len(self)


def loader() -> Loader:
    return Loader(TensorDataset(DATA), batch_size=4)


def trainer(steps: int, *callbacks: Callback, **options: Any) -> pl.Trainer:
    checkpointing = any(isinstance(c, ModelCheckpoint) for c in callbacks)
    defaults: dict[str, Any] = {"max_steps": steps, "accelerator": "cpu", "logger": False, "num_sanity_val_steps": 0}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": checkpointing}
    return pl.Trainer(callbacks=list(callbacks), **{**defaults, **quiet, **options})


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
