"""Blind studies: what raters see, what they do in a real browser, and what their answers come to."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from inpaintdiff.cli import main
from inpaintdiff.data.holes import write_hole
from inpaintdiff.data.video import write_video
from inpaintdiff.errors import SettingError
from inpaintdiff.report import score_study
from inpaintdiff.report.answers import bradley_terry
from inpaintdiff.report.study import draw_trials
from tests.report.browser import drive

GREY = {"quagga": 60, "zorilla": 120, "truth": 180}
VIDEOS = ("alder", "birch")


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods and the truth, of which each has its own grey."""
    root = tmp_path_factory.mktemp("study")
    hole = np.zeros((1, 32, 32), dtype=bool)
    hole[0, 2:30, 2:30] = True
    for video in VIDEOS:
        for name, grey in GREY.items():
            frames = np.full((3, 32, 32, 3), grey, dtype=np.uint8)
            write_video(root / name / f"{video}.mkv", frames, 8, lossless=True)
        write_hole(root / "masks" / f"{video}.png", hole)
    where = ["--truth", str(root / "truth"), "--masks", str(root / "masks"), "--yes"]
    folders = [str(root / name) for name in GREY if name != "truth"]
    assert main(["evaluate", *folders, *where, "--json", str(root / "scores.json")]) == 0
    return root / "scores.json"


@pytest.fixture(scope="module")
def study(scores: Path) -> tuple[Path, Path]:
    page = scores.parent / "blind.html"
    assert main(["report", str(scores), "--study", "--with-truth", "--seed", "4", "-o", str(page)]) == 0
    return page, page.with_suffix(".key.json")


def answers(key: Path, rater: str, choose, path: Path) -> Path:
    """What a rater with this taste would save: `choose` of (left, right)."""
    known = json.loads(key.read_text())
    given = [
        {"trial": t["trial"], "side": "left" if choose(t["left"], t["right"]) == t["left"] else "right", "seconds": 1}
        for t in known["trials"]
    ]
    text = {"schema": "inpaintdiff.answers/1", "study": known["study"], "rater": rater, "answers": given}
    path.write_text(json.dumps(text))
    return path


def test_every_pair_once_for_every_video_on_random_sides() -> None:
    trials = draw_trials([f"v{k}" for k in range(40)], ["a", "b", "c"], 1)
    assert len(trials) == 40 * 3
    assert len({(t["video"], frozenset((t["left"], t["right"]))) for t in trials}) == 40 * 3
    for pair in ("ab", "ac", "bc"):
        left = sum(t["left"] == pair[0] for t in trials if {t["left"], t["right"]} == set(pair))
        assert binomtest(left, 40).pvalue > 1e-4
    assert [t["video"] for t in trials] != sorted(t["video"] for t in trials)
    assert draw_trials(["v"], ["a", "b", "c"], 1) == draw_trials(["v"], ["a", "b", "c"], 1)
    assert trials != draw_trials([f"v{k}" for k in range(40)], ["a", "b", "c"], 2)
    with pytest.raises(SettingError, match="two methods or more"):
        draw_trials(["v"], ["a"], 0)


def test_the_page_does_not_tell(study: tuple[Path, Path], scores: Path, tmp_path: Path) -> None:
    page, key = study
    text = page.read_text(encoding="utf-8")
    for name in ("quagga", "zorilla", *VIDEOS):
        assert name not in text
        assert name in key.read_text(encoding="utf-8")
    assert '"seed": 4' in text
    again = tmp_path / "blind.html"
    assert main(["report", str(scores), "--study", "--with-truth", "--seed", "4", "-o", str(again)]) == 0
    assert again.read_bytes() == page.read_bytes(), "the seed decides"


