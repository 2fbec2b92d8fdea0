"""The review page: everything in one file, and in a real browser every version shows the same frame."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inpaintdiff.cli import main
from inpaintdiff.data.holes import write_hole
from inpaintdiff.data.video import write_video
from inpaintdiff.evaluation import Evaluation
from inpaintdiff.report import find_sources
from inpaintdiff.report.document import page_data
from tests.report.browser import drive

T, H, W = 9, 40, 48
NAMES = ("calm <b>", "wild", "third")


def levels(name: int, offset: int = 0) -> np.ndarray:
    """A frame's grey says which it is: 20 t, and a little more for every version."""
    grey = 20 * np.arange(T) + 10 * name + offset
    return np.broadcast_to(grey[:, None, None, None], (T, H, W, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos by two methods, of which `bad` departs by 40 levels, most of all in the second video."""
    root = tmp_path_factory.mktemp("results")
    hole = np.zeros((1, H, W), dtype=bool)
    hole[0, 10:30, 12:36] = True
    for k, name in enumerate(NAMES):
        write_video(root / "truth" / f"{name}.mkv", levels(k), 8, lossless=True)
        write_video(root / "good" / f"{name}.mkv", levels(k, 4), 8, lossless=True)
        write_video(root / "bad" / f"{name}.mkv", levels(k, 60 if k == 1 else 40), 8, lossless=True)
        write_video(root / "spread" / f"{name}.mkv", levels(k, 7), 8, lossless=True)
        write_hole(root / "masks" / f"{name}.png", hole)
    where = ["--truth", str(root / "truth"), "--masks", str(root / "masks"), "--json", str(root / "scores.json")]
    assert main(["evaluate", str(root / "bad"), str(root / "good"), *where]) == 0
    raw = json.loads((root / "scores.json").read_text())
    raw["about"]["methods"]["bad"]["uncertainty"] = str(root / "spread")
    (root / "scores.json").write_text(json.dumps(raw))
    return root


class Tags(HTMLParser):
    """Every tag with its attributes, and what the scripts hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, Any]]] = []
        self.scripts: list[tuple[dict[str, Any], str]] = []
        self._script: dict[str, Any] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))
        self._script = dict(attrs) if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts.append((self._script, data))

    def handle_endtag(self, tag: str) -> None:
        self._script = None


def review(results: Path, folder: Path, *options: str) -> Path:
    assert main(["report", str(results / "scores.json"), "-o", str(folder / "r.html"), *options]) == 0
    return folder / "r.html"


def facts(page: Path) -> dict[str, Any]:
    return next(json.loads(t) for a, t in Tags(page.read_text()).scripts if a.get("id") == "data")


@pytest.mark.parametrize("media", ["pictures", "video"])
def test_one_file_with_everything_in_it(results: Path, tmp_path: Path, media: str) -> None:
    page = review(results, tmp_path, "--media", media)
    text = page.read_text(encoding="utf-8")
    tags = Tags(text)
    assert not [a for tag, a in tags.found if {"src", "href", "data", "action"} & set(a)]
    assert not re.search(r"https?://|@import|url\(", text)
    assert "<b>" not in text.split("<h2>Videos")[1], "names are not markup"
    shown = facts(page)
    assert [v["name"] for v in shown["videos"]] == ["wild", "calm <b>", "third"], "the worst first"
    for video in shown["videos"]:
        assert [label for label, _ in video["labels"]] == ["input", "bad", "good", "truth", "uncertainty of bad"]
        assert len(video["tiles"]) == 5
        assert video["frames"] == T
        held = next(t for a, t in tags.scripts if a.get("id") == video["media"])
        parts = [base64.b64decode(part, validate=True) for part in held.split("\n")]
        assert len(parts) == (T if media == "pictures" else 1)
        assert all(p[8:12] == b"WEBP" if media == "pictures" else p[4:8] == b"ftyp" for p in parts)
    found = Evaluation.load(results / "scores.json")
    assert f"{found.mean('bad', 'psnr_hole'):.2f} <small>[" in text
    assert "bad minus ..., paired 95% interval" in text
    assert '<td class="behind">' in text
    assert "Protocol card" in text
    assert "&quot;psnr_cap&quot;: 100.0" in text
    assert "Not computed: " in text


def test_no_name_ends_the_script_that_it_stands_in() -> None:
    text = page_data({"name": "</script><b>"})
    assert text.count("</script>") == 1
    (script,) = Tags(text).scripts
    assert json.loads(script[1]) == {"name": "</script><b>"}


