"""`inpaintdiff plan VIDEO --box ...`: what it says is what `inpaint` then does."""

import json
import subprocess
import sys

import pytest

from inpaintdiff.cli import main, plan_job
from inpaintdiff.schemes import scheme_names
from tests.painting.small import model_file, video_file

BOXES = ["--box", "1,1,9,9", "--box", "50,30,60,44@2-7"]


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether times are right is for the benchmarks."""
    monkeypatch.setattr(plan_job, "TRYING", 0.1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(model_file(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(video_file(tmp_path_factory.mktemp("video") / "in.mkv"))


@pytest.mark.parametrize(
    "options", [["--solver", "heun", "--samples", "2"], ["--scheme", "hierarchy-2", "--context", "2"]]
)
def test_calls_are_those_that_inpaint_makes(tmp_path, capsys, source, model, options):
    args = [source, *BOXES, "--model", model, "--steps", "4", *options]
    assert main(["plan", *args, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert main(["inpaint", *args, "-o", str(tmp_path / "o.mkv"), "--lossless"]) == 0
    err = capsys.readouterr().err
    made = json.loads((tmp_path / "o.mkv.json").read_text())
    assert said["calls"] == made["plan"]["network_calls"] > 0
    assert len(said["stages"]) == made["plan"]["stages"] == sum(r["stages"] for r in said["regions"])
    assert [{k: v for k, v in r.items() if k != "stages"} for r in said["regions"]] == made["plan"]["regions"]
    assert said["samples"] == made["samples"]
    assert said["seconds"] > 0
    assert said["seconds"] == pytest.approx(sum(said["seconds_of"].values()), abs=0.01)
    assert said["peak_bytes"] > 2**27
    assert said["disk_bytes"] > 0
    assert f"{said['calls']} network calls" in err
    assert "memory  " in err


def test_for_people(capsys, source, model, tmp_path):
    picture = tmp_path / "plan.png"
    assert main(["plan", source, *BOXES, "--model", model, "--steps", "2", "--picture", str(picture)]) == 0
    out = capsys.readouterr().out
    for said in ("stage 1", "cut-out", "network calls", "memory  ", "disk    ", "time    ", "are free"):
        assert said in out
    assert picture.stat().st_size > 1000


def test_what_cannot_fit_is_refused(source, model, tmp_path):
    """With a real limit of the process, as `ulimit -v` sets it."""
    code = (
        "import resource, sys, av, cv2, psutil\n"  # whose libraries are otherwise loaded below the limit
        "from inpaintdiff.cli import main\n"
        "import inpaintdiff.cli.inpaint, inpaintdiff.cli.plan_job\n"
        "limit = psutil.Process().memory_info().vms + 40 * 2**20\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "print(*(main([verb, *sys.argv[1:]]) for verb in ('plan', 'inpaint')))"
    )
    args = [source, *BOXES, "--model", model, "-o", str(tmp_path / "o.mkv"), "--lossless"]
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=False)
    assert done.stdout == "2 2\n", done.stderr
    assert done.stderr.count("more memory than is taken now") == done.stderr.count("\n") == 2
    assert list(tmp_path.iterdir()) == []


def test_every_scheme_in_a_row(capsys, source, model):
    assert main(["plan", "--frames", "40", "--compare", "--json", "--steps", "3"]) == 0
    rows = {r["scheme"]: r for r in json.loads(capsys.readouterr().out)["schemes"]}
    assert set(rows) == set(scheme_names())
    for name, row in rows.items():
        assert main(["plan", "--frames", "40", "--scheme", name, "--json", "--steps", "3"]) == 0
        alone = json.loads(capsys.readouterr().out)
        assert row["calls"] == alone["calls"]
        assert row["frames"] == 3 * sum(len(s[k]) for s in alone["stages"] for k in s)
    assert main(["plan", source, *BOXES, "--model", model, "--steps", "1", "--compare"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split()[-1] == "seconds"
    assert len(out) == 1 + len(rows)
    assert main(["plan", "--frames", "40", "--window", "2", "--compare"]) == 0


def test_a_model_without_a_video(capsys, model):
    assert main(["plan", "--frames", "9", "--model", model, "--steps", "2", "--samples", "3", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["calls"] == len(said["stages"]) * 6
    assert said["seconds"] > 0
    assert said["flops"] > 0
    assert main(["plan", "--frames", "9", "--model", model, "--steps", "2"]) == 0
    assert "of the network alone" in capsys.readouterr().out
    assert main(["plan", "--frames", "9", "--model", "baseline:median"]) == 2
