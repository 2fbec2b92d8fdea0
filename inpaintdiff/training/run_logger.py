"""The logger of a training: records in MLflow, or in a folder where there is no MLflow or no answer."""

import logging
import math
import secrets
import threading
from argparse import Namespace
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
from jaxtyping import UInt8
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from inpaintdiff.errors import RegistryError
from inpaintdiff.registry import DEFAULT_FOLDER, run_exists, tracking
from inpaintdiff.registry_kept import KEPT, KeptRun, apply, create_run, now, upload
from inpaintdiff.registry_store import brief
from inpaintdiff.training import provenance
from inpaintdiff.training.provenance import SystemMetrics

logger = logging.getLogger(__name__)

# How kept runs are called that MLflow never knew.
_NAMELESS = "kept-"


class TrackingLogger(Logger):
    """Records a run in the package's MLflow store (`inpaintdiff.registry.tracking`), and goes on with it after a resume.

    Where MLflow is not installed, or its server does not answer any more, everything is kept in a folder instead, and
    `inpaintdiff runs upload FOLDER` brings it there later. A training never ends because of its records.

    Besides what is logged, `fit` records code (commit, changes), packages, data, seed and machine, and the machine's load.

    Args:
        experiment: name of the experiment.
        run_name: name of the run; MLflow invents one for None.
        folder: where the embedded store and kept runs lie; MLFLOW_TRACKING_URI overrides the store.
        run_id: a run to go on with.
        tags: of a new run.
        system_seconds: between measurements of the machine's load; None measures nothing.
    """

    def __init__(
        self,
        experiment: str = "inpaintdiff",
        run_name: str | None = None,
        folder: str = DEFAULT_FOLDER,
        run_id: str | None = None,
        tags: dict[str, str] | None = None,
        system_seconds: float | None = 30.0,
    ) -> None:
        super().__init__()
        self.store = tracking(folder)
        self._folder, self._experiment, self._run_name = str(folder), experiment, run_name
        self._tags = dict(tags or {})
        self._run_id = run_id
        self._kept: KeptRun | None = None
        self._system_seconds = system_seconds
        self._system: SystemMetrics | None = None
        self._lock = threading.RLock()  # the load of the machine is measured by another thread

    @property
    def name(self) -> str:
        """Of the experiment."""
        return self._experiment

    @property
    def version(self) -> str | None:
        """The id of the run."""
        return self.run_id

    @property
    def run_id(self) -> str | None:
        """MLflow's id of the run, which is made on first use; of a kept run that MLflow does not know, its folder's name."""
        if rank_zero_only.rank == 0:
            with self._lock:
                self._begin()
        return self._run_id

    @property
    def kept(self) -> Path | None:
        """The folder that records go to because the store does not answer; None while it does."""
        return self._kept.folder if self._kept is not None else None

    @property
    def save_dir(self) -> str:
        """Where callbacks without a folder of their own write."""
        return self._folder

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Record settings once: MLflow refuses new values, so a resumed run keeps its first ones."""
        flat = _flat(vars(params) if isinstance(params, Namespace) else params)
        self._record("params", values={k: str(v) for k, v in flat.items()})

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers; infinite ones are left out, MLflow would show them as 1.8e308."""
        values = {k: float(v) for k, v in metrics.items() if not math.isinf(float(v))}
        self._record("metrics", values=values, step=step or 0, time=now())

    @rank_zero_only
    def log_graph(self, model: pl.LightningModule, *args: Any) -> None:
        """Lightning's call before it begins: `fit` records where the training comes from, and begins to watch the machine."""
        trainer = model.trainer
        if trainer.state.fn != TrainerFn.FITTING or trainer.fast_dev_run:
            return
        self._record("tags", values=provenance.facts(trainer, model))
        for name, text in provenance.text_files().items():
            self.log_text(text, f"provenance/step-{trainer.global_step:07d}/{name}")
        if self._system_seconds is not None and self._system is None:
            self._system = SystemMetrics(self.log_metrics, self._system_seconds)

    @rank_zero_only
    def log_text(self, text: str, where: str) -> None:
        """Record a text file under this path."""
        self._record("text", text=text, where=where)

    @rank_zero_only
    def log_files(self, path: str | Path, where: str) -> None:
        """Record a file, or those of a folder, under this path."""
        self._record("files", path=str(path), where=where)

    @rank_zero_only
    def log_image(self, image: UInt8[np.ndarray, "h w 3"], key: str, step: int) -> None:
        """Record a picture; those of one key are shown with a slider."""
        self._record("image", image=image, key=key, step=step, time=now())

    @rank_zero_only
    def keep_registration(self, path: Path, name: str, **options: Any) -> Path:
        """Keep a model that the registry did not take; the upload registers it.

        Returns:
            The folder where it is kept.
        """
        with self._lock:
            self._begin()
            kept = self._kept or self._keep("it did not take the model")
            kept.add("register", path=str(path), name=name, **options)
        return kept.folder

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Close the run; what was kept is uploaded if the store answers again."""
        if self._system is not None:
            self._system.stop()
            self._system = None
        if self._run_id is None and self._kept is None:
            return
        self._record("status", status="FAILED" if status == "failed" else "FINISHED")
        if self._kept is not None:
            folder = self._kept.folder
            try:
                if find_spec("mlflow") is None:
                    raise RegistryError("MLflow is not installed here")
                with brief():
                    self._run_id = upload(folder, self.store)
                self._kept = None
                logger.info("%s answers again: what was kept in %s is uploaded", self.store.uri, folder)
            except RegistryError:
                logger.warning("the whole run is kept; upload it with: inpaintdiff runs upload %s", folder)

    @rank_zero_only
    def continue_run(self, run_id: str) -> bool:
        """Record into this earlier run from now on, if the store has it; False if it does not."""
        earlier = KeptRun(self._kept_folder(run_id))
        if earlier.exists and run_id.startswith(_NAMELESS):
            uploaded, _ = earlier.uploaded()
            if uploaded is None:
                self._run_id, self._kept = run_id, earlier
                return True
            run_id = uploaded
        try:
            with brief():
                if not run_exists(self.store, run_id):
                    logger.info("the run of the checkpoint is not in %s: a new one begins", self.store.uri)
                    return False
        except RegistryError:
            pass  # found out again, and told, by the first record
        self._run_id = run_id
        self._record("status", status="RUNNING")
        return True

    def _record(self, what: str, **record: Any) -> None:
        """In the store; if it does not answer, then in a folder, this and all that follows."""
        with self._lock:
            self._begin()
            if self._kept is None:
                try:
                    with brief():
                        apply(self.store, str(self._run_id), what, record)
                    return
                except RegistryError as e:
                    self._keep(str(e))
            assert self._kept is not None
            self._kept.add(what, **record)

    def _begin(self) -> None:
        """Make the run if there is none."""
        if self._run_id is not None or self._kept is not None:
            return
        if find_spec("mlflow") is None:
            self._keep("MLflow is not installed here")
            return
        try:
            with brief():
                self._run_id = create_run(self.store, self._experiment, self._run_name, self._tags)
        except RegistryError as e:
            self._keep(str(e))

    def _keep(self, why: str) -> KeptRun:
        known = self._run_id
        self._run_id = known or f"{_NAMELESS}{secrets.token_hex(8)}"
        self._kept = KeptRun(self._kept_folder(self._run_id))
        logger.warning("%s: from here on the run is kept in %s", why, self._kept.folder)
        if not self._kept.exists:
            about = {"experiment": self._experiment, "name": self._run_name, "tags": self._tags}
            self._kept.add("run", run_id=known, **about)
        return self._kept

    def _kept_folder(self, run_id: str) -> Path:
        return Path(self._folder) / KEPT / run_id


def _flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for k, v in params.items():
        name = f"{prefix}{k}"
        out |= _flat(v, f"{name}/") if isinstance(v, Mapping) and v else {name: v}
    return out