def test_what_cannot_be_shown_is_said(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["-o", str(tmp_path / "r.html")]

    def refused(*args: str) -> str:
        assert main(["report", *args]) == 2
        err = capsys.readouterr().err
        assert len(err.splitlines()) == 1
        assert not (tmp_path / "r.html").exists()
        return err

    scores = str(results / "scores.json")
    assert "is not a file of results" in refused(str(tmp_path / "none.json"), *out)
    assert "no score 'fid9'" in refused(scores, *out, "--sort", "fid9")
    assert "no method 'ugly'" in refused(scores, *out, "--painted", "ugly=x")
    assert "ends in .html" in refused(scores, "-o", str(tmp_path / "r.pdf"))
    assert "cannot be read" in refused(scores, *out, "--truth", str(tmp_path / "gone"))
    raw = json.loads((results / "scores.json").read_text())
    del raw["about"]["methods"]["good"]["folder"]
    (tmp_path / "lost.json").write_text(json.dumps(raw))
    assert "what good painted was not kept" in refused(str(tmp_path / "lost.json"), *out)
    found = find_sources(Evaluation.load(tmp_path / "lost.json"), painted={"good": results / "good"})
    assert list(found.painted) == ["bad", "good"]


def test_models_of_evaluate_can_be_shown(tmp_path: Path) -> None:
    """`evaluate --videos` keeps what a review needs, also where names of videos have folders in them."""
    kept = ["--videos", str(tmp_path / "kept"), "--json", str(tmp_path / "s.json")]
    small = ["--synthetic", "1", "--frames", "3", "--size", "32", "--model", "baseline:nearest", "--baselines", "blur"]
    assert main(["evaluate", *small, *kept]) == 0
    assert main(["report", str(tmp_path / "s.json"), "-o", str(tmp_path / "r.html")]) == 0
    (video,) = facts(tmp_path / "r.html")["videos"]
    assert [label for label, _ in video["labels"]] == ["input", "nearest", "blur", "truth"]
    assert main(["evaluate", *small, *kept]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("media", ["pictures", "video"])
def test_in_a_browser_all_versions_show_the_same_frame(results: Path, tmp_path: Path, media: str) -> None:
    page = review(results, tmp_path, "--media", media)
    script = """
      const at = () => [player.at, ...player.canvases.map((c) => pixel(c, c.width >> 1, c.height >> 1)[0])];
      await until(() => $("frame").textContent === "1 of 9");
      const seen = {};
      for (const i of [5, 0, 8, 3]) {
        $("slider").value = i; $("slider").oninput();
        await until(() => $("frame").textContent === `${i + 1} of 9`);
        seen[i] = at();
      }
      press("ArrowRight"); await until(() => $("frame").textContent === "5 of 9"); seen.key = at();
      $("region").value = "hole"; $("region").onchange();
      const around = [player.canvases[0].width, player.canvases[0].height];
      press("j"); await until(() => $("name").textContent === data.videos[1].name && player.at === 4 && (player.images || player.video));
      await sleep(500);
      const second = at();
      $("play").click(); await sleep(1500); $("play").click();
      await sleep(300);
      const stopped = player.at; await sleep(400);
      $("method").value = JSON.stringify(["bad", "good"]); $("method").onchange();
      return { seen, around, second, moved: stopped !== 4 && player.at === stopped, problem: $("problem").textContent,
               clips: [...document.querySelectorAll("#clips span:first-child")].map((x) => x.textContent),
               current: document.querySelector("#clips [aria-current=true] span").textContent,
               scores: document.querySelector("#clipscores table").rows.length };
    """
    found, asked = drive(page, script, tmp_path / "profile")
    assert asked == [], "the page is complete"
    near = {"pictures": 0, "video": 4}[media]

    def expected(i: int, video: int) -> list[int]:
        base = 20 * i + 10 * video
        return [i, 255, min(255, base + (60 if video == 1 else 40)), base + 4, base, base + 7]

    for i in (5, 0, 8, 3):
        assert np.abs(np.subtract(found["seen"][str(i)], expected(i, 1))).max() <= near, i
    assert np.abs(np.subtract(found["seen"]["key"], expected(4, 1))).max() <= near
    scale = 1 if media == "pictures" else 2
    assert found["around"] == [32 * scale, 26 * scale], "the hole and 15 % round it"
    assert np.abs(np.subtract(found["second"], expected(4, 0))).max() <= near
    assert found["moved"]
    assert found["problem"] == ""
    assert found["clips"][0] == found["current"] == "wild"
    assert len(found["clips"]) == 3
    assert found["scores"] > 5
