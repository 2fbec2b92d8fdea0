"""The folder format: a sound data set has no defects, and each planted one is named."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inpaintdiff.data.format import MANIFEST, Manifest, defects, read_manifest, write_manifest
from inpaintdiff.data.hole_files import write_hole
from inpaintdiff.data.synthetic.write import synthesize_traffic
from inpaintdiff.data.video import write_video
from inpaintdiff.errors import DatasetError


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sound") / "set"
    synthesize_traffic(root, {"train": 2, "val": 1, "test": 1}, frames=4, size=32, workers=0)
    return root


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    for path in sound.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(sound)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return tmp_path


def edit(root: Path, change: Callable[[dict], None]) -> None:
    content = json.loads((root / MANIFEST).read_text())
    change(content)
    (root / MANIFEST).write_text(json.dumps(content))


def test_a_sound_data_set_has_no_defects(sound: Path) -> None:
    assert list(defects(sound)) == []


def test_the_manifest_survives_a_round_trip(sound: Path, tmp_path: Path) -> None:
    manifest = read_manifest(sound)
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert [p.name for p in tmp_path.iterdir()] == [MANIFEST]


CLIP = "train/000000"
GREY = np.full((4, 32, 32, 3), 90, dtype=np.uint8)


def remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def set_first(key: str, value: object) -> Callable[[Path], None]:
    return lambda root: edit(root, lambda c: c["splits"]["train"][0].__setitem__(key, value))


def longer_hole(root: Path) -> None:
    write_hole(root / f"{CLIP}.hole.npz", np.arange(6 * 32 * 32).reshape(6, 32, 32) % 7 == 0)
    set_first("hole", f"{CLIP}.hole.npz")(root)


def truncate(root: Path) -> None:
    data = (root / f"{CLIP}.mp4").read_bytes()
    (root / f"{CLIP}.mp4").write_bytes(data[: len(data) // 2])


def tracks(text: str) -> Callable[[Path], None]:
    return lambda root: (root / f"{CLIP}.tracks.csv").write_text(text)  # type: ignore[return-value]


BOXES = "frame,vehicle,x1,y1,x2,y2\n0,1,2,3,9,9\n"

PLANTED: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing video": (remove(f"{CLIP}.mp4"), r"000000\.mp4 is missing"),
    "missing hole": (remove(f"{CLIP}.hole.png"), r"hole\.png is missing"),
    "missing tracks": (remove(f"{CLIP}.tracks.csv"), r"tracks\.csv is missing"),
    "changed tracks": (lambda r: (r / f"{CLIP}.tracks.csv").write_text("x"), r"tracks\.csv was changed"),
    "wrong length": (set_first("frames", 5), "has 4 frames, dataset.json says 5"),
    "wrong size": (lambda r: edit(r, lambda c: c.update(width=64)), "is 32 x 32, dataset.json says 64 x 32"),
    "wrong rate": (lambda r: edit(r, lambda c: c.update(fps=25)), "8 frames a second, dataset.json says 25"),
    "no digest": (set_first("sha256", {}), "has no SHA-256"),
    "hole longer than video": (longer_hole, "6 frames, video has 4"),
    "cut off video": (truncate, r"000000\.mp4"),
    "listed twice": (
        lambda r: edit(r, lambda c: c["splits"]["val"].append(c["splits"]["train"][0])),
        "listed twice, in train and in val",
    ),
    "video that is none": (lambda r: (r / f"{CLIP}.mp4").write_bytes(b"x" * 999), r"000000\.mp4 cannot be read"),
    "tracks without columns": (tracks("time,car\n1,2\n"), r"tracks\.csv has the columns car, time"),
    "tracks without numbers": (tracks(BOXES + "0,2,a,b,c,d\n"), r"tracks\.csv, line 3"),
    "tracks after the end": (tracks(BOXES + "4,1,2,3,9,9\n"), r"an object in frame 4, the video has 0 to 3"),
    "tracks twice": (tracks(BOXES + "0,1,4,3,9,9\n"), r"object 1 more than once in frame 0"),
    "tracks without area": (tracks(BOXES + "1,1,9,3,9,9\n"), r"a box without area in frame 1"),
    "tracks that are nowhere": (tracks(BOXES + "1,1,nan,3,9,9\n"), r"a box without area in frame 1"),
    "source in two splits": (
        lambda r: edit(r, lambda c: [c["splits"][s][0].update(source="a.mp4") for s in ("train", "test")]),
        r"a\.mp4 has clips in train and in test",
    ),
    "replaced video": (
        lambda r: write_video(r / f"{CLIP}.mp4", GREY, 8, overwrite=True),
        r"000000\.mp4 was changed",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_every_planted_defect_is_named(root: Path, name: str) -> None:
    plant, expected = PLANTED[name]
    plant(root)
    found = list(defects(root))
    assert any(re.search(expected, line) for line in found), found


def test_the_same_content_in_two_splits_is_a_defect(root: Path) -> None:
    def leak(content: dict) -> None:
        train, test = content["splits"]["train"][0], content["splits"]["test"][0]
        (root / test["video"]).write_bytes((root / train["video"]).read_bytes())
        test["sha256"][test["video"]] = train["sha256"][train["video"]]

    edit(root, leak)
    assert any("same content" in line for line in defects(root))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format="other"), "not the manifest"),
        (lambda c: c.update(version=99), "version 99"),
        (lambda c: c.pop("splits"), "departs from the format"),
        (lambda c: c["splits"]["train"][0].pop("video"), "departs from the format"),
        (lambda c: c["splits"]["train"][0].update(unknown=1), "departs from the format"),
        (lambda c: c["splits"]["train"][0].update(frames=-4), "malformed clip"),
        (lambda c: c["splits"]["train"][0].update(video="../../etc/passwd"), "outside of the data set"),
        (lambda c: c["splits"].update(extra=[]), "split 'extra'"),
        (lambda c: c.update(height=-1), "height -1"),
    ],
)
def test_a_manifest_of_another_form_is_refused(root: Path, change: Callable[[dict], None], message: str) -> None:
    edit(root, change)
    with pytest.raises(DatasetError, match=message):
        read_manifest(root)


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no dataset"):
        read_manifest(tmp_path / "nowhere")
    (tmp_path / MANIFEST).write_text("{ not json")
    with pytest.raises(DatasetError, match="cannot be read as JSON"):
        read_manifest(tmp_path)
    write_manifest(tmp_path, Manifest("empty", 8, 8, 1.0, {"train": ()}))
    assert list(defects(tmp_path)) == [f"{tmp_path} has no clips"]
