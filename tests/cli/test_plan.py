"""`inpaintdiff plan`: a plan that can be read by machines and people, from whatever says which frames have a hole."""

import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaintdiff.cli import main
from inpaintdiff.cli.plan import frame_ranges
from inpaintdiff.data.video import write_video
from inpaintdiff.diffusion.solvers import make_solver, solver_names
from inpaintdiff.errors import PlanError
from inpaintdiff.schemes import SamplingScheme, Stage, scheme_names


class Early(SamplingScheme):
    """Observes a frame before it is painted."""

    def stages(self, incomplete: Sequence[bool]) -> Iterator[Stage]:
        for i in range(len(incomplete)):
            yield Stage((i,), (), ((i + 1) % len(incomplete),))


def plan(capsys: pytest.CaptureFixture[str], *args: str) -> dict:
    assert main(["plan", *args, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["plan", *args]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("inpaintdiff: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("scheme", scheme_names())
@pytest.mark.parametrize("incomplete", [None, "0-35,40", "59", "0-14,16-30,50-59"])
def test_json_of_every_scheme(capsys: pytest.CaptureFixture[str], scheme: str, incomplete: str | None) -> None:
    """Budget, partition and order, proven here by sets and not by the package's own check."""
    holes = [] if incomplete is None else ["--incomplete", incomplete]
    read = plan(capsys, "--scheme", scheme, "--frames", "60", "--window", "16", "--steps", "7", *holes)
    assert list(read) == ["stages", "calls"]
    assert read["calls"] == 7 * len(read["stages"])
    undone = {i for i, hole in enumerate(frame_ranges(incomplete or "0-59", 60)) if hole}
    for stage in read["stages"]:
        assert list(stage) == ["latent", "lookahead", "observed"]
        x, z, y = (set(stage[k]) for k in stage)
        assert len(x) + len(z) + len(y) == len(x | z | y) <= 16
        assert x
        assert x <= undone
        assert z <= undone - x
        assert y <= set(range(60)) - undone
        undone -= x
    assert not undone


def test_the_fault_that_the_test_above_would_see(capsys: pytest.CaptureFixture[str]) -> None:
    """A scheme of the user's that observes what it paints is refused before anybody pays for it."""
    assert "not complete yet" in refused(capsys, "--frames", "9", "--scheme", f"{__name__}:Early", "--window", "4")


def test_options_change_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    def first(*options: str) -> dict:
        return plan(capsys, "--frames", "90", *(x for o in options for x in ("--option", o)))["stages"][3]

    assert first() == first("near=2", "far=2")
    assert first("near=4", "far=0")["lookahead"] == [32, 33, 34, 35]
    without = first("use-lookahead=false")
    assert without["lookahead"] == []
    assert without["latent"] == first()["latent"]
    assert "'nearest'" in refused(capsys, "--frames", "9", "--option", "nearest=4")


def test_ranges() -> None:
    assert [i for i, hole in enumerate(frame_ranges("0-2, 5,7-7", 9)) if hole] == [0, 1, 2, 5, 7]
    for wrong in ("", "a", "3-1", "0-9", "-1", "1-", "1,,2", "1.5", "٣"):
        with pytest.raises(PlanError, match="--incomplete"):
            frame_ranges(wrong, 9)


def test_calls_are_those_of_the_solver(capsys: pytest.CaptureFixture[str]) -> None:
    for name in solver_names():
        stages = plan(capsys, "--frames", "60", "--solver", name, "--steps", "20")
        per_stage = 19 if name == "heun" else 20
        assert stages["calls"] == per_stage * len(stages["stages"])
        # without --solver the count is right for every solver that calls once a step
        assert make_solver(name).steps_within(20) == (10 if name == "heun" else 20)
        assert make_solver(name).steps_within(1) == 1


def test_adaptive_observes_what_is_far_in_the_embedding(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Two scenes that alternate every ten frames: beside the newest frame, one of the other scene comes first."""
    scene = (np.arange(60) // 10) % 2
    np.save(tmp_path / "e.npy", np.stack([scene * 100.0, np.arange(60) * 1e-3], axis=1))
    common = ("--frames", "60", "--scheme", "adaptive", "--window", "10", "--step", "8")
    stages = plan(capsys, *common, "--embedding", str(tmp_path / "e.npy"))["stages"]
    for stage in stages[2:]:
        assert len({int(scene[i]) for i in stage["observed"]}) == 2
    assert stages != plan(capsys, *common)["stages"]
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY nothing")
    np.save(tmp_path / "flat.npy", np.arange(60))
    np.save(tmp_path / "short.npy", np.zeros((59, 2)))
    for name, message in (("no", "cannot read"), ("bad", "cannot read"), ("flat", "frames, features"), ("short", "59")):
        assert message in refused(capsys, *common, "--embedding", str(tmp_path / f"{name}.npy"))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    frames = (np.full((32, 48, 3), 4 * i, np.uint8) for i in range(30))
    return write_video(tmp_path / "in.mp4", frames, 10)


def test_holes_from_files(capsys: pytest.CaptureFixture[str], tmp_path: Path, video: Path) -> None:
    def incomplete(*args: str) -> set[int]:
        # of a video with a hole the whole job is planned, for whatever paints it; a baseline needs no timing
        job = args[0] == str(video) and {"--mask", "--box"} & set(args)
        painter = ("--model", "baseline:median") if job else ()
        return {i for s in plan(capsys, *args, *painter, "--window", "8")["stages"] for i in s["latent"]}

    hole = np.zeros((30, 32, 48), bool)
    hole[7:19, 4:9, 5:11] = True
    np.save(tmp_path / "hole.npy", hole)
    wanted = set(range(7, 19))
    mask = ("--mask", str(tmp_path / "hole.npy"))
    assert incomplete(str(video), *mask) == wanted
    assert incomplete(*mask) == wanted
    assert incomplete(*mask, "--frames", "30") == wanted
    assert incomplete(str(video), "--box", "5,4,11,9@7-18") == wanted
    assert incomplete("--frames", "30", "--box", "5,4,11,9@7-18") == wanted
    assert incomplete(str(video), "--incomplete", "7-18") == wanted
    assert incomplete(str(video), *mask, "--box", "0,0,3,3@22-22") == wanted | {22}
    assert incomplete(str(video)) == set(range(30))
    Image.fromarray(np.uint8(hole[7] * 255)).save(tmp_path / "still.png")
    assert incomplete(str(video), "--mask", str(tmp_path / "still.png")) == set(range(30))


def test_what_does_not_fit_gets_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path, video: Path) -> None:
    still = tmp_path / "still.png"
    Image.fromarray(np.eye(32, dtype=np.uint8) * 255).save(still)
    v = str(video)
    for args, message in (
        ((), "how long is the video"),
        (("--mask", str(still)), "how long is the video"),
        (("--box", "0,0,3,3"), "how long is the video"),
        ((v, "--frames", "30"), "not both"),
        (("--frames", "30", "--incomplete", "3", "--box", "0,0,3,3"), "not both"),
        (("--frames", "0"), "expected 1 to"),
        (("--frames", "9", "--window", "0"), "window must be at least 1"),
        (("--frames", "9", "--step", "0"), "step must be at least 1"),
        (("--frames", "9", "--steps", "0"), "expected at least 1"),
        (("--frames", "9", "--scheme", "lookahed-ar"), "did you mean"),
        (("--frames", "9", "--solver", "rk45"), "there is no solver"),
        ((v, "--mask", str(still)), "Give a mask of the video's size"),
        ((v, "--box", "0,0,99,9"), "does not lie within the picture"),
        ((v, "--box", "0,0,48,32"), "marks every pixel"),
        ((str(tmp_path / "no.mp4"),), "no.mp4"),
        (("--frames", "9", "--picture", str(tmp_path / "x.gif")), "suffix"),
        (("--frames", "9", "--picture", str(still)), "exists already"),
        (("--frames", "9", "--picture", str(tmp_path / "no" / "x.png")), "no folder"),
    ):
        assert message in refused(capsys, *args), args


def test_chart_and_picture(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "plan.png"
    assert main(["plan", "--frames", "60", "--steps", "5", "--picture", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("stage 1 │████████◆◆")
    assert lines[-1] == "8 stages x 5 network calls = 40 calls for each answer"
    with Image.open(path) as picture:
        assert picture.width > 500
    assert main(["plan", "--frames", "60", "--picture", str(path), "--overwrite", "--json"]) == 0
    assert main(["plan", "--frames", "9", "--incomplete", "4", "--window", "4"]) == 0
    assert "1 stage paints 1 of 9 frames" in capsys.readouterr().out


def test_a_plan_needs_no_torch() -> None:
    code = (
        "import sys; from inpaintdiff.cli import main; main(['plan', '--frames', '60', '--json']);"
        "sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_long_videos_take_linear_time_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    """20,000 frames take 0.1 seconds; under the type checks of these tests about 2. What is quadratic takes minutes.

    Counting every allocation takes several times as long as planning.
    """
    begun = time.process_time()
    read = plan(capsys, "--frames", "20000")
    assert time.process_time() - begun < 10
    assert sum(len(s["latent"]) for s in read["stages"]) == 20_000
    peaks = []
    for frames in (250, 1_000):
        tracemalloc.start()
        plan(capsys, "--frames", str(frames))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 6 * peaks[0]
