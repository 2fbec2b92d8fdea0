"""Result files side by side: paired by video, refused where they were not measured alike."""

from dataclasses import replace
from pathlib import Path

import pytest

from inpaintdiff.cli import main
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation import V1, Evaluation, SetScore, VideoResult, load_protocol, merge


def saved(path: Path, method: str, values: list[float], names: list[str] | None = None, **changes: object) -> Path:
    names = names or [f"v{i}" for i in range(len(values))]
    videos = tuple(
        VideoResult(n, {"psnr_hole": x, "lpips": -x}, 0.5, 3, frames=8) for n, x in zip(names, values, strict=True)
    )
    found = Evaluation(V1, {method: videos}, {"samples": 1}, {method: {"fid": SetScore(2.5, 80)}})
    return replace(found, **changes).save_json(path)


BASE = [20.0, 31.0, 24.0, 28.0, 22.0, 35.0, 19.0, 27.0, 26.0, 30.0]


def test_methods_of_several_files_are_paired_by_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = saved(tmp_path / "ours.json", "m", BASE)
    order = list(range(9, -1, -1))
    theirs = saved(tmp_path / "theirs.json", "m", [BASE[i] - 1 for i in order], [f"v{i}" for i in order])
    third = saved(tmp_path / "third.json", "other", [x + 2 for x in BASE])
    found = merge([ours, theirs, third])
    assert found.methods == ("ours:m", "theirs:m", "other")
    assert found.difference("theirs:m", "psnr_hole").mean == pytest.approx(1)
    assert found.difference("theirs:m", "psnr_hole").low == pytest.approx(1)  # paired: a constant difference is certain
    assert found.sentence() == (
        "In PSNR hole ours:m is ahead of theirs:m; behind other. In LPIPS ours:m is ahead of theirs:m; behind other."
    )
    assert (
        main(
            ["compare", str(ours), str(theirs), "--json", str(tmp_path / "both.json"), "--csv", str(tmp_path / "b.csv")]
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "ours:m is ahead of theirs:m" in out
    assert "FID, N = 80" in out
    assert Evaluation.load(tmp_path / "both.json").methods == ("ours:m", "theirs:m")
    assert merge([tmp_path / "both.json"]).methods == ("ours:m", "theirs:m")


def test_other_cards_and_other_videos_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = saved(tmp_path / "a.json", "m", BASE)
    b = saved(tmp_path / "b.json", "n", BASE, protocol=replace(V1, dilation=4))
    with pytest.raises(SettingError, match=r"different protocol cards, in dilation \(0 and 4\).*--force"):
        merge([a, b])
    assert merge([a, b], force=True).methods == ("m", "n")
    assert main(["compare", str(a), str(b)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert main(["compare", str(a), str(b), "--force"]) == 0
    c = saved(tmp_path / "c.json", "n", BASE, protocol=load_protocol("legacy-432"))
    with pytest.raises(SettingError, match="name"):
        merge([a, c])
    d = saved(tmp_path / "d.json", "n", BASE[:-1])
    with pytest.raises(SettingError, match=r"other videos: .*a.json alone has v9"):
        merge([a, d], force=True)
    weights = [{"fid": {"file": "x", "sha256": s}} for s in "12"]
    e, f = (saved(tmp_path / f"{k}.json", k, BASE, networks=w) for k, w in zip("ef", weights, strict=True))
    with pytest.raises(SettingError, match="different weights of fid"):
        merge([e, f])
    assert merge([a, f]).methods == ("m", "f")  # a has no such number
    short = tuple(VideoResult(f"v{i}", {"psnr_hole": x}, 0.5, 3, frames=7) for i, x in enumerate(BASE))
    g = saved(tmp_path / "g.json", "n", BASE, results={"n": short}, sets={})
    with pytest.raises(SettingError, match=r"8 frames of v0, .* has 7"):
        merge([a, g])
    with pytest.raises(SettingError, match="one method only"):
        merge([a])
    with pytest.raises(SettingError, match="comes twice"):
        merge([a, a])
