"""A folder or a table of videos: each with its own mask, and one failure does not stop the rest."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaintdiff.cli import main
from inpaintdiff.errors import SettingError, VideoReadError
from inpaintdiff.painting.files import Order
from inpaintdiff.painting.journal import Journal
from inpaintdiff.painting.many import orders_of
from tests.painting.small import decoded, video_file


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    for name in ("a10", "a2", "b"):
        video_file(folder / f"{name}.mkv", frames=4)
    (folder / "notes.txt").write_text("no video")
    return folder


def mask(path: Path, x: int) -> Path:
    levels = np.zeros((48, 64), dtype=np.uint8)
    levels[4:9, x : x + 5] = 255
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(levels).save(path)
    return path


def changed(before: Path, after: Path) -> np.ndarray:
    return (decoded(before) != decoded(after)).any(axis=(0, 3))


def test_a_folder_with_a_mask_for_each(clips, tmp_path, capsys):
    for k, name in enumerate(("a2", "a10", "b")):
        mask(tmp_path / "masks" / f"{name}.png", 10 * k)
    (clips / "b.mkv").write_bytes(b"no video at all")
    out = tmp_path / "out"
    args = [
        "inpaint",
        str(clips),
        "--mask",
        str(tmp_path / "masks"),
        "-o",
        str(out),
        "--lossless",
        "--model",
        "baseline:telea",
    ]
    assert main(args) == 2
    stdout = capsys.readouterr().out.splitlines()
    assert stdout[:2] == [f"painted  {out / 'a2.mkv'}", f"painted  {out / 'a10.mkv'}"]
    assert stdout[2].startswith(f"failed   {clips / 'b.mkv'}: {clips / 'b.mkv'} cannot be read as a video")
    assert stdout[3] == "2 of 3 videos are done"
    for k, name in enumerate(("a2", "a10")):
        columns = np.flatnonzero(changed(clips / f"{name}.mkv", out / f"{name}.mkv").any(axis=0))
        assert 10 * k <= columns[0] <= columns[-1] < 10 * k + 5
    before = (out / "a2.mkv").stat().st_mtime_ns
    video_file(tmp_path / "b.mkv", frames=4).replace(clips / "b.mkv")
    assert main([*args, "--resume"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"was done  {out / 'a2.mkv'}"
    assert (out / "a2.mkv").stat().st_mtime_ns == before


def test_a_table(clips, tmp_path, capsys):
    mask(tmp_path / "m.png", 3)
    (tmp_path / "list.csv").write_text(
        "video,mask,box,output\nclips/a2.mkv,m.png,,x/first.mkv\nclips/b.mkv,,20,20,\n".replace(
            "20,20,", '"20,20,30,30 0,0,4,4",'
        )
    )
    assert (
        main(
            [
                "inpaint",
                str(tmp_path / "list.csv"),
                "-o",
                str(tmp_path / "o"),
                "--lossless",
                "--model",
                "baseline:telea",
            ]
        )
        == 0
    )
    assert changed(clips / "a2.mkv", tmp_path / "o" / "x" / "first.mkv")[4:9, 3:8].any()
    both = changed(clips / "b.mkv", tmp_path / "o" / "b.mkv")
    assert both[20:30, 20:30].any()
    assert both[:4, :4].any()
    both[20:30, 20:30] = both[:4, :4] = False
    assert not both.any()


def test_what_a_fault_of_ours_costs(clips, tmp_path, monkeypatch, capsys):
    def broken(self: Journal) -> None:
        monkeypatch.undo()
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Journal, "begin_writing", broken)
    args = [
        "inpaint",
        str(clips),
        "--box",
        "1,1,5,5",
        "-o",
        str(tmp_path / "o"),
        "--lossless",
        "--model",
        "baseline:telea",
    ]
    assert main(args) == 1
    out = capsys.readouterr().out
    assert "failed" in out
    assert "unforeseen ZeroDivisionError: planted" in out
    assert "2 of 3 videos are done" in out


def test_what_is_one_video(clips, tmp_path):
    one = Order(clips / "b.mkv", tmp_path / "o.mp4")
    assert orders_of(one) is None
    Image.new("RGB", (4, 4)).save(clips / "0.png")
    assert orders_of(Order(clips, tmp_path / "o")) is None


def test_wrong_tables(clips, tmp_path):
    table = tmp_path / "t.csv"
    for text, match in [
        ("", "has the columns none"),
        ("clip,mask\na,b\n", "has the columns clip, mask; expected video and any of mask, box, output"),
        ("video\n", "has no row"),
    ]:
        table.write_text(text)
        with pytest.raises(VideoReadError, match=match):
            orders_of(Order(table, tmp_path / "o"))
    video_file(clips / "b.mp4.mkv", frames=1).rename(clips / "b.mov")
    with pytest.raises(SettingError, match="would both be written to"):
        orders_of(Order(clips, tmp_path / "o"))
