"""`inpaintdiff.inpaint` from Python: paths, arrays and tensors in; videos, uncertainty, files and a picture out."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import inpaintdiff
from inpaintdiff.data.video import to_unit, write_video
from inpaintdiff.errors import InpaintDiffError, VideoReadError, VideoWriteError
from tests.painting.small import decoded, pictures

BOX = [5, 5, 30, 30]


@pytest.fixture(scope="module")
def frames():
    return pictures(6, 48, 64)


@pytest.fixture(scope="module")
def result(frames, model):
    return inpaintdiff.inpaint(frames, boxes=[BOX], samples=2, seed=1, model=model, steps=2)


def hole() -> np.ndarray:
    marked = np.zeros((48, 64), dtype=bool)
    marked[5:30, 5:30] = True
    return marked


def test_videos_and_uncertainty(result, frames):
    assert (result.videos.shape, result.videos.dtype) == ((2, *frames.shape), np.uint8)
    assert (result.uncertainty.shape, result.uncertainty.dtype) == (frames.shape[:3], np.float32)
    assert np.array_equal(result.videos[0][:, ~hole()], frames[:, ~hole()])
    assert not result.uncertainty[:, ~hole()].any()
    apart = (result.videos[0] != result.videos[1]).any(axis=-1)
    assert apart.any()
    assert np.array_equal(result.uncertainty > 0, apart)


def test_paths_arrays_and_tensors_give_the_same(result, frames, model, tmp_path):
    write_video(tmp_path / "a.mkv", frames, 25, lossless=True)
    options = {"samples": 2, "seed": 1, "model": model, "steps": 2}
    for video, mask in [
        (tmp_path / "a.mkv", hole()),
        (str(tmp_path / "a.mkv"), hole().astype(np.uint8) * 255),
        (torch.from_numpy(frames), torch.from_numpy(hole())),
        (to_unit(frames), np.repeat(hole()[None].astype(np.float32), 6, axis=0)),
    ]:
        assert np.array_equal(inpaintdiff.inpaint(video, mask, **options).videos, result.videos)


def test_a_loaded_model_can_be_used_again(result, frames, model):
    loaded = inpaintdiff.load_model(model)
    again = inpaintdiff.inpaint(frames, boxes=["5,5,30,30"], seed=1, model=loaded, steps=2)
    assert np.array_equal(again.videos[0], result.videos[0])
    assert not again.uncertainty.any()


def test_save(result, tmp_path):
    videos = result.save(tmp_path / "new" / "a.mkv", lossless=True)
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [
        "a-1.mkv",
        "a-2.mkv",
        "a-uncertainty.mkv",
        "a.mkv.json",
    ]
    assert np.array_equal(np.stack([decoded(p) for p in videos]), result.videos)
    assert json.loads((tmp_path / "new" / "a.mkv.json").read_text())["seed"] == 1
    with pytest.raises(VideoWriteError, match="exists already"):
        result.save(tmp_path / "new" / "a.mkv", lossless=True)


def test_show_returns_a_figure_that_draws_itself(result):
    figure = result.show(columns=3)
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 4 * 3
    assert figure._repr_png_()[:4] == b"\x89PNG"


def test_report_is_called_after_every_stage(frames, model):
    steps = []
    out = inpaintdiff.inpaint(frames, boxes=[BOX], model=model, steps=1, report=steps.append)
    assert [s.stage for s in steps] == list(range(1, out.record["plan"]["stages"] + 1))


@pytest.mark.parametrize(
    ("video", "match"),
    [
        (np.zeros((3, 8, 8), np.uint8), r"the frames are uint8 \(3, 8, 8\)"),
        (np.zeros((3, 8, 8, 3), np.float32), r"the frames are float32 \(3, 8, 8, 3\)"),
        (np.full((3, 3, 8, 8), 7.0), "values from 7 to 7; expected -1 to 1"),
        (np.full((3, 3, 8, 8), np.nan), "values from nan to nan"),
        (np.zeros((0, 8, 8, 3), np.uint8), "the frames are uint8"),
    ],
)
def test_frames_of_another_kind_are_refused(video, match):
    with pytest.raises(VideoReadError, match=match):
        inpaintdiff.inpaint(video, boxes=[BOX], model="baseline:telea")


@pytest.mark.parametrize(
    "options", [{}, {"boxes": [(1, 2, 3)]}, {"boxes": [BOX], "mask_extend": "mirror"}, {"boxes": [BOX], "dilate": -1}]
)
def test_wrong_holes_are_refused(frames, options):
    with pytest.raises(InpaintDiffError):
        inpaintdiff.inpaint(frames, model="baseline:telea", **options)


def test_one_name_is_the_function_and_the_package():
    from inpaintdiff.inpaint import Inpainter

    assert callable(inpaintdiff.inpaint)
    assert inpaintdiff.inpaint.Inpainter is Inpainter is inpaintdiff.Inpainter


def test_every_public_name_exists():
    for name in inpaintdiff.__all__:
        assert getattr(inpaintdiff, name) is not None
    assert set(inpaintdiff.__all__) <= set(dir(inpaintdiff))
    with pytest.raises(AttributeError, match="no attribute 'inpant'"):
        inpaintdiff.inpant  # noqa: B018


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, inpaintdiff; print([m for m in ('torch', 'lightning', 'mlflow', 'numpy', 'av', 'cv2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    code = "import sys, inpaintdiff.painting; print([m for m in ('lightning', 'mlflow', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
