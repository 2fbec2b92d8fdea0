"""Contact sheets show what they should, where it is; tracks are read back as they were written."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaintdiff.cli import main
from inpaintdiff.data.contact_sheet import SheetRow, draw_sheet, rows_of
from inpaintdiff.data.synthetic.scene import TrackPoint
from inpaintdiff.data.tracks import TrackBox, read_tracks, write_tracks
from inpaintdiff.errors import DatasetError

GREY = np.full((2, 16, 16, 3), 90, dtype=np.uint8)


def test_holes_are_outlined_and_boxes_drawn() -> None:
    hole = np.zeros((2, 16, 16), dtype=bool)
    hole[0, 4:8, 4:10] = True
    boxes = [TrackBox(5, 1, 2.0, 2.0, 6.0, 6.0)]
    sheet = draw_sheet([SheetRow("clip a", GREY, (0, 5), hole, boxes)], tile=64)
    assert sheet.shape == (16 * 4 + 3, 92 + 2 * (16 * 4 + 3), 3)
    first, second = (sheet[:64, 92 + k * 67 : 92 + k * 67 + 64] for k in (0, 1))
    magenta = (first == (255, 0, 255)).all(axis=2)
    assert magenta[16, 16:40].all()
    assert magenta[16:32, 39].all()
    assert not magenta[18:30, 18:38].any()
    assert magenta.sum() == 2 * 24 + 2 * 14
    assert (first[~magenta] == 90).all()
    assert (second[8, 8:24] == (0, 229, 255)).all()
    assert not (second == (255, 0, 255)).all(axis=2).any()


def test_a_data_set_is_shown(traffic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sheet.png"
    show = ["data", "show", str(traffic), "-o", str(out), "--clips", "3", "--columns", "4"]
    assert main(show) == 0
    assert "3 clips" in capsys.readouterr().out
    picture = np.asarray(Image.open(out))
    assert picture.shape == (3 * (192 + 3), 92 + 4 * (192 + 3), 3)
    assert main(show) == 2
    assert "exists already" in capsys.readouterr().err
    assert main([*show, "--overwrite", "--plain", "--split", "test", "--clips", "9"]) == 0
    assert np.asarray(Image.open(out)).shape[0] == 2 * (192 + 3)
    assert main([*show, "--overwrite", "--split", "other"]) == 2
    assert "no split 'other'" in capsys.readouterr().err
    assert main([*show, "--overwrite", "--columns", "0"]) == 2
    assert main(["data", "show", str(traffic), "-o", str(tmp_path / "sheet.txt")]) == 2
    assert ".png" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["sheet.png"]


def test_rows_come_from_the_files(traffic: Path) -> None:
    rows = rows_of(traffic, "val", clips=2, columns=3)
    assert [r.label for r in rows] == ["val/000000", "val/000001"]
    assert rows[0].index == (0, 6, 11)
    assert rows[0].frames.shape == (3, 32, 32, 3)
    assert rows[0].hole is not None
    assert rows[0].hole.any()
    assert {b.frame for b in rows[0].boxes} <= set(range(12))


@dataclass(frozen=True)
class Row:
    frame: int
    vehicle: int
    kind: str
    x1: float
    y1: float
    x2: float
    y2: float


def test_both_kinds_of_tracks_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tracks.csv"
    write_tracks(path, [Row(3, 7, "bus", 1.0, 2.5, -4.25, 9.0)], Row)
    assert read_tracks(path) == (TrackBox(3, 7, 1.0, 2.5, -4.25, 9.0, "bus"),)
    write_tracks(path, [TrackPoint(0, 2, 10.0, 20.0, np.pi / 2, 6.0, 2.0, 1.0, 255, 128, 0)], TrackPoint)
    (box,) = read_tracks(path)
    assert (box.x1, box.y1, box.x2, box.y2) == pytest.approx((9, 17, 11, 23), abs=0.01)
    assert box.colour == (255, 128, 0)
    write_tracks(path, [], Row)
    assert read_tracks(path) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has the columns none"),
        ("frame,x1,y1,x2,y2\n", "expected frame, vehicle"),
        ("frame,vehicle,x,y\n", "x, y, heading, length, width"),
        ("frame,vehicle,x1,y1,x2,y2\n1,2,3,4,five,6\n", "line 2: .*five"),
        ("frame,vehicle,x1,y1,x2,y2\n1,2,3\n", "line 2"),
    ],
)
def test_tables_of_another_form_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_tracks(path)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_tracks(tmp_path / "nothing.csv")
