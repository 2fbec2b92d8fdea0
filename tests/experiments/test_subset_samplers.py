"""Samplers of frame subsets measured against each other: a run of seconds through the real training, cut off and gone on with."""

import json
from pathlib import Path

import numpy as np
import pytest

from inpaintdiff.cli import main
from inpaintdiff.data.format import read_manifest
from inpaintdiff.errors import SettingError
from inpaintdiff.experiments import Request, experiment_names, make_experiment
from inpaintdiff.experiments.arms import ArmData
from inpaintdiff.experiments.run_folder import RunFolder, remove_run
from inpaintdiff.experiments.subset_results import ALL_SCHEMES, SubsetResults
from inpaintdiff.experiments.subset_samplers import (
    FDM_GROUP,
    FIRST_GROUP,
    SCHEMES,
    Scale,
    SubsetSamplers,
    samplers,
    stage_groups,
)

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")

TINY = Scale(steps=3, seeds=1, clips=4, held_out=2, frames=7, size=16, window=4, batch=2, width=8, painted=1, calls=1)


class CutError(Exception):
    pass


def run(folder: Path, cut: tuple[str, int] | None = None, **request: int) -> dict:
    """Run the experiment; `cut` ends it as a kill would, at that step of what is being done."""

    def report(doing: str, done: int, total: int) -> None:
        assert 0 < done <= total
        if cut is not None and doing.startswith(cut[0]) and done == cut[1]:
            raise CutError

    outcome = SubsetSamplers(full=TINY).run(Request(folder, **request), report)
    assert outcome.text
    assert all(path.stat().st_size > 1000 for path in outcome.files)
    return json.loads(outcome.files[0].read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, run(folder)


@pytest.mark.slow
def test_what_is_measured(whole: tuple[Path, dict]) -> None:
    folder, found = whole
    arms = ["fdm", "schemes", "mixture"]
    assert list(found["scores"]["stages"]) == [*SCHEMES, FIRST_GROUP, FDM_GROUP, ALL_SCHEMES]
    assert list(found["scores"]["painted"]) == [*SCHEMES, ALL_SCHEMES]
    for kind, clips in (("stages", 2), ("painted", 1)):
        for group in found["scores"][kind].values():
            assert list(group) == arms
            assert all(np.shape(scores) == (1, clips) and np.isfinite(scores).all() for scores in group.values())
    assert len(found["differences"]) == 2 * (7 + 5)
    assert {c["steps"] for c in found["cost"].values()} == {3}
    assert all(abs(c["frames"] - 3 * 2 * 4) <= 4 for c in found["cost"].values())
    scores = found["scores"]["stages"]["ar"]
    assert scores["fdm"] != scores["schemes"]
    assert run(folder) == found, "what is finished is not computed again, times included"


@pytest.mark.slow
def test_a_run_that_was_cut_off_goes_on(whole: tuple[Path, dict], tmp_path: Path) -> None:
    for cut in (("simulating", 3), ("training schemes", 2), ("scoring mixture", 5)):
        with pytest.raises(CutError):
            run(tmp_path / "run", cut)
    again = run(tmp_path / "run")
    assert again["scores"] == whole[1]["scores"]
    assert again["differences"] == whole[1]["differences"]


@pytest.mark.slow
def test_another_run_is_not_mixed_in(whole: tuple[Path, dict], tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="holds a run with steps 3, now it is 5"):
        run(whole[0], steps=5)
    (tmp_path / "thesis.txt").write_text("mine")
    for refused in (lambda: run(tmp_path), lambda: remove_run(tmp_path)):
        with pytest.raises(SettingError, match="no experiment wrote"):
            refused()
    assert (tmp_path / "thesis.txt").exists()
    folder = RunFolder(tmp_path / "own", {"a": 1})
    assert folder.part("x", lambda: {"y": 2}) == folder.part("x", lambda: pytest.fail("again")) == {"y": 2}
    remove_run(tmp_path / "own")
    assert not (tmp_path / "own").exists()
    remove_run(tmp_path / "own")


def test_nothing_is_observed_in_first_stages() -> None:
    groups = stage_groups(Scale())
    assert groups[FIRST_GROUP]
    assert not any(stage.observed for stage, _ in groups[FIRST_GROUP])
    assert {len(stage.latent) + len(stage.lookahead) for stage, _ in groups[FIRST_GROUP]} <= {6, 8}
    assert all(any(stage.observed for stage, _ in groups[scheme]) for scheme in SCHEMES)


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["fdm", "schemes", "mixture"])
def test_every_step_computes_about_as_many_frames(whole: tuple[Path, dict], arm: str) -> None:
    root = whole[0] / "data"
    count = len(read_manifest(root).splits["train"])
    data = ArmData(str(root), 4, samplers(4)[arm], batch_size=2, num_workers=0)
    loader = data.train_dataloader()
    sizes = set()
    for epoch in range(100):
        loader.batch_sampler.set_epoch(epoch)
        for requests in loader.batch_sampler:
            assert len({r.stage for r in requests}) == 1
            assert len({r.clip for r in requests}) == len(requests)
            window = len(requests[0].stage.frames)
            sizes.add(window)
            assert len(requests) == min(count, round(8 / window))
    assert sizes == {1, 2, 3, 4} if arm == "fdm" else max(sizes) == 4


def results(ours: list[list[float]]) -> SubsetResults:
    """Two arms, of which the reference scores 20 dB throughout."""
    parts = {
        (arm, seed): {
            "cost": {"frames": 1, "steps": 1, "seconds": 1, "cpu_seconds": 1},
            "stages": {"ar": scores[seed]},
            "painted": {"ar": [40 - x for x in scores[seed]]},
        }
        for arm, scores in (("fdm", [[20.0] * 12] * 2), ("ours", ours))
        for seed in range(2)
    }
    return SubsetResults.of(parts, ("fdm", "ours"), {})


def test_a_difference_is_shown_only_if_seeds_agree() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(scale=0.1, size=(2, 12))
    ahead = results((21 + noise).tolist()).compare("stages", "ar", "ours")
    assert ahead.shown == 1
    assert ahead.difference.mean == pytest.approx(1 + noise.mean())
    luck = results((20 + noise + [[2.0], [-0.5]]).tolist())
    assert luck.compare("stages", "ar", "ours").difference.verdict == 1
    assert luck.compare("stages", "ar", "ours").shown == 0
    assert "ours is not shown to differ from fdm" in luck.sentence()
    both = results((19 + noise).tolist()).sentence()
    assert "At the stages of all schemes, fdm is ahead of ours." in both
    assert "In whole clips, painted by all schemes, ours is ahead of fdm." in both


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiments", "list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(experiment_names())
    assert make_experiment("subset-samplers").name == "subset-samplers"
    for args, says in (
        (["subset-sampler"], "did you mean 'subset-samplers'"),
        (["subset-samplers", "--steps", "0"], "steps must be at least 1, got 0"),
        (["subset-samplers", "--seeds", "-1"], "seeds must be at least 1, got -1"),
    ):
        assert main(["experiments", "run", *args, "-o", str(tmp_path / "x")]) == 2
        assert says in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_the_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    args = ["experiments", "run", "subset-samplers", "--quick", "-o", str(folder)]
    assert main([*args, "--steps", "5"]) == 0
    out = capsys.readouterr().out
    assert "At the stages of all schemes" in out
    assert (folder / "subset-samplers.png").stat().st_size > 10_000
    assert main(args) == 2
    assert "begin anew" in capsys.readouterr().err
    assert main([*args, "--overwrite"]) == 0
    assert json.loads((folder / "results.json").read_text())["scale"]["steps"] == 20
