"""fit, validate, test and predict: Lightning's own command line over our module and data modules."""

import argparse
import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger

from inpaintdiff.checkpoint import read_checkpoint
from inpaintdiff.cli import config_errors
from inpaintdiff.cli.parser import DISTILL
from inpaintdiff.data.datamodules import ClipDataModule
from inpaintdiff.data.hole_generators import HoleGenerator
from inpaintdiff.errors import CheckpointError, SettingError
from inpaintdiff.schemes.tasks import TaskSampler
from inpaintdiff.training.callbacks import Checkpoints, SaveConfig, continue_run
from inpaintdiff.training.data_wait import DataWait
from inpaintdiff.training.distillation import DistillationModule
from inpaintdiff.training.module import InpaintingModule
from inpaintdiff.training.peak_share import PeakShare
from inpaintdiff.training.prediction import PredictionWriter

VERBS = ("fit", "validate", "test", "predict")
# What a configuration may name without the module, as `class_path: TrafficScenesDataModule`: subclasses of these that are imported,
# which the data modules, the writer and the clock here are for that very reason.
_NAMED = (
    ClipDataModule,
    TaskSampler,
    HoleGenerator,
    PredictionWriter,
    DataWait,
    PeakShare,
    pl.LightningDataModule,
    Callback,
    Logger,
)
# What a checkpoint and a configuration must agree on for the weights to mean anything.
_SAME = ("network", "precondition")

_DISTILL_HELP = (
    "Make a model that paints in few network calls a stage from one that takes many (progressive distillation). For example: "
    "inpaintdiff distill --config conf/distill/traffic_scenes.yaml --model.teacher builtin --model.calls 4; "
    "--ckpt_path last goes on after a kill."
)

logger = logging.getLogger(__name__)


class InpaintCLI(LightningCLI):
    """The module is fixed, so that its options are flat (`--model.lr`); data come by class."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """One window for model and data."""
        parser.link_arguments("model.window", "data.init_args.window")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """As Lightning's, but wrong options become one sentence."""
        try:
            self.config = parser.parse_args(args)
        except (argparse.ArgumentError, ValueError) as e:
            raise self._explained(e, args[0]) from e

    def instantiate_classes(self) -> None:
        """Wrong values become one sentence."""
        try:
            super().instantiate_classes()
        except ValueError as e:
            raise self._explained(e, str(self.subcommand)) from e

    def _explained(self, error: Exception, verb: str) -> Exception:
        return config_errors.explain(error, self._subcommand_parsers[verb], _NAMED) or error

    def _parse_ckpt_path(self) -> None:
        """Nothing: the hyper-parameters of a checkpoint must not override the configuration without a word."""

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        given = super()._prepare_subcommand_kwargs(subcommand)
        # what a checkpoint holds is never run
        given["weights_only"] = True
        if subcommand == "predict":
            # videos are written one by one; together they would fill the memory
            given["return_predictions"] = False
        if given.get("ckpt_path") is not None:
            given["ckpt_path"] = self._checkpoint(subcommand, str(given["ckpt_path"]))
        return given

    def _checkpoint(self, verb: str, wanted: str) -> str | None:
        """The file behind --ckpt_path, proven to fit; fit goes on with the MLflow run that wrote it."""
        path = Path(wanted)
        if wanted == "last":
            saver = next((c for c in self.trainer.callbacks if isinstance(c, Checkpoints)), None)
            if saver is None:
                raise SettingError("--ckpt_path last wants Checkpoints among trainer.callbacks; give the file instead")
            path = saver.file
            if verb == "fit" and not path.exists():
                logger.warning("there is no %s yet: training begins at step 0", path)
                return None
        held = read_checkpoint(path).get("hyper_parameters", {}).get("denoiser")
        if not isinstance(held, dict):
            raise CheckpointError(f"{path} is no checkpoint of inpaintdiff fit: it does not say which network it holds")
        if different := [k for k in _SAME if held.get(k) != self.model.config[k]]:
            key = different[0]
            raise CheckpointError(
                f"{path} holds the {key} {held.get(key)}, the configuration says {self.model.config[key]}; give the one of its run"
            )
        if verb == "fit":
            continue_run(self.trainer, path)
        return str(path)

    def _run_subcommand(self, subcommand: str) -> None:
        try:
            super()._run_subcommand(subcommand)
        except SystemExit:
            if self.trainer.interrupted:
                raise KeyboardInterrupt from None  # Lightning ends the process with code 1
            raise


def run(args: Sequence[str]) -> int:
    """Run a verb of Lightning's command line, or `distill`, which is `fit` of another module.

    Raises:
        InpaintDiffError: wrong options, data or checkpoint.
    """
    _quiet()
    torch.set_float32_matmul_precision("high")
    strict: dict[str, Any] = {"exit_on_error": False}
    log = {"class_path": "inpaintdiff.training.callbacks.TrackingLogger"}
    module: type[InpaintingModule] = InpaintingModule
    verbs = {verb: dict(strict) for verb in VERBS}
    if args[0] == DISTILL:
        module, args = DistillationModule, ["fit", *args[1:]]
        verbs["fit"]["description"] = _DISTILL_HELP
    InpaintCLI(
        module,
        pl.LightningDataModule,
        subclass_mode_data=True,
        save_config_callback=SaveConfig,
        seed_everything_default=0,
        parser_kwargs={**strict, **verbs},
        # every run is recorded, unless a configuration says otherwise; our loader shares the clips among processes itself
        trainer_defaults={"use_distributed_sampler": False, "logger": log},
        load_from_checkpoint_support=False,
        args=list(args),
    )
    return 0


def _quiet() -> None:
    """What we have to say is shown; what libraries say of themselves is not."""
    logging.basicConfig(format="%(message)s")
    for name in ("inpaintdiff.training", "inpaintdiff.cli"):
        logging.getLogger(name).setLevel(logging.INFO)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_no_advertisement)
    for text in (".*does not have many workers", "`isinstance.treespec, LeafSpec.`", ".*is deprecated.*jsonargparse"):
        warnings.filterwarnings("ignore", text)


def _no_advertisement(record: logging.LogRecord) -> bool:
    return "litlogger" not in record.getMessage() and "litmodels" not in record.getMessage()
