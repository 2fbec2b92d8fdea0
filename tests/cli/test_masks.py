"""`inpaintdiff masks` as people type it: holes made again bit for bit, any format to any other, what a mask is in plain words."""

import hashlib
import json
import re
import time
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaintdiff.cli import main
from inpaintdiff.cli.parser_masks import KINDS
from inpaintdiff.data.hole_files import read_levels, write_hole
from inpaintdiff.data.hole_track import HoleTrack
from inpaintdiff.data.holes import read_hole
from inpaintdiff.data.video import probe_video, write_video

N, H, W = 8, 24, 32
SIZE = ["--frames", str(N), "--size", f"{W}x{H}"]


def moving_box() -> np.ndarray:
    """What every source below describes."""
    hole = np.zeros((N, H, W), dtype=bool)
    for i in range(N):
        hole[i, 4 + i : 10 + i, 5 + 2 * i : 12 + 2 * i] = True
    return hole


def corners(i: int) -> list[int]:
    return [5 + 2 * i, 4 + i, 12 + 2 * i, 10 + i]


def tracks(path: Path) -> Path:
    """The box as track 7, and a track 2 of another."""
    rows = [f"{i + 1},7,{5 + 2 * i},{4 + i},7,6\n{i + 1},2,0,0,4,3\n" for i in range(N)]
    path.write_text("".join(rows))
    return path


def source(tmp_path: Path, kind: str) -> tuple[Path, list[str]]:
    """The moving box as a file of this kind, and what `masks convert` wants to know beside it."""
    path = tmp_path / f"in.{kind}"
    if kind in {"npz", "mkv", "mp4"}:
        return write_hole(path, moving_box()), []
    if kind == "npy":
        np.save(path, moving_box().astype(np.uint8))
        return path, []
    if kind == "folder":
        return write_hole(tmp_path / "in", moving_box()), []
    if kind == "csv":
        return tracks(path), [*SIZE, "--track", "7"]
    if kind == "labelme":
        (tmp_path / "in").mkdir()
        for i in range(N):
            x1, y1, x2, y2 = corners(i)
            shape = {"shape_type": "rectangle", "points": [[x1, y1], [x2, y2]], "group_id": None}
            (tmp_path / "in" / f"f{i}.json").write_text(json.dumps({"shapes": [shape]}))
        return tmp_path / "in", SIZE
    path = tmp_path / "in.json"
    if kind == "keyframes":
        keys = [{"frame": i, "box": corners(i)} for i in (0, N - 1)]
        path.write_text(json.dumps({"objects": [{"id": 7, "keyframes": keys}]}))
        return path, [*SIZE, "--track", "7"]
    images = [{"id": i, "file_name": f"{i}.png", "width": W, "height": H} for i in range(N)]
    boxes = [{"image_id": i, "bbox": [5 + 2 * i, 4 + i, 7, 6]} for i in range(N)]
    path.write_text(json.dumps({"images": images, "annotations": boxes}))
    return path, SIZE


def said(text: str, what: str = "the hole") -> str:
    """The SHA-256 that was printed."""
    (found,) = re.findall(rf"^sha256 ([0-9a-f]{{64}})  \({what}", text, flags=re.MULTILINE)
    return found


def make(kind: str, output: Path, *options: str) -> int:
    more = ["--track-file", str(tracks(output.with_suffix(".csv"))), "--track", "7"] if kind == "object" else []
    return main(["masks", "make", kind, *SIZE, "-o", str(output), *more, *options])


# SHA-256 of the npz of 8 frames of 32 x 24 pixels at seed 3, static and moving (one of them for kinds that know no such thing), on every
# machine. A change here changes every test set that is made again: say so in the change log.
GOLDEN: dict[str, list[str]] = {
    "grid": ["54ef17015286ebca", "3e07a2e6ba128049"],
    "blob": ["be905416d3cdfc0b", "1941d9455a7e0e49"],
    "brush": ["28ee75a3b6bb4ca5", "d334dd4f61727abc"],
    "box": ["30d5d316cbc08d67", "4407eabe3a4501f6"],
    "region": ["9dbc2e88f5c58b13", "fac620d3e072c6b7"],
    "border": ["d80f447641062492", "1fb624a0fded2c0c"],
    "object": ["03b67b6313c2a044", "d212aef580356377"],
    "whole-frames": ["8db5330720285f22"],
    "first-n-known": ["9cc156913ce6eaeb"],
}


