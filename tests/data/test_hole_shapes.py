"""Outlines: drawing is exact, keyframes go straight, every file format says the same thing, and every fault is a sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inpaintdiff.cli import main
from inpaintdiff.data.hole_annotations import is_shapes
from inpaintdiff.data.hole_shapes import Moving, box_outline, draw
from inpaintdiff.data.holes import Box, boxes_to_hole, hole_pictures, read_hole
from inpaintdiff.data.video import write_video
from inpaintdiff.errors import HoleError
from inpaintdiff.painting.inputs import as_hole, as_video

H, W, N = 20, 30, 5


@given(st.tuples(*[st.integers(-5, 35)] * 4))
def test_a_box_with_whole_corners_is_its_pixels(corners):
    x1, x2 = sorted(corners[:2])
    y1, y2 = sorted(corners[2:])
    expected = np.zeros((H, W), dtype=bool)
    expected[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)] = True
    assert np.array_equal(draw([box_outline(*map(float, (x1, y1, x2, y2)))], H, W), expected)


@given(st.lists(st.tuples(st.floats(-9, 39), st.floats(-9, 29)), min_size=3, max_size=7))
def test_a_polygon_is_the_pixels_whose_centres_lie_in_it(corners):
    """Against the even-odd rule, pixel by pixel; centres that lie on an edge up to rounding may be either."""
    outline = np.array(corners)
    drawn = draw([outline], H, W)
    for y in range(H):
        inside, nearest = np.zeros(W, dtype=bool), np.full(W, np.inf)
        for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
            if (y0 <= y + 0.5) != (y1 <= y + 0.5):
                at = x0 + (y + 0.5 - y0) * (x1 - x0) / (y1 - y0)
                inside ^= at <= np.arange(W) + 0.5
                nearest = np.minimum(nearest, np.abs(np.arange(W) + 0.5 - at))
        sure = nearest > 1e-6
        if np.abs(outline[:, 1] - y - 0.5).min() > 1e-6:
            assert np.array_equal(drawn[y][sure], inside[sure])


@given(st.integers(1, 29), st.integers(1, 19))
def test_neighbours_share_no_pixel_and_leave_none(x, y):
    corners = [(0, 0), (W, 0), (W, H), (0, H)]
    parts = [
        draw([np.array([(x, y), a, b], dtype=float)], H, W)
        for a, b in zip(corners, corners[1:] + corners[:1], strict=True)
    ]
    assert np.array_equal(sum(p.astype(int) for p in parts), np.ones((H, W), dtype=int))


def test_keyframes_go_straight_and_hide_outside():
    m = Moving((2, 6, 8), tuple(box_outline(*map(float, b)) for b in ((0, 0, 4, 4), (8, 4, 12, 8), (8, 4, 20, 8))))
    assert [m.at(i) is None for i in (0, 1, 2, 8, 9)] == [True, True, False, False, True]
    assert m.at(3)[0].tolist() == [2, 1]
    assert m.at(6)[2].tolist() == [12, 8]
    assert m.at(7)[2].tolist() == [16, 8]
    held = Moving(m.times, m.places, "hold", "hold")
    assert np.array_equal(held.at(0), m.places[0])
    assert np.array_equal(held.at(99), m.places[2])


def box_at(i: int) -> list[float]:
    return [3.0 + 2 * i, 4.0 + i, 9.0 + 2 * i, 9.0 + i]


def corners(i: int) -> list[list[float]]:
    return box_outline(*box_at(i)).tolist()


def xywh(i: int) -> list[float]:
    x1, y1, x2, y2 = box_at(i)
    return [x1, y1, x2 - x1, y2 - y1]


def labelme(i: int, kind: str = "polygon") -> dict[str, Any]:
    points = [box_at(i)[2:], box_at(i)[:2]] if kind == "rectangle" else corners(i)
    shapes = [{"label": "car", "points": points, "group_id": 7, "shape_type": kind}]
    return {"version": "5.0", "shapes": shapes, "imageHeight": H, "imageWidth": W, "imageData": None}


def coco(box: bool = False) -> dict[str, Any]:
    """Images in an order that is not that of their numbers."""
    order = [3, 0, 4, 1, 2]
    images = [{"id": 10 + i, "file_name": f"frame_{i + 8}.jpg", "height": H, "width": W} for i in order]
    annotations = [
        {"id": i, "image_id": 10 + i, "attributes": {"track_id": 7}, "bbox": xywh(i)}
        | ({} if box else {"segmentation": [np.ravel(corners(i)).tolist()]})
        for i in range(N)
    ]
    return {"images": images, "annotations": annotations, "categories": []}


def keyframes() -> dict[str, Any]:
    return {
        "width": W,
        "height": H,
        "objects": [{"id": 7, "keyframes": [{"frame": 0, "box": box_at(0)}, {"frame": 4, "polygon": corners(4)}]}],
    }


def mot(header: bool = False) -> str:
    rows = [",".join(map(str, [i + 1, 7, *xywh(i), 1, -1, -1, -1])) for i in range(N)]
    return "\n".join((["frame,id,x,y,w,h,conf,a,b,c"] if header else []) + rows[::-1]) + "\n"


def written(folder: Path, kind: str) -> Path:
    if kind.startswith("folder"):
        path = folder / "labels"
        path.mkdir()
        for i in range(N):
            (path / f"f{i + 8}.json").write_text(json.dumps(labelme(i)))
            if kind == "folder with pictures":
                Image.new("L", (W, H)).save(path / f"f{i + 8}.png")
        return path
    content: dict[str, Any] = {
        "keyframes": keyframes, "coco": coco, "coco boxes": lambda: coco(box=True),
        "mot.csv": mot, "mot.txt": lambda: mot(header=True),
    }[kind]()  # fmt: skip
    path = folder / (kind if kind.startswith("mot") else "hole.json")
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    "kind", ["keyframes", "coco", "coco boxes", "mot.csv", "mot.txt", "folder", "folder with pictures"]
)
def test_every_format_says_the_same(tmp_path, kind):
    path = written(tmp_path, kind)
    expected = boxes_to_hole([Box(*map(int, box_at(i)), i, i) for i in range(N)], N, H, W)
    assert is_shapes(path)
    assert np.array_equal(read_hole(path, N, H, W), expected)
    assert np.array_equal(read_hole(path, N, H, W, track=7), expected)
    with pytest.raises(HoleError, match=r"has no track 8; its tracks are \[7\]"):
        read_hole(path, N, H, W, track=8)
    grown = np.stack(list(hole_pictures(path, N, H, W, dilate=1)))
    assert (grown.sum(axis=(1, 2)) == 6 * 5 + 2 * (6 + 5)).all()
    reader = as_video(np.zeros((N, H, W, 3), dtype=np.uint8))
    assert np.array_equal(as_hole(reader, path, track=7).read(range(N)), expected)


@pytest.mark.parametrize("kind", ["polygon", "rectangle"])
def test_one_labelme_file_holds_for_all_frames(tmp_path, kind):
    path = tmp_path / "one.json"
    path.write_text(json.dumps(labelme(2, kind)))
    assert np.array_equal(read_hole(path, N, H, W), boxes_to_hole([Box(7, 6, 13, 11)], N, H, W))


def test_pictures_without_a_labelme_file_have_no_hole(tmp_path):
    path = written(tmp_path, "folder with pictures")
    (path / "f10.json").unlink()
    assert read_hole(path, N, H, W).any(axis=(1, 2)).tolist() == [True, True, False, True, True]
    Image.new("L", (W, H)).save(path / "f2.png")
    assert read_hole(path, N + 1, H, W).any(axis=(1, 2)).tolist() == [False, True, True, False, True, True]


def test_a_folder_of_masks_may_hold_other_json(tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    Image.fromarray(np.eye(H, W, dtype=np.uint8) * 255).save(folder / "0.png")
    (folder / "0.json").write_text('{"made": "by hand"}')
    assert not is_shapes(folder)
    assert read_hole(folder, N, H, W).sum() == N * H


def test_what_leaves_the_picture_is_cut_off_and_the_other_track_stays(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("1,1,-5,-5,10,10\n2,1,25.5,15.5,100,100\n2,2,0,0,3,3\n")
    hole = read_hole(path, 3, H, W)
    assert hole.sum(axis=(1, 2)).tolist() == [25, 5 * 5 + 9, 0]
    assert read_hole(path, 3, H, W, track=2).sum() == 9


def objects(**entry: Any) -> str:
    return json.dumps({"objects": [{"keyframes": [{"frame": 0, "box": [1, 1, 5, 5]}], **entry}]})


def annotated(**entry: Any) -> str:
    return json.dumps({**coco(), "annotations": [{"image_id": 10, **entry}]})


FAULTS = [
    ("none.json", None, "does not exist"),
    ("a.json", "", "cannot be read as JSON"),
    ("a.json", "[1]", "holds a list; expected"),
    ("a.json", "{}", 'expected "objects"'),
    ("a.json", "[" * 100_000, "cannot be read as JSON"),
    ("a.json", '{"objects": [{"keyframes": [{"frame": 0, "box": [NaN, 0, 1, 1]}]}]}', "has the value nan"),
    ("a.json", objects(keyframes=[{"frame": 0, "box": [1, 1, 1e300, 5]}]), "has the value 1e+300"),
    ("a.json", objects(keyframes=[{"frame": 0, "box": [1, 1, 10**400, 5]}]), "expected pixels"),
    ("a.json", objects(keyframes=[{"frame": 0, "box": [True, 1, 2, 5]}]), "has the value True"),
    ("a.json", objects(keyframes=[{"frame": 0, "box": [5, 1, 2, 5]}]), "has no area"),
    ("a.json", objects(keyframes=[{"frame": 0, "box": [5, 1, 2]}]), "expected 4 numbers"),
    ("a.json", objects(keyframes=[{"frame": 0.5, "box": [1, 1, 2, 5]}]), "has the frame 0.5"),
    (
        "a.json",
        objects(keyframes=[{"frame": 9, "box": [1, 1, 2, 5]}]),
        "goes to frame 9 (the first is 0), the video has",
    ),
    ("a.json", objects(keyframes=[{"frame": 0}]), "wants a box or a polygon"),
    ("a.json", objects(keyframes=[]), "has no keyframe"),
    ("a.json", objects(keyframes=None), "keyframes is missing; expected a list"),
    ("a.json", objects(keyframes=[{"frame": 0, "polygon": [[1, 1], [2, 2]]}]), "has 2 corners; expected at least 3"),
    ("a.json", objects(keyframes=[{"frame": 2, "box": [1, 1, 2, 5]}] * 2), "expected increasing frame numbers"),
    (
        "a.json",
        objects(keyframes=[{"frame": 0, "box": [1, 1, 2, 5]}, {"frame": 1, "polygon": [[1, 1], [2, 2], [3, 1]]}]),
        "have [4, 3] corners",
    ),
    ("a.json", objects(befor="hold"), "has 'befor', which means nothing; known are id, keyframes, before, after"),
    ("a.json", objects(after="stay"), 'after is \'stay\'; expected "hide" or "hold"'),
    ("a.json", objects(id="car"), "has the id 'car'"),
    ("a.json", '{"objects": 3}', "objects is 3; expected a list"),
    ("a.json", '{"objects": []}', "marks no pixel"),
    ("a.json", '{"objects": [], "width": 30}', "expected whole pixels"),
    ("a.json", '{"objects": [], "width": 30, "height": 21}', "drawn on pictures of 30 x 21, the video is 30 x 20"),
    ("a.json", '{"shapes": [{"shape_type": "circle", "points": []}]}', "is a 'circle'; polygons and rectangles"),
    ("a.json", '{"shapes": [{"points": [[1, 2], [3, "x"], [4, 4]]}]}', "has the value 'x'"),
    ("a.json", '{"shapes": [3]}', "shape 0 is 3; expected an object"),
    ("a.json", annotated(segmentation={"counts": [1]}), "is a run-length mask"),
    ("a.json", annotated(segmentation=[[1, 2, 3, 4, 5]]), "has 5 numbers; expected x and y in turn"),
    ("a.json", annotated(bbox=[1, 2, 0, 4]), "has no area"),
    ("a.json", annotated(image_id=99), "is for the image 99, which is not among the images"),
    ("a.json", json.dumps({**coco(), "images": []}), "names no image"),
    ("a.json", json.dumps({**coco(), "images": [{"id": 1}]}), "wants an id (a number) and a file_name"),
    ("a.json", json.dumps({**coco(), "images": coco()["images"][:1] * 2}), "gives 2 images 1 ids"),
    ("a.json", json.dumps({**coco(), "images": coco()["images"][:4]}), "for the image 12"),
    ("t.csv", "", "marks no pixel"),
    ("t.csv", "1,1,5,5,3\n", "expected frame,id,x,y,width,height"),
    ("t.csv", "1,1,5,5,3,x\n", "expected frame,id,x,y,width,height"),
    ("t.csv", "1,1,5,5,nan,3\n", "has the value nan"),
    ("t.csv", "0,1,5,5,3,3\n", "has frame 0 and id 1; expected whole numbers, frames from 1"),
    ("t.csv", "1,1.5,5,5,3,3\n", "has frame 1 and id 1.5"),
    ("t.csv", "1,1,5,5,3,0\n", "line 1 has a box of 3 x 0 pixels"),
    ("t.csv", "7,1,5,5,3,3\n", "goes to frame 6 (the first is 0), the video has frames 0 to 4"),
    ("t.txt", "\x00\x01", "line 1"),
    ("t.txt", b"\xff\xfe\x00", "cannot be read as a table"),
]


@pytest.mark.parametrize(("name", "content", "sentence"), FAULTS, ids=[s[:40] for _, _, s in FAULTS])
def test_every_fault_is_one_sentence(tmp_path, name, content, sentence):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(HoleError) as caught:
        read_hole(path, N, H, W)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_faulty_folders(tmp_path):
    path = written(tmp_path, "folder with pictures")
    (path / "lost.json").write_text(json.dumps(labelme(0)))
    with pytest.raises(HoleError, match=r"holds lost\.json, but no picture of that name"):
        read_hole(path, N, H, W)
    (path / "lost.json").unlink()
    (path / "f9.json").write_text(json.dumps({**labelme(0), "imageWidth": 31}))
    with pytest.raises(HoleError, match=r"f9\.json was drawn on another size of picture than f8\.json"):
        read_hole(path, N, H, W)
    with pytest.raises(HoleError, match="track 3 was asked for, but the mask holds pictures"):
        read_hole(np.eye(H, W), N, H, W, track=3)


def test_on_the_command_line(tmp_path, capsys):
    frames = np.random.default_rng(0).integers(0, 256, (N, H, W, 3), dtype=np.uint8)
    video, out = write_video(tmp_path / "in.mkv", frames, 25, lossless=True), tmp_path / "out.mkv"
    mask = ["--mask", str(written(tmp_path, "keyframes")), "--track", "7"]
    assert main(["inpaint", str(video), *mask, "-o", str(out), "--lossless", "--model", "baseline:telea"]) == 0
    assert json.loads((tmp_path / "out.mkv.json").read_text())["hole"]["pixels"] == N * 30
    capsys.readouterr()
    assert main(["verify", str(video), str(out), *mask, "--strict"]) == 0
    assert f"outside the hole: 0 of {N * (H * W - 30) * 3} values changed" in capsys.readouterr().out
    assert main(["verify", str(video), str(out), "--box", "0,0,3,3", "--track", "1"]) == 2
    assert "track 1 was asked for, but no file of tracks is given" in capsys.readouterr().err
    assert main(["plan", str(video), *mask, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stages"][0]["latent"] == list(range(N))