def test_answers_are_counted(study: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, key = study
    taste = ["truth", "zorilla", "quagga"]

    def best(a: str, b: str) -> str:
        return min(a, b, key=taste.index)

    files = [answers(key, f"rater {k}", best, tmp_path / f"{k}.json") for k in range(4)]
    out = tmp_path / "result.json"
    assert main(["report", str(key), "--answers", *map(str, files), "--json", str(out)]) == 0
    said = capsys.readouterr().out
    assert "24 answers of 4 raters" in said
    assert "quagga before truth: 0 of 8, 0% [0%, 37%], p = 0.008, shown" in said
    raw = json.loads(out.read_text())
    assert sorted(raw["strengths"], key=lambda m: -raw["strengths"][m]["value"]) == taste
    assert raw["agreement"] == 1
    contrary = answers(key, "contrary", lambda a, b: max(a, b, key=taste.index), tmp_path / "c.json")
    assert score_study(key, [files[0], contrary]).agreement == 0


def test_what_cannot_be_counted_is_said(study: tuple[Path, Path], tmp_path: Path) -> None:
    _, key = study
    good = answers(key, "a", lambda a, b: a, tmp_path / "a.json")
    raw = json.loads(good.read_text())
    for change, words in (
        ({"study": "other"}, "answers study other"),
        ({"schema": "x"}, "expected answers that a page"),
        ({"answers": [*raw["answers"], raw["answers"][0]]}, "at most once"),
        ({"answers": [{"trial": 99, "side": "left"}]}, "cannot be"),
        ({"answers": []}, "there are no answers"),
    ):
        (tmp_path / "b.json").write_text(json.dumps({**raw, **change}))
        with pytest.raises(SettingError, match=words):
            score_study(key, [tmp_path / "b.json"])
    with pytest.raises(SettingError, match="is by a, as another file is"):
        score_study(key, [good, good])
    with pytest.raises(SettingError, match="expected the key of a study"):
        score_study(good, [good])


def test_strengths_of_two_are_the_log_odds_and_of_three_those_they_were_drawn_from() -> None:
    two = bradley_terry(np.array([[0.0, 30.0], [10.0, 0.0]]), prior=0.0)
    assert two[0] - two[1] == pytest.approx(math.log(3))
    assert bradley_terry(np.array([[0.0, 5.0], [0.0, 0.0]]))[0] < 3, "finite, though one always won"
    true = np.array([0.8, 0.0, -0.8])
    share = 1 / (1 + np.exp(true[None, :] - true[:, None]))
    wins = 3000 * share * (1 - np.eye(3))
    assert bradley_terry(wins, prior=0.0) == pytest.approx(true, abs=1e-6)


@pytest.mark.slow
def test_a_rater_in_a_browser(study: tuple[Path, Path], tmp_path: Path) -> None:
    """One who prefers what is brighter, by keys and by clicks, with one answer taken back; the saved file is scored."""
    page, key = study
    script = """
      $("rater").value = "Eve"; $("begin").click();
      const grey = (k) => pixel(canvases[k], 16, 16)[0];
      const seen = [];
      for (let n = 0; n < data.trials.length; n++) {
        await until(() => ready && answers.length === n);
        seen.push([grey(0), grey(1)]);
        if (n === 1 && !window.once) {
          window.once = true;
          $("undo").click();
          await until(() => ready && answers.length === 0);
          seen.length = 0; n = -1;
          continue;
        }
        const side = grey(0) > grey(1) ? "left" : "right";
        if (n % 2) $(side).click(); else press(side === "left" ? "ArrowLeft" : "ArrowRight");
      }
      await until(() => !$("end").hidden);
      return { seen, text: $("save").dataset.answers, name: $("save").download, shown: $("trial").hidden };
    """
    found, asked = drive(page, script, tmp_path / "profile")
    assert asked == []
    known = json.loads(key.read_text())
    assert found["seen"] == [[GREY[t["left"]], GREY[t["right"]]] for t in known["trials"]]
    assert found["shown"]
    assert found["name"] == f"answers-{known['study']}-Eve.json"
    (tmp_path / "eve.json").write_text(found["text"])
    result = score_study(key, [tmp_path / "eve.json"])
    assert result.raters == ("Eve",)
    assert {(p.first, p.second): p.wins for p in result.pairs} == {
        ("quagga", "zorilla"): 0,
        ("quagga", "truth"): 0,
        ("zorilla", "truth"): 0,
    }