def motions(kind: str) -> list[list[str]]:
    return [[]] if kind in {"whole-frames", "first-n-known"} else [["--motion", "static"], ["--motion", "moving"]]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_file_on_every_machine(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--place", "random"] if kind == "object" else []
    found = []
    for n, motion in enumerate(motions(kind)):
        path = tmp_path / f"{n}.npz"
        assert make(kind, path, "--seed", "3", *motion, *place) == 0
        out = capsys.readouterr().out
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        hole = read_levels(path, "mask") > 0
        assert (said(out, "the file"), said(out)) == (digest, HoleTrack(hole, N, H, W).digest())
        assert bool((hole != hole[:1]).any()) == (motion != ["--motion", "static"])
        found.append(digest[:16])
    assert found == GOLDEN[kind]


@pytest.mark.parametrize("name", ["m.npz", "m.mkv", "m.mp4", "m"])
def test_the_hole_does_not_depend_on_its_file(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make("brush", tmp_path / name, "--motion", "moving", "--seed", "9") == 0
    first = said(capsys.readouterr().out)
    assert make("brush", tmp_path / "again.npz", "--motion", "moving", "--seed", "9") == 0
    assert said(capsys.readouterr().out) == first
    assert make("brush", tmp_path / "other.npz", "--motion", "moving", "--seed", "10") == 0
    assert said(capsys.readouterr().out) != first


def test_like_a_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_video(tmp_path / "in.mkv", np.full((N, H, W, 3), 90, dtype=np.uint8), 12, lossless=True)
    for name, pictures in (("m.png", 1), ("m.mkv", N)):
        assert main(["masks", "make", "blob", "--like", str(video), "--share", "0.2", "-o", str(tmp_path / name)]) == 0
        assert f"{N} frames of {W} x {H}, {N} with a hole\n20.05% of the pixels, static" in capsys.readouterr().out
        assert read_levels(tmp_path / name, "mask").shape == (pictures, H, W)
    assert probe_video(tmp_path / "m.mkv").fps == 12
    assert main(["verify", str(video), str(video), "--mask", str(tmp_path / "m.png")]) == 0, "as `inpaint` reads it"


def test_what_each_option_asks_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def made(name: str, kind: str, *options: str) -> np.ndarray:
        assert make(kind, tmp_path / name, *options) == 0
        return read_levels(tmp_path / name, "mask") > 0

    assert np.array_equal(made("own.npz", "object"), moving_box())
    aside = made("aside.npz", "object", "--place", "random", "--seed", "1")
    assert not np.array_equal(aside, moving_box())
    assert aside.sum() == moving_box().sum()
    assert made("still.png", "object", "--motion", "static").sum() == 42
    assert (~made("first.npz", "first-n-known", "--known", "3")).all(axis=(1, 2)).tolist() == [True] * 3 + [False] * 5
    assert (~made("quarter.npz", "first-n-known")).all(axis=(1, 2)).sum() == 2
    capsys.readouterr()
    assert made("half.npz", "whole-frames", "--share", "0.5").all(axis=(1, 2)).sum() == 4
    assert "looks inverted: `inpaint` and `masks convert` want --yes" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["npz", "npy", "mkv", "mp4", "folder", "keyframes", "coco", "labelme", "csv"])
def test_every_format_becomes_every_other(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, options = source(tmp_path, kind)
    for name in ("out.npz", "out.mkv", "out.mp4", "out"):
        assert main(["masks", "convert", str(path), *options, "-o", str(tmp_path / name)]) == 0
        stdout, stderr = capsys.readouterr()
        assert stdout.startswith(f"{tmp_path / name}\n")
        assert "grown by 0 pixels" in stderr
        assert said(stdout) == HoleTrack(moving_box(), N, H, W).digest()
        assert np.array_equal(read_hole(tmp_path / name, N, H, W), moving_box())
    assert main(["masks", "convert", str(path), *options, "-o", str(tmp_path / "out.png")]) == 2
    assert "out.png is one picture, but the hole moves" in capsys.readouterr().err
    assert not list(tmp_path.glob(".*"))


def test_convert_inverts_grows_and_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dark = np.full((H, W), 255, dtype=np.uint8)
    dark[8:12, 10:20] = 0
    Image.fromarray(dark).save(tmp_path / "dark.png")
    assert main(["masks", "convert", str(tmp_path / "dark.png"), "-o", str(tmp_path / "a.png")]) == 2
    assert "looks inverted. White is filled; if black was meant: --invert-mask" in capsys.readouterr().err
    options = ["--invert", "--dilate", "2", "--frames", "5"]
    assert main(["masks", "convert", str(tmp_path / "dark.png"), *options, "-o", str(tmp_path / "a.npz")]) == 0
    assert "grown by 2 pixels" in capsys.readouterr().err
    hole = read_hole(tmp_path / "a.npz", 5, H, W)
    assert hole[0].sum() == 4 * 10 + 2 * 2 * (4 + 10) + 4 * 1  # of each corner, the one pixel at a distance of sqrt(2)
    assert hole[4, 6, 10]
    assert main(["masks", "convert", str(tmp_path / "dark.png"), "--yes", "-o", str(tmp_path / "b.png")]) == 0
    assert np.array_equal(read_levels(tmp_path / "b.png", "mask")[0], dark)
    hold = ["--frames", "7", "--mask-extend", "hold"]
    assert main(["masks", "convert", str(tmp_path / "a.npz"), *hold, "-o", str(tmp_path / "c.npz")]) == 0
    assert read_levels(tmp_path / "c.npz", "mask").shape[0] == 7


def test_show_says_what_a_mask_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = np.random.default_rng(0).integers(0, 200, (N, H, W, 3), dtype=np.uint8)
    video = write_video(tmp_path / "in.mkv", frames, 25, lossless=True)
    hole = moving_box()
    hole[0] = False
    path = write_hole(tmp_path / "m.npz", hole)
    sheet = tmp_path / "sheet.png"
    assert main(["masks", "show", str(path), "--video", str(video), "-o", str(sheet)]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[:-1] if "grown" not in line)
    assert lines == {
        "pictures": "8",
        "frames": "8, 7 with a hole",
        "size": "32 x 24",
        "share": "5.47% of the picture in a frame with a hole, from 5.47% to 5.47%",
        "motion": "moving",
        "within": "7,5,26,17  (x1,y1,x2,y2, all frames together)",
        "first": "7,5,14,11  in frame 1",
        "last": "19,11,26,17  in frame 7",
        "levels": "2 (0, 255)",
        "polarity": "white is filled",
        "sha256": HoleTrack(hole, N, H, W).digest(),
    }
    with Image.open(sheet) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    # six frames, enlarged eight times; the hole of the last one is magenta with the picture under it, its surroundings are the picture
    last = pixels[: 24 * 8, -32 * 8 :].reshape(24, 8, 32, 8, 3)
    assert (last == last[:, :1, :, :1]).all()
    last = last[:, 0, :, 0]
    assert np.array_equal(last[~hole[-1]], frames[-1][~hole[-1]])
    assert np.abs(last[hole[-1]] - (0.35 * frames[-1][hole[-1]] + 0.65 * np.array([255, 0, 255]))).max() <= 0.5


def test_show_of_grey_levels_parts_and_what_looks_inverted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grey = np.full((H, W), 10, dtype=np.uint8)
    grey[2:5, 3:9] = 250
    grey[10:12, 20:30] = 130
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert main(["masks", "show", str(tmp_path / "grey.png")]) == 0
    out = capsys.readouterr().out
    assert "parts     2: 20,10,30,12  3,2,9,5\n" in out
    assert "levels    3 (10, 130, 250); 100.0% of the pixels are neither black nor white\n" in out
    assert "motion    static\n" in out
    assert main(["masks", "show", str(tmp_path / "grey.png"), "--invert"]) == 0
    assert "polarity  the mask marks 95% of the picture and looks inverted." in capsys.readouterr().out
    Image.fromarray(np.zeros((H, W), dtype=np.uint8)).save(tmp_path / "none.png")
    assert main(["masks", "show", str(tmp_path / "none.png"), "-o", str(tmp_path / "s.png")]) == 0
    assert "polarity  the mask marks no pixel (all values 0). Nothing to fill.\n" in capsys.readouterr().out


def test_show_of_many_frames_and_large_pictures(tmp_path: Path) -> None:
    hole = np.zeros((3000, 4, 600), dtype=bool)
    hole[1234, :, :99] = True
    path = write_hole(tmp_path / "m.npz", hole)
    assert main(["masks", "show", str(path), "-o", str(tmp_path / "s.png")]) == 0
    with Image.open(tmp_path / "s.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape[1] == 6 * 256 + 5 * 4
    marked = (pixels[-1] == (255, 0, 255)).all(axis=1)
    assert np.flatnonzero(marked).tolist() == [1234 * len(marked) // 3000], "one frame of 3000 is not lost in the chart"


def test_a_long_way_has_a_bar_and_loses_no_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_hole(tmp_path / "m.npz", moving_box())
    monkeypatch.setattr(time, "monotonic", count(0, 1.5).__next__)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal; elsewhere a bar would only fill logs
    assert main(["masks", "convert", str(path), "-o", str(tmp_path / "out.npz")]) == 0
    assert np.array_equal(read_hole(tmp_path / "out.npz", N, H, W), moving_box())
    stderr = capsys.readouterr().err
    assert all(doing in stderr for doing in ("reading", "writing", "checking"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["make", "box", "-o", "m.png"], "how large is the picture? Give --like VIDEO, or --size WIDTHxHEIGHT"),
        (["make", "box", "--size", "64", "-o", "m.png"], "--size '64' is not of the form WIDTHxHEIGHT"),
        (["make", "box", "--size", "0x9", "-o", "m.png"], "--size '0x9' is not of the form"),
        (["make", "box", "--size", "8x9", "--motion", "moving", "-o", "m"], "how long is the video? Give --like VIDEO"),
        (["make", "box", "--frames", "0", "--size", "8x9", "-o", "m"], "--frames is 0, expected 1 to 1000000"),
        (
            ["make", "box", "--like", "in.mkv", "--frames", "3", "-o", "m"],
            "give --like, or --frames and --size, not both",
        ),
        (["make", "box", "--like", "none.mp4", "-o", "m"], "none.mp4"),
        (["make", "box", *SIZE, "--seed", "-1", "-o", "m"], "--seed is -1, expected 0 or more"),
        (["make", "box", *SIZE, "--share", "0.5-0.2", "-o", "m"], "--share '0.5-0.2' is not of the form LEAST-MOST"),
        (["make", "box", *SIZE, "--share", "50%", "-o", "m"], "--share '50%' is not of the form"),
        (["make", "box", *SIZE, "--share", "1.0", "-o", "m"], "--share '1.0' is not of the form"),
        (["make", "box", *SIZE, "--known", "3", "-o", "m"], "--known is for first-n-known; not for box"),
        (["make", "box", *SIZE, "--track", "3", "-o", "m"], "--track is for object; not for box"),
        (["make", "whole-frames", *SIZE, "--motion", "static", "-o", "m"], "--motion is for blob, border, box, brush"),
        (
            ["make", "whole-frames", "--frames", "1", "--size", "8x9", "-o", "m"],
            "whole-frames wants --frames 2 or more",
        ),
        (["make", "first-n-known", *SIZE, "--known", "8", "-o", "m"], "--known is 8, expected 1 to 7 of 8 frames"),
        (["make", "object", *SIZE, "-o", "m"], "an object needs to be told where it is; give --track-file PATH"),
        (
            ["make", "object", *SIZE, "--track-file", "t.csv", "--track", "4", "-o", "m"],
            "has no track 4; its tracks are",
        ),
        (["make", "object", *SIZE, "--track-file", "gone.csv", "-o", "m"], "mask gone.csv"),
        (["make", "box", *SIZE, "-o", "m.gif"], "m.gif ends in .gif; holes are written as"),
        (["make", "box", *SIZE, "--motion", "moving", "-o", "m.png"], "m.png is one picture, but the hole moves"),
        (["make", "box", *SIZE, "-o", "hole.npz"], "hole.npz exists already; give another name"),
        (["make", "box", *SIZE, "-o", "x" * 300 + ".npz"], "cannot be written: File name too long"),
        (["show", "hole.npz", "-o", "x" * 300 + ".png"], "cannot be written: File name too long"),
        (["show", "none.png"], "mask none.png does not exist"),
        (["show", "t.csv"], "how large is the picture? Give --like VIDEO"),
        (["show", "t.csv", "--size", "32x24"], "how long is the video? Give --like VIDEO"),
        (
            ["show", "t.csv", *SIZE, "-o", "sheet.jpg"],
            "sheet.jpg is no name for a picture; expected one ending in .png",
        ),
        (["show", "hole.npz", "--like", "in.mkv"], "mask hole.npz is 32 x 24, the video is 16 x 16"),
        (["show", "hole.npz", "--track", "3"], "track 3 was asked for, but mask hole.npz holds pictures"),
        (["convert", "hole.npz", "--frames", "9", "-o", "m.npz"], "has 8 frames, video has 9. Give 9, or 1 for all"),
        (["convert", "hole.npz", "--dilate", "-1", "-o", "m.npz"], "cannot be grown by -1 pixels"),
        (["convert", "hole.npz", "-o", "hole.npz"], "hole.npz exists already"),
        (["convert", "t.csv", *SIZE, "-o", "gone.txt/m.npz"], "gone.txt/m.npz cannot be written"),
    ],
    ids=lambda x: " ".join(x)[:50] if isinstance(x, list) else "",
)
def test_wrong_input_is_one_sentence_and_leaves_nothing(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    tracks(Path("t.csv"))
    write_hole("hole.npz", moving_box())
    write_video("in.mkv", np.zeros((N, 16, 16, 3), dtype=np.uint8), 25, lossless=True)
    Path("gone.txt").write_text("a file")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert main(["masks", *arguments]) == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert sentence in stderr
    assert stderr.startswith("inpaintdiff: ")
    assert stderr.count("\n") == 1
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
