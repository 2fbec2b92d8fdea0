"""`data prepare` as a whole: from folders of small videos to data sets, again, after a kill, and what people see."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import crossing, drive, save

from inpaintdiff.checkpoint import file_digest
from inpaintdiff.cli import main
from inpaintdiff.data.format import defects, read_manifest
from inpaintdiff.data.holes import read_hole
from inpaintdiff.data.prepare.run import Prepared, prepare
from inpaintdiff.data.prepare.settings import PrepareSettings
from inpaintdiff.data.tracks import read_tracks
from inpaintdiff.data.video import probe_video
from inpaintdiff.errors import DatasetError

ASKED = PrepareSettings("folder", 32, 48, Fraction(10), frames=16, least=8)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five videos, one of them a copy of another, with a cut and a black stretch; and a file that is no video."""
    root = tmp_path_factory.mktemp("videos")
    save(root / "a.mp4", np.concatenate([drive(20, 1), drive(20, 2)]))
    save(root / "b.mp4", np.concatenate([drive(18, 3), np.zeros((9, 96, 128, 3), np.uint8), drive(17, 4)]))
    save(root / "deep/c.mp4", drive(36, 5), fps=20)
    save(root / "deep/d.mp4", drive(16, 6))
    save(root / "e.mp4", drive(16, 6))
    (root / "broken.mp4").write_bytes(b"no video")
    return root


def files(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): file_digest(p) for p in root.rglob("*") if p.is_file()}


def visible(root: Path) -> dict[str, str]:
    return {name: digest for name, digest in files(root).items() if not name.startswith(".prepare")}


@pytest.fixture(scope="module")
def made(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Prepared]:
    out = tmp_path_factory.mktemp("made") / "set"
    return out, prepare([videos], out, ASKED, workers=0)


def test_clips_come_out_as_the_truth_says(made: tuple[Path, Prepared]) -> None:
    out, done = made
    entries = {e.video.split("/")[1]: e for split in done.manifest.splits.values() for e in split}
    assert {name: e.frames for name, e in entries.items()} == {
        "a-000.mp4": 16, "a-001.mp4": 16, "b-000.mp4": 16, "b-001.mp4": 16, "c-000.mp4": 16, "d-000.mp4": 16
    }  # fmt: skip
    assert done.repeats == 1, "e is a copy of d"
    assert list(done.refused) == ["broken.mp4"]
    assert done.left_out["black"] == pytest.approx(0.9)
    info = probe_video(out / entries["a-000.mp4"].video)
    assert (info.height, info.width, info.fps) == (32, 48, 10)
    assert list(defects(out)) == []


def test_no_source_is_in_two_splits_and_all_splits_have_one(made: tuple[Path, Prepared]) -> None:
    _, done = made
    where: dict[str, set[str]] = {}
    for split, entries in done.manifest.splits.items():
        assert entries
        for e in entries:
            where.setdefault(str(e.source), set()).add(split)
    assert all(len(splits) == 1 for splits in where.values())


def test_held_out_clips_have_fixed_holes_and_training_clips_none(made: tuple[Path, Prepared]) -> None:
    out, done = made
    assert all(e.hole is None for e in done.manifest.splits["train"])
    for e in (*done.manifest.splits["val"], *done.manifest.splits["test"]):
        assert e.hole is not None
        assert read_hole(out / e.hole, e.frames, 32, 48, allow_large=True).any()


def test_a_second_run_changes_nothing(made: tuple[Path, Prepared], videos: Path) -> None:
    out, done = made
    before = {p: (p.stat().st_mtime_ns, file_digest(p)) for p in out.rglob("*") if p.is_file()}
    again = prepare([videos], out, ASKED, workers=0, begin=lambda *_: pytest.fail("something was cut again"))
    assert again == done
    assert {p: (p.stat().st_mtime_ns, file_digest(p)) for p in out.rglob("*") if p.is_file()} == before


def test_what_went_missing_is_made_again(made: tuple[Path, Prepared], videos: Path) -> None:
    out, _ = made
    before = visible(out)
    (out / next(name for name in before if name.endswith("c-000.mp4"))).unlink()
    (out / "contact_sheet.png").unlink()
    prepare([videos], out, ASKED, workers=0)
    assert visible(out) == before


def test_the_report_has_every_stretch(made: tuple[Path, Prepared]) -> None:
    out, _ = made
    report = json.loads((out / "prepare_report.json").read_text())
    by_source = {s["source"]: s for s in report["sources"]}
    assert [(d["first"], d["end"], d["reason"]) for d in by_source["b.mp4"]["dropped"] if d["reason"] == "black"] == [
        (1.8, 2.7, "black")
    ]
    assert "broken.mp4" in by_source["broken.mp4"]["refused"]
    assert report["near_duplicates"] == [{"source": "e.mp4", "clip": "e-000", "of": "d-000"}]
    assert (out / "contact_sheet.png").stat().st_size > 1000


