"""`inpaintdiff inpaint` and `verify` as people type them: files in, files out, one sentence for what is wrong."""

import json
from fractions import Fraction
from pathlib import Path

import barcode
import numpy as np
import pytest
from PIL import Image

from inpaintdiff.cli import main
from inpaintdiff.data.video import probe_video, write_video
from tests.painting.small import decoded, model_file, pictures, video_file

BOX = "5,5,30,30"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(model_file(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video_file(tmp_path_factory.mktemp("video") / "in.mkv")


def inside() -> np.ndarray:
    hole = np.zeros((48, 64), dtype=bool)
    hole[5:30, 5:30] = True
    return hole


def test_lossless_keeps_every_known_pixel(source, model, tmp_path, capsys):
    out = tmp_path / "out.mkv"
    assert (
        main(["inpaint", str(source), "--box", BOX, "-o", str(out), "--lossless", "--model", model, "--steps", "2"])
        == 0
    )
    stdout, stderr = capsys.readouterr()
    assert stdout.splitlines()[0] == str(out)
    for said in ("seed 0", "on c", "grown by 0 pixels", "5 stages, 10 network calls", "10/10 frames"):
        assert said in stderr
    a, b = decoded(source), decoded(out)
    assert np.array_equal(a[:, ~inside()], b[:, ~inside()])
    assert (a[:, inside()] != b[:, inside()]).mean() > 0.9
    assert probe_video(out).fps == probe_video(source).fps
    assert main(["verify", str(source), str(out), "--box", BOX, "--strict"]) == 0
    assert capsys.readouterr().out == f"outside the hole: 0 of {a[:, ~inside()].size} values changed\n"
    record = json.loads((tmp_path / "out.mkv.json").read_text())
    assert record["plan"]["network_calls"] == 10
    assert record["model"]["card"] == "tiny"
    assert len(record["model"]["sha256"]) == len(record["hole"]["sha256"]) == 64
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mkv", "out.mkv.json"]


def test_samples_and_their_spread(source, model, tmp_path, capsys):
    args = [
        "inpaint",
        str(source),
        "--box",
        BOX,
        "-o",
        str(tmp_path / "o.mkv"),
        "--lossless",
        "--model",
        model,
        "--steps",
        "2",
    ]
    assert main([*args, "--samples", "2", "--seed", "4"]) == 0
    names = ["o-1.mkv", "o-2.mkv", "o-uncertainty.mkv", "o.mkv.json"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    one, two, spread = (decoded(tmp_path / n) for n in names[:3])
    assert (one[:, inside()] != two[:, inside()]).any()
    assert np.array_equal(one[:, ~inside()], two[:, ~inside()])
    assert not spread[:, ~inside()].any()
    assert spread[:, inside()].any()
    assert main([*args, "--seed", "4"]) == 2
    assert "o.mkv.json exists already" in capsys.readouterr().err
    assert main([*args, "--seed", "4", "--overwrite"]) == 0
    assert (tmp_path / "o.mkv").read_bytes() == (tmp_path / "o-1.mkv").read_bytes()


def test_sound_rotation_and_uneven_stamps_are_kept(model, tmp_path):
    plain = barcode.encode(
        tmp_path / "plain.mp4", "libx264", n=12, pts=[0, 1, 2, 4, 5, 6, 9, 10, 11, 12, 15, 16], rotation=90
    )
    source = barcode.add_sound(tmp_path / "sound.mp4", 0.6, plain)
    out = tmp_path / "out.mp4"
    assert main(["inpaint", str(source), "--box", "1,1,9,9", "-o", str(out), "--model", "baseline:telea"]) == 0
    a, b = probe_video(source), probe_video(out)
    assert (a.frames, a.height, a.width, a.has_audio) == (b.frames, b.height, b.width, b.has_audio)
    assert [p * a.time_base for p in a.pts] == [p * b.time_base for p in b.pts]


def test_pictures_in_pictures_out(model, tmp_path):
    frames = pictures(3, 20, 24)
    write_video(tmp_path / "in", frames, Fraction(25), lossless=True)
    hole = np.zeros((20, 24), dtype=np.uint8)
    hole[4:9, 6:12] = 255
    Image.fromarray(hole).save(tmp_path / "hole.png")
    args = [
        "inpaint",
        str(tmp_path / "in"),
        "--mask",
        str(tmp_path / "hole.png"),
        "-o",
        str(tmp_path / "out"),
        "--lossless",
    ]
    assert main([*args, "--model", model, "--steps", "1"]) == 0
    out = np.stack([np.asarray(Image.open(p)) for p in sorted((tmp_path / "out").iterdir())])
    assert np.array_equal(out[:, hole == 0], frames[:, hole == 0])
    assert (out[:, hole > 0] != frames[:, hole > 0]).mean() > 0.9


def test_verify_counts(tmp_path, capsys):
    frames = pictures(4, 20, 24)
    changed = frames.copy()
    changed[1, 2, 3, 0] ^= 1
    changed[2, 5:7, 5:7] = 0
    a = write_video(tmp_path / "a.mkv", frames, 25, lossless=True)
    b = write_video(tmp_path / "b.mkv", changed, 25, lossless=True)
    assert main(["verify", str(a), str(b), "--box", "5,5,7,7"]) == 0
    out = capsys.readouterr().out
    assert f"outside the hole: 1 of {4 * (20 * 24 - 4) * 3} values changed" in out
    assert "largest change 1 of 255" in out
    assert main(["verify", str(a), str(b), "--strict"]) == 1
    assert "in the whole picture: 13 of" in capsys.readouterr().out
    short = write_video(tmp_path / "c.mkv", frames[:3], 25, lossless=True)
    assert main(["verify", str(a), str(short)]) == 2
    assert "cannot be compared" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "nothing says what to fill; give --mask PATH or --box X1,Y1,X2,Y2."),
        (["--box", "0,0,9"], "is not of the form x1,y1,x2,y2"),
        (["--box", "0,0,9,99"], "does not lie within the picture of 64 x 48"),
        (["--box", "0,0,64,48"], "the mask marks every pixel"),
        (["--box", "0,0,64,40"], "the mask marks 83% of the picture and looks inverted"),
        (["--mask", "none.png"], "mask none.png does not exist"),
        (["--box", BOX, "--model", "none.safetensors"], "there is no model file none.safetensors"),
        (["--box", BOX, "--model", "pyproject.toml"], "pyproject.toml is not a model file"),
        (["--box", BOX, "--model", "baseline:magic"], "there is no baseline 'magic'"),
        (["--box", BOX, "--scheme", "lookahed"], "there is no sampling scheme 'lookahed'"),
        (["--box", BOX, "--solver", "huen"], "huen"),
        (["--box", BOX, "--steps", "0"], "steps must be at least 1, got 0"),
        (["--box", BOX, "--samples", "0"], "samples must be at least 1, got 0"),
        (["--box", BOX, "--context", "-1"], "context must be 0 or more"),
        (["--box", BOX, "--crf", "70"], "crf 70 is not a quality of x264"),
        (["--box", BOX, "--device", "abacus"], "device 'abacus' cannot be used here"),
        (["--box", BOX, "--dilate", "-2"], "cannot be grown by -2 pixels"),
        (["--box", BOX, "-o", "out.gif"], "out.gif ends in .gif"),
        (["--box", BOX, "-o", "out.mp4", "--lossless"], "lossless video is written as .mkv"),
    ],
)
def test_wrong_input_is_one_sentence_and_leaves_nothing(source, tmp_path, monkeypatch, capsys, options, sentence):
    (tmp_path / "pyproject.toml").write_text("not a model")
    monkeypatch.chdir(tmp_path)
    assert main(["inpaint", str(source), "-o", "out.mkv", "--model", "baseline:median", *options]) == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert sentence in stderr
    assert stderr.startswith("inpaintdiff: ")
    assert stderr.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["pyproject.toml"]


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (np.zeros((48, 64), np.uint8), "the mask marks no pixel (all values 0). Nothing to fill."),
        (np.full((48, 64), 255, np.uint8), "the mask marks every pixel"),
        (np.eye(48, 63, dtype=np.uint8) * 255, "mask.npy is 63 x 48, the video is 64 x 48"),
        (
            np.ones((7, 48, 64), np.uint8),
            "mask.npy has 7 frames, video has 10. Give 10, or 1 for all; or --mask-extend hold.",
        ),
        (np.full((48, 64), np.nan), "has values that are not finite"),
    ],
)
def test_wrong_masks(source, tmp_path, capsys, mask, sentence):
    np.save(tmp_path / "mask.npy", mask)
    args = ["inpaint", str(source), "-o", str(tmp_path / "out.mkv"), "--mask", str(tmp_path / "mask.npy")]
    assert main([*args, "--model", "baseline:median"]) == 2
    assert sentence in capsys.readouterr().err


