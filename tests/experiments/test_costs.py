"""What schemes cost: measured in processes of their own, resumable, in a table."""

import json
import sys
from pathlib import Path

import pytest

from inpaintdiff.errors import SettingError
from inpaintdiff.experiments import Request, costs
from inpaintdiff.experiments.compared import Size
from inpaintdiff.experiments.costs import Costs
from inpaintdiff.schemes import scheme_names


@pytest.mark.parametrize("arm", ["ar", "flow"])
def test_what_an_arm_takes(
    arm: str, model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["", json.dumps({"arm": arm, "model": model, "frames": 6, "calls": 2})])
    costs.measure_here()
    row = json.loads(capsys.readouterr().out)
    assert row["calls"] == (4 if arm == "ar" else 0), "two stages of two"
    assert 0 < row["seconds_per_frame"] < 5
    assert 0 <= row["megabytes_for_painting"] < row["megabytes"]


def test_the_table_has_every_scheme_once_and_the_cheapest_first() -> None:
    row = {"seconds_per_frame": 1.0, "calls": 1, "megabytes": 2.0, "megabytes_for_painting": 1.0}
    table = costs._table({**dict.fromkeys(scheme_names(), row), "flow": {**row, "seconds_per_frame": 0.5}}, Size())
    assert all(table.count(f"| {name} |") == 1 for name in scheme_names())
    assert table.splitlines()[4].startswith("| flow |")


@pytest.mark.slow
def test_the_whole_experiment_goes_on_and_says_what_went_wrong(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "scheme_names", lambda: ("ar",))
    experiment = Costs(quick=Size(clips=1, frames=6, calls=2, seeds=1))
    request = Request(tmp_path / "run", quick=True, model=model)
    outcome = experiment.run(request)
    found = json.loads(outcome.files[0].read_text())
    assert set(found) == {"ar", "flow"}
    # a part that is there is not measured again
    (tmp_path / "run" / "parts" / "flow.json").write_text(json.dumps({**found["flow"], "seconds_per_frame": 99.0}))
    assert "| 99.000 |" in experiment.run(request).text
    with pytest.raises(SettingError, match=r"could not be measured; its process said: .*nowhere"):
        costs._measure_there({"arm": "ar", "model": "nowhere.safetensors", "frames": 2, "calls": 1})
