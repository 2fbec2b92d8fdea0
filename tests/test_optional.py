"""Packages that are asked for late, and what is said where they are missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from inpaintdiff.errors import InpaintDiffError
from inpaintdiff.optional import LazyPackage

CONF = Path(__file__).parents[1] / "conf" / "gpu"

WITHOUT = """
import sys
for name in ("av", "decord", "mlflow", "sqlalchemy"):
    sys.modules[name] = None  # import of it fails, as where it is not installed
from inpaintdiff.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_package_is_imported_when_a_name_of_it_is_asked_for() -> None:
    sys.modules.pop("colorsys", None)
    package = LazyPackage("colorsys", "this test")
    assert "colorsys" not in sys.modules
    assert package.rgb_to_hls(0.0, 0.0, 0.0) == (0.0, 0.0, 0.0)
    assert "colorsys" in sys.modules
    with pytest.raises(AttributeError):
        _ = package.nothing_of_that_name


def test_a_missing_package_is_one_sentence() -> None:
    package = LazyPackage("no_such_package", "reading tea leaves", "tea")
    with pytest.raises(
        InpaintDiffError,
        match="no_such_package is not installed, and reading tea leaves needs it; try: pip install tea",
    ):
        _ = package.anything


@pytest.mark.slow
@pytest.mark.parametrize(
    "configs",
    [pytest.param([c], id=c.stem) for c in sorted(CONF.glob("*.yaml"))]
    + [pytest.param([CONF / c.name, c], id=f"{c.stem} second phase") for c in (CONF / "second_phase").glob("*.yaml")],
)
def test_training_does_without_video_packages_and_mlflow(configs: list[Path], tmp_path: Path) -> None:
    options = {
        "model.start_from": "null",  # the small network of this test fits no published weights
        "data.crop": 32,
        "data.batch_size": 2,
        "data.num_workers": 1,
        "data.size": 32,
        "data.clip_frames": 20,
        "model.network.width": 16,
        "trainer.accelerator": "cpu",
        "trainer.precision": "32-true",
        "trainer.max_steps": 3,
        "trainer.log_every_n_steps": 1,
    }
    files = [part for config in configs for part in ("--config", str(config))]
    call = [sys.executable, "-c", WITHOUT, "fit", *files, *(f"--{k}={v}" for k, v in options.items())]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (log,) = tmp_path.rglob("metrics.csv")
    assert sum("," in line for line in log.read_text().splitlines()) >= 4
    assert len(list(tmp_path.rglob("last.ckpt"))) == 1