def test_existing_files_are_kept(source, tmp_path, capsys):
    out = tmp_path / "out.mkv"
    out.write_bytes(b"precious")
    args = ["inpaint", str(source), "--box", BOX, "-o", str(out), "--lossless", "--model", "baseline:median"]
    assert main(args) == 2
    assert "out.mkv exists already" in capsys.readouterr().err
    assert out.read_bytes() == b"precious"
    assert main([*args, "--overwrite"]) == 0
    assert len(decoded(out)) == 10
    assert main(["inpaint", str(source), "--box", BOX, "-o", str(source), "--lossless", "--overwrite"]) == 2
    assert "is the input" in capsys.readouterr().err


@pytest.mark.assets
@pytest.mark.slow
def test_a_real_clip(assets, model, tmp_path):
    clip, out = assets / "clips" / "traffic_cam" / "boulevard_bus.mp4", tmp_path / "out.mkv"
    args = ["inpaint", str(clip), "--box", "200,120,330,230", "-o", str(out), "--lossless", "--model", model]
    assert main([*args, "--steps", "1"]) == 0
    a, b = decoded(clip), decoded(out)
    known = np.ones(a.shape[1:3], dtype=bool)
    known[120:230, 200:330] = False
    assert np.array_equal(a[:, known], b[:, known])
    assert probe_video(out).fps == probe_video(clip).fps