def test_other_settings_and_other_folders_are_refused(
    made: tuple[Path, Prepared], videos: Path, tmp_path: Path
) -> None:
    out, _ = made
    with pytest.raises(DatasetError, match=r"prepared with frames 16, now it is 12"):
        prepare([videos], out, replace(ASKED, frames=12), workers=0)
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(DatasetError, match=r"holds something else \(mine.txt\)"):
        prepare([videos], tmp_path, ASKED, workers=0)
    with pytest.raises(DatasetError, match="within each other"):
        prepare([videos], videos / "out", ASKED, workers=0)


def test_videos_that_come_and_go_change_only_what_they_must(videos: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "videos", tmp_path / "set"
    for name in ("a.mp4", "b.mp4"):
        save(source / name, drive(20, ord(name[0])))
    prepare([source], out, ASKED, workers=0)
    old = {name.split("/")[-1]: d for name, d in visible(out).items() if name.endswith(".mp4")}
    save(source / "c.mp4", drive(20, 9))
    manifest = prepare([source], out, ASKED, workers=0).manifest
    assert sum(map(len, manifest.splits.values())) == 3
    new = {name.split("/")[-1]: d for name, d in visible(out).items() if name.endswith(".mp4")}
    assert old.items() <= new.items()
    (source / "a.mp4").unlink()
    prepare([source], out, ASKED, workers=0)
    assert sorted(name.split("/")[-1] for name in visible(out) if name.endswith(".mp4")) == ["b-000.mp4", "c-000.mp4"]
    assert list(defects(out)) == []


def test_traffic_takes_still_cameras_only(tmp_path: Path) -> None:
    source, out = tmp_path / "videos", tmp_path / "set"
    for k in range(3):
        save(source / f"still{k}.mp4", crossing(40, seed=k, row=20 + 20 * k))
    save(source / "moving.mp4", drive(40, 8))
    done = prepare([source], out, PrepareSettings("traffic", 32, 32, Fraction(10), frames=40), workers=0)
    assert done.refused == {"moving.mp4": "the camera moves"}
    for entries in done.manifest.splits.values():
        (entry,) = entries
        assert entry.hole is not None
        hole = read_hole(out / entry.hole, entry.frames, 32, 32)
        k = int(entry.source[5])  # type: ignore[index]
        assert hole[0, round((26 + 20 * k) / 3), 8:24].any(), "the row of the cars"


def test_cars_follow_the_boxes_of_a_mot_file(tmp_path: Path) -> None:
    source, out = tmp_path / "videos", tmp_path / "set"
    film = drive(40, 1, height=160, width=240) // 2
    rows = []
    for t in range(40):
        x = 20 + 4 * t
        film[t, 60:80, x : x + 36] = (250, 240, 60)
        rows.append(f"{t + 1},7,{x},60,36,20,1,3,1")
    save(source / "a.mp4", film)
    (source / "a.txt").write_text("\n".join(rows))
    save(source / "b.mp4", drive(30, 2))
    done = prepare([source], out, PrepareSettings("cars", 32, 32, Fraction(10), frames=16, least=8), workers=0)
    assert "no tracks" in done.refused["b.mp4"]
    entries = done.manifest.splits["train"]
    assert [e.frames for e in entries] == [16, 16, 8]
    for e in entries:
        assert e.hole is not None
        hole = read_hole(out / e.hole, e.frames, 32, 32)
        frames = run_frames(out / e.video)
        yellow = (frames[..., 0] > 170) & (frames[..., 1] > 170) & (frames[..., 2] < 110)
        assert yellow.any(axis=(1, 2)).all()
        assert not (yellow & ~hole).any(), "nothing of the car is seen beside the hole"
        assert {b.vehicle for b in read_tracks(out / str(e.tracks))} == {7}
    assert list(defects(out)) == []


def run_frames(path: Path) -> np.ndarray:
    from inpaintdiff.data.video import read_frames

    return read_frames(path, range(probe_video(path).frames))


def test_bdd_keeps_its_splits_and_its_tracks(tmp_path: Path) -> None:
    root, out = tmp_path / "bdd100k", tmp_path / "set"
    for k, split in enumerate(("train", "val", "test")):
        save(root / "videos" / split / f"v{k}.mov", drive(30, k), fps=10)
    labels = [
        {"frameIndex": k, "labels": [{"id": "1", "category": "car", "box2d": {"x1": 40, "y1": 30, "x2": 60, "y2": 42}}]}
        for k in range(10)
    ]
    (root / "labels/box_track_20/train").mkdir(parents=True)
    (root / "labels/box_track_20/train/v0.json").write_text(json.dumps(labels))
    done = prepare([root], out, replace(ASKED, kind="bdd"), workers=0)
    assert {s: {e.source for e in entries} for s, entries in done.manifest.splits.items()} == {
        "train": {"videos/train/v0.mov"}, "val": {"videos/val/v1.mov"}, "test": {"videos/test/v2.mov"}
    }  # fmt: skip
    first = done.manifest.splits["train"][0]
    box = read_tracks(out / str(first.tracks))[0]
    # 128 x 96 becomes 48 x 32: the middle 85 of 96 rows
    assert (box.x1, box.x2) == pytest.approx((15, 22.5), abs=0.1)
    assert box.y1 == pytest.approx((30 - 5) * 32 / 85, abs=0.4)
    assert list(defects(out)) == []


def test_fixed_holes_do_not_depend_on_the_machine(made: tuple[Path, Prepared]) -> None:
    """Digests as they were when this test was written."""
    _, done = made
    holes = {
        name: d
        for s in ("val", "test")
        for e in done.manifest.splits[s]
        for name, d in e.sha256.items()
        if "hole" in name
    }
    assert holes == GOLDEN


GOLDEN = {
    "test/c-000.hole.png": "5418a5ece6f1a23482b2fb23a1ff933ba6d3bc853aea89ae657725e8e16a86a2",
    "val/b-000.hole.png": "7a90146af62c2e06021b7f51332c8a89211459716a8de240cecb12539cd88dc5",
    "val/b-001.hole.npz": "b3fabf2ff57216ca4578900815ac08a7cfec7493472a8a407be84afb4e353629",
}


@pytest.mark.slow
def test_workers_do_not_show(made: tuple[Path, Prepared], videos: Path, tmp_path: Path) -> None:
    told: list[tuple[float, int]] = []
    prepare([videos], tmp_path / "set", ASKED, 2, progress=lambda size, n: told.append((size, n)))
    assert visible(tmp_path / "set") == visible(made[0])
    assert [size for size, _ in told] == sorted(size for size, _ in told)
    assert told[-1] == (sum(p.stat().st_size for p in videos.rglob("*.mp4")), 6)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_killed_runs_end_in_the_same_bytes(made: tuple[Path, Prepared], videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    command = [
        sys.executable, "-m", "inpaintdiff", "data", "prepare", "folder", "--source", str(videos), "--out", str(out),
        "--size", "32x48", "--frames", "16", "--min-frames", "8", "--workers", "2",
    ]  # fmt: skip
    killed = 0
    for k in range(40):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begun = time.monotonic()
        while process.poll() is None and (len(files(out)) <= 3 * k or time.monotonic() - begun < 0.5):
            time.sleep(0.02)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        if process.wait() == 0:
            break
    assert killed >= 2
    assert visible(out) == visible(made[0])
    assert not list(out.rglob("*.part"))


def test_the_verb_says_what_came_of_it(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "set"
    size = ["--size", "32x48", "--frames", "16", "--min-frames", "8", "--workers", "0"]
    assert main(["data", "prepare", "folder", "--source", str(videos), "--out", str(out), *size]) == 0
    said = capsys.readouterr().out
    assert "s of 48 x 32 at 10 a second" in said
    assert "nothing from broken.mp4" in said
    assert "left out 0.9 s: black" in said
    assert main(["data", "check", str(out)]) == 0
    assert read_manifest(out).name == "folder"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "big"], "not of the form N or HxW"),
        (["--size", "33"], "even sizes"),
        (["--fps", "fast"], "not a rate"),
        (["--fps", "0"], "0 frames a second"),
        (["--val", "0.9", "--test", "0.2"], "leave nothing to train on"),
        (["--min-frames", "99"], "clips of 99 to 64"),
        (["--detector", "nowhere.onnx"], "does not exist"),
        (["--fps", "60"], "none of the 6 videos gave a clip"),
    ],
)
def test_wrong_options_end_in_one_sentence(
    options: list[str], message: str, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "prepare", "folder", "--source", str(videos), "--out", str(tmp_path / "x"), "--workers", "0"]
    assert main([*command, *options]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_cars_without_tracks_say_what_is_missing(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "prepare", "cars", "--source", str(videos), "--out", str(tmp_path / "x")]) == 2
    assert "--detector with a YOLOX network" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_detector_that_is_none_is_refused(videos: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "d.onnx").write_bytes(b"nothing")
    asked = PrepareSettings("cars", detector=tmp_path / "d.onnx")
    with pytest.raises(DatasetError, match="cannot be loaded as an ONNX network"):
        prepare([videos], tmp_path / "x", asked, workers=0)


@pytest.mark.assets
def test_the_detector_finds_cars(assets: Path) -> None:
    pytest.importorskip("onnxruntime")
    from inpaintdiff.data.prepare.detector import Detector, overlap
    from inpaintdiff.data.video import read_frames

    detect = Detector(assets / "weights/yolox_nano.onnx")
    frame = read_frames(assets / "clips/traffic_cam/us_highway_720p.mp4", [0])[0]
    found = detect(frame)
    assert len(found) >= 4, found
    for d in found:
        assert d.kind in {"car", "truck", "bus"}
        assert 0 < d.x2 - d.x1 < 300, "no larger than a car is there"
    # the detector says the same of a picture twice as large, in its pixels
    large = detect(frame.repeat(2, axis=0).repeat(2, axis=1))
    surest = found[0]
    assert any(
        overlap(np.array([d.x1, d.y1, d.x2, d.y2]) / 2, np.array([surest.x1, surest.y1, surest.x2, surest.y2])) > 0.8
        for d in large
    )
