"""Where a training comes from: code, packages, data, machine. And what the machine did while it trained."""

import hashlib
import os
import platform
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import lightning.pytorch as pl
import psutil
import torch

_MIB = 1024 * 1024


def facts(trainer: pl.Trainer, module: pl.LightningModule) -> dict[str, str]:
    """What is worth searching runs by, as tags: parameters, data, seed, machine, versions, and the code's commit."""
    root = getattr(trainer.datamodule, "root", None)
    about = {
        "parameters": sum(p.numel() for p in module.parameters()),
        "seed": os.environ.get("PL_GLOBAL_SEED", "none was set"),
        "data": str(root) if root is not None else None,
        "data_sha256": data_digest(Path(root)) if root is not None else None,
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:4000],
        "host": platform.node(),
        "platform": f"{platform.platform()}, Python {platform.python_version()}",
        "processors": f"{psutil.cpu_count()} ({platform.processor() or platform.machine()})",
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "devices": f"{trainer.world_size} x {_device(trainer)}",
        "torch": torch.__version__,
        "inpaintdiff": metadata.version("inpaintdiff"),
    }
    commit, changes = code_state(_code_folder())
    about |= {"git_commit": commit, "git_dirty": None if commit is None else str(bool(changes)).lower()}
    return {k: str(v) for k, v in about.items() if v is not None}


def code_state(folder: Path) -> tuple[str | None, str]:
    """Commit of the git repository that a folder lies in, and how the files that git tracks differ from it; None without one."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None, ""
    return commit.strip(), _git(folder, "diff", "HEAD") or ""


def packages() -> str:
    """Every installed package with its version, as `pip freeze` has it."""
    found = {d.metadata["Name"]: d.version for d in metadata.distributions() if d.metadata["Name"]}
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found, key=str.lower))


def text_files() -> dict[str, str]:
    """Longer facts by file name: installed packages, and what the working tree changes of its commit."""
    _, changes = code_state(_code_folder())
    files = {"packages.txt": packages()}
    if changes:
        files["uncommitted.diff"] = changes
    return files


def data_digest(root: Path) -> str | None:
    """SHA-256 of a data set's manifest, which names every clip; of a plain folder of videos, of their names and sizes.

    None where there is nothing yet.
    """
    manifest = root / "dataset.json"
    if manifest.is_file():
        return hashlib.sha256(manifest.read_bytes()).hexdigest()
    if not root.is_dir():
        return None
    listed = sorted((str(p.relative_to(root)), p.stat().st_size) for p in root.rglob("*") if p.is_file())
    return hashlib.sha256(repr(listed).encode()).hexdigest()


class SystemMetrics:
    """A thread that measures the machine now and then, under the names that MLflow's page has a board for.

    Args:
        log: is given the numbers, and how many measurements there were before.
        seconds: between measurements.
    """

    def __init__(self, log: Callable[[dict[str, float], int], None], seconds: float) -> None:
        self._log, self._seconds = log, seconds
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="system metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Measure no more."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        psutil.cpu_percent()  # the first call has nothing to compare with
        count = 0
        while not self._end.wait(self._seconds if count else min(1.0, self._seconds)):
            self._log(_measured(), count)
            count += 1


def _measured() -> dict[str, float]:
    memory, own = psutil.virtual_memory(), psutil.Process().memory_info()
    numbers = {
        "cpu_utilization_percentage": psutil.cpu_percent(),
        "system_memory_usage_megabytes": memory.used / _MIB,
        "system_memory_usage_percentage": memory.percent,
        "process_memory_megabytes": own.rss / _MIB,
    }
    for k in range(torch.cuda.device_count() if torch.cuda.is_initialized() else 0):
        numbers[f"gpu_{k}_memory_usage_megabytes"] = torch.cuda.memory_reserved(k) / _MIB
    return {f"system/{name}": float(value) for name, value in numbers.items()}


def _device(trainer: pl.Trainer) -> str:
    if trainer.strategy.root_device.type == "cuda":
        return torch.cuda.get_device_name(trainer.strategy.root_device)
    return f"{trainer.strategy.root_device.type}, {torch.get_num_threads()} threads"


def _code_folder() -> Path:
    """Where the code of a training is: the user's repository, or this package's own if the user is in none."""
    here = Path.cwd()
    return here if _git(here, "rev-parse", "HEAD") is not None else Path(__file__).parent


def _git(folder: Path, *args: str) -> str | None:
    try:
        found = subprocess.run(["git", *args], cwd=folder, capture_output=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.decode("utf-8", "replace")
