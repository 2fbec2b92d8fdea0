"""Anyone's folders: other names, other files, missing frames. Evaluated, or refused with a sentence."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaintdiff.data.video import write_video
from inpaintdiff.errors import HoleError, InpaintDiffError, SettingError
from inpaintdiff.evaluation import V1, Evaluation, Method, PaintedVideos, Truths, evaluate, load_protocol
from tests.painting.small import pictures

SIZE = (40, 48)


def folder(path: Path, frames: np.ndarray, name: str = "{:05d}.png", first: int = 0) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(path / name.format(first + i))
    return path


def mask(frames: int = 1) -> np.ndarray:
    m = np.zeros((frames, *SIZE), dtype=np.uint8)
    m[:, 10:20, 12:30] = 255
    return m


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Truth, masks, results: three videos in the three ways in which people keep them."""
    truth, masks, results = (tmp_path / name for name in ("truth", "masks", "ours"))
    for k, (name, frames) in enumerate((("dog", 4), ("dog-agility", 3), ("bus", 2))):
        folder(truth / name, pictures(frames, *SIZE, seed=k), "{:05d}.jpg" if name == "bus" else "{:05d}.png")
    folder(masks / "dog", mask(4), "frame_{:03d}.png")
    folder(masks / "dog-agility", mask(1))
    Image.fromarray(mask()[0]).save(masks / "bus.png")
    folder(results / "Dog_comp", pictures(4, *SIZE, seed=10), "img{}_out.png", first=9)  # 9, 10: natural order
    write_video(results / "dog-agility.mkv", pictures(3, *SIZE, seed=11), 25, lossless=True)
    folder(results / "result bus", pictures(2, *SIZE, seed=12), "{}.bmp", first=1)
    return truth, masks, results


def test_videos_are_matched_and_scored(places: tuple[Path, Path, Path]) -> None:
    truths = Truths.find(*places[:2], V1)
    assert truths.frames() == {"bus": 2, "dog": 4, "dog-agility": 3}
    painted = PaintedVideos(places[2], truths)
    assert {k: v.name for k, v in painted.videos.items()} == {
        "bus": "result bus",
        "dog": "Dog_comp",
        "dog-agility": "dog-agility.mkv",
    }
    found = evaluate([Method("ours", painted=painted)], truths)
    assert [v.video for v in found.results["ours"]] == ["bus", "dog", "dog-agility"]
    dog, ours = pictures(4, *SIZE, seed=0).astype(float), pictures(4, *SIZE, seed=10).astype(float)
    error = ((dog - ours)[:, 10:20, 12:30] / 255) ** 2
    expected = (-10 * np.log10(error.mean(axis=(1, 2, 3)))).mean()
    assert found.results["ours"][1].scores["psnr_hole"] == pytest.approx(expected, abs=1e-5)


def test_one_video_needs_no_name(places: tuple[Path, Path, Path]) -> None:
    truth, masks, results = places
    truths = Truths.find(truth / "dog", masks / "dog", V1)
    assert list(truths.videos) == ["dog"]
    painted = PaintedVideos(results / "Dog_comp", truths)
    assert len(evaluate([Method("x", painted=painted)], truths).results["x"]) == 1
    # and one mask file does for all videos
    all_of_one = Truths.find(truth, masks / "bus.png", V1)
    assert sum(1 for _ in all_of_one) == 3


def test_masks_by_their_grey_level(places: tuple[Path, Path, Path]) -> None:
    truth, masks, _ = places
    Image.fromarray(mask()[0] // 255 * 38).save(masks / "bus.png")  # the red of DAVIS's palette
    with pytest.raises(HoleError, match=r"bus.png: the mask marks no pixel"):
        next(iter(Truths.find(truth, masks, V1)))
    name, clip = next(iter(Truths.find(truth, masks, load_protocol("legacy-432"))))
    assert (name, int(clip.hole[0].sum())) == ("bus", 180)


def scored(truth: Path, masks: Path, results: Path) -> Evaluation:
    truths = Truths.find(truth, masks, V1)
    return evaluate([Method("ours", painted=PaintedVideos(results, truths))], truths)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda t, m, r: (r / "Dog_comp" / "img10_out.png").unlink(), r"Dog_comp has 3 frames, the truth dog has 4: number 10 is missing"),
        (lambda t, m, r: shutil.rmtree(r / "result bus"), r"no painted video for 'bus' among .*Dog_comp"),
        (lambda t, m, r: shutil.copytree(r / "result bus", r / "bus 2"), "several that may be the painted video of 'bus'"),
        (lambda t, m, r: shutil.copytree(r / "Dog_comp", r / "dog-agility"), "has 'dog-agility' twice"),
        (lambda t, m, r: (m / "bus.png").unlink(), "no mask for 'bus'"),
        (lambda t, m, r: (m / "dog" / "frame_002.png").unlink(), r"has 3 frames, the video dog has 4: number 2 is missing"),
        (lambda t, m, r: (r / "Dog_comp/img10_out.png").rename(r / "Dog_comp/img30_out.png"), "not numbered as .*: number 10 is missing"),
        (lambda t, m, r: [p.unlink() for p in (r / "result bus").iterdir()], "no painted video for 'bus'"),
        (lambda t, m, r: folder(r / "result bus", pictures(2, 20, 24), "{}.bmp", 1), r"is 24 x 20, its truth is 48 x 40; protocol v1"),
        (lambda t, m, r: folder(m / "dog", np.full((4, *SIZE), 255, np.uint8), "frame_{:03d}.png"), "the mask marks every pixel"),
        (lambda t, m, r: folder(m / "dog", mask(4)[:, :20], "frame_{:03d}.png"), r"is 48 x 20, the video dog is 48 x 40"),
        (lambda t, m, r: (r / "dog-agility.mkv").write_bytes(b"not a video"), "dog-agility.mkv"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(places: tuple[Path, Path, Path], break_it, said: str) -> None:
    break_it(*places)
    with pytest.raises(InpaintDiffError, match=said):
        scored(*places)


def test_folders_without_videos(places: tuple[Path, Path, Path], tmp_path: Path) -> None:
    (tmp_path / "DAVIS" / "JPEGImages").mkdir(parents=True)
    with pytest.raises(SettingError, match=r"has no video; .* it has the folders JPEGImages: give one of them"):
        Truths.find(tmp_path / "DAVIS", places[1], V1)
    with pytest.raises(SettingError, match="cannot be read"):
        Truths.find(tmp_path / "missing", places[1], V1)


def test_other_sizes_are_resized_where_the_protocol_has_one(places: tuple[Path, Path, Path]) -> None:
    truth, masks, results = places
    folder(results / "result bus", pictures(2, 240, 432), "{}.bmp", 1)
    truths = Truths.find(truth, masks, load_protocol("legacy-432"))
    found = evaluate([Method("ours", painted=PaintedVideos(results, truths))], truths, protocol=truths.protocol)
    assert len(found.results["ours"]) == 3
