"""What all tests share: one quiet thread, no telemetry, repeatable property tests, the folder of real clips."""

import os

# Read by OpenMP when torch is first imported: waiting threads sleep, which on a busy machine is up to six times faster.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# The same for numpy's small matrices.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
# Processes that tests start share the package's bytecode: where images forbid to keep it, each of dozens would compile it anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A tracking server of the developer's must not receive what tests log.
os.environ.pop("MLFLOW_TRACKING_URI", None)
os.environ.pop("MLFLOW_REGISTRY_URI", None)

import importlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from pkgutil import iter_modules

# Weights that the developer has fetched must not be found; matplotlib's cache stays where it is, as it takes seconds to make.
os.environ.setdefault("MPLCONFIGDIR", str(Path.home() / ".cache" / "matplotlib"))
os.environ["XDG_CACHE_HOME"] = str(Path(tempfile.gettempdir()) / "inpaintdiff-tests-cache")

import pytest
import torch
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

# The checker of types, while it imports a module of the package, hides Python's compiled files from all that is imported then: half
# a minute of compiling in a new environment. What is here already is not imported then.
for _package in ("lightning.pytorch", "mlflow.pyfunc", "torchmetrics", "matplotlib.figure"):
    importlib.import_module(_package)

# Simulators call small functions of numbers millions of times, which mypy has looked at: checked again at every call, they took three
# times as long. Their clips are compared with golden ones.
_UNCHECKED = ("inpaintdiff.data.synthetic",)


def _checked() -> Iterator[str]:
    """Modules in which every call is checked against its shapes and types, by name: importing them here would be too early."""
    package = Path(__file__).parents[1] / "inpaintdiff"
    for folder, prefix in ((package, "inpaintdiff."), (package / "data", "inpaintdiff.data.")):
        yield from (
            m.name for m in iter_modules([str(folder)], prefix) if m.name not in ("inpaintdiff.data", *_UNCHECKED)
        )


install_import_hook(list(_checked()), "beartype.beartype")

torch.set_num_threads(1)

# No deadline: the first example of a test pays for imports. In CI the same examples are drawn every time.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real clips that INPAINTDIFF_ASSETS names; the test is skipped where there is none."""
    value = os.environ.get("INPAINTDIFF_ASSETS")
    if not value:
        pytest.skip("needs real clips: set INPAINTDIFF_ASSETS to the folder that holds them")
    folder = Path(value)
    if not folder.is_dir():
        pytest.skip(f"INPAINTDIFF_ASSETS names {value}, which is not a folder")
    return folder


@pytest.fixture(scope="session")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic data set small enough to train on in a test: 6 clips of 12 frames at 32 x 32 pixels, 2 for val, 2 for test."""
    from inpaintdiff.data.synthetic.write import synthesize_traffic

    root = tmp_path_factory.mktemp("traffic") / "data"
    synthesize_traffic(root, {"train": 6, "val": 2, "test": 2}, frames=12, size=32, workers=0)
    return root


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Puts a new MLflow database into a folder, as `tracking(folder)` expects it: a copy of an empty one that MLflow made.

    MLflow builds its tables by 40 migrations, which take more than a second, as long as many a test. Tests of the way from
    nothing (of the demo, of fit, of tracking) let it.
    """
    import mlflow

    empty = tmp_path_factory.mktemp("empty") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{empty}").search_experiments()

    def put(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(empty, folder / "mlflow.db")
        return folder

    return put
