"""Options of a scheme from every door: command line, Python, YAML; recorded, and part of what a resumed run must agree on."""

import json
from pathlib import Path

import numpy as np
import pytest

import inpaintdiff
from inpaintdiff.cli import main
from inpaintdiff.cli.scheme_options import parse_options
from inpaintdiff.errors import PlanError, SettingError
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.painting import files
from inpaintdiff.painting.files import Order, check, make_job
from inpaintdiff.painting.painters import choose_device, load_painter
from inpaintdiff.schemes import SamplingScheme, Stage
from tests.painting.small import decoded, model_file, video_file

BOX = "4,6,18,18"


class Backwards(SamplingScheme):
    """A user's scheme whose option is no field."""

    def __init__(self, window: int, step: int, pause: int = 0) -> None:
        super().__init__(window, step)

    def stages(self, incomplete):
        for i in reversed(range(len(incomplete))):
            if incomplete[i]:
                yield Stage((i,))


FRAMES = 14


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video_file(tmp_path_factory.mktemp("in") / "in.mkv", FRAMES, 24, 24)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_file(tmp_path_factory.mktemp("model"))


def paint(video: Path, model: Path, out: Path, *args: str) -> dict:
    options = ["--box", BOX, "--window", "6", "--step", "3", "--steps", "1", "--lossless", "--model", str(model)]
    assert main(["inpaint", str(video), "-o", str(out), *options, *args]) == 0
    return json.loads(out.with_name(f"{out.name}.json").read_text())


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *args: str) -> str:
    """What is said about a wrong option; no model may be loaded for it."""
    monkeypatch.setattr("inpaintdiff.painting.painters.load_denoiser", lambda *_: pytest.fail("a model was loaded"))
    capsys.readouterr()
    assert main([*args]) == 2
    err = capsys.readouterr().err
    assert err.startswith("inpaintdiff: ")
    assert err.count("\n") == 1
    return err


def test_options_reach_the_scheme_and_the_record(video: Path, model: Path, tmp_path: Path) -> None:
    plain = paint(video, model, tmp_path / "a.mkv")
    assert plain["sampling"]["options"] == {"near": 1, "far": 1, "use_lookahead": True}
    without = paint(video, model, tmp_path / "b.mkv", "--option", "use-lookahead=false", "--option", "near=0")
    assert without["sampling"]["options"] == {"near": 0, "far": 1, "use_lookahead": False}
    assert paint(video, model, tmp_path / "c.mkv", "--scheme", "hierarchy-2", "--option", "levels=4")["sampling"][
        "options"
    ] == {"levels": 4}
    a, b = (decoded(tmp_path / f"{name}.mkv") for name in "ab")
    assert not np.array_equal(a, b), "without Z the same noise gives another answer"
    default = paint(video, model, tmp_path / "d.mkv", "--option", "near=1")
    assert default["sampling"] == plain["sampling"]
    assert np.array_equal(a, decoded(tmp_path / "d.mkv"))


def test_python_says_the_same(video: Path, model: Path, tmp_path: Path) -> None:
    record = paint(video, model, tmp_path / "a.mkv", "--option", "near=0")
    own = {"model": model, "boxes": [BOX], "window": 6, "step": 3, "steps": 1, "options": {"near": 0}}
    result = inpaintdiff.inpaint(video, **own)
    assert np.array_equal(result.videos[0], decoded(tmp_path / "a.mkv"))
    assert result.record["sampling"] == record["sampling"]
    with pytest.raises(PlanError, match="it has: near, far, use_lookahead"):
        inpaintdiff.inpaint(video, **{**own, "options": {"nearest": 1}})


def test_the_embedding_of_adaptive(
    video: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    for name, length in (("e", FRAMES), ("f", FRAMES), ("short", 9)):
        np.save(tmp_path / f"{name}.npy", rng.normal(size=(length, 4)))
    adaptive = ("--scheme", "adaptive", "--embedding")
    one = paint(video, model, tmp_path / "a.mkv", *adaptive, str(tmp_path / "e.npy"))
    other = paint(video, model, tmp_path / "b.mkv", *adaptive, str(tmp_path / "f.npy"))
    assert one["sampling"]["options"]["embedding"].startswith("sha256:")
    assert one["sampling"] != other["sampling"]
    assert not np.array_equal(decoded(tmp_path / "a.mkv"), decoded(tmp_path / "b.mkv"))
    call = ("inpaint", str(video), "-o", str(tmp_path / "c.mkv"), "--box", BOX)
    for name, says in (("short", "9 vectors, expected one for each of 14"), ("no", "cannot read the embedding")):
        assert says in refused(capsys, monkeypatch, *call, *adaptive, str(tmp_path / f"{name}.npy"))
    assert "'embedding'" in refused(capsys, monkeypatch, *call, "--embedding", str(tmp_path / "e.npy"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["near"], "name=value"),
        (["nearest=3"], "it has: near, far, use_lookahead"),
        (["near=-1"], "near must be at least 0"),
        (["near=2.5"], "near of scheme 'lookahead-ar++' is 2.5, expected a whole number"),
        (["near=true"], "expected a whole number"),
        (["use_lookahead=no"], "expected true or false"),
        (["near=1", "near=2"], "given twice, as 1 and as 2"),
        (["window=4"], "name=value"),
    ],
)
@pytest.mark.parametrize("verb", ["inpaint", "evaluate", "plan"])
def test_wrong_options_get_one_sentence_before_a_model_is_loaded(
    verb: str,
    options: list[str],
    says: str,
    video: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = {
        "inpaint": ["inpaint", str(video), "-o", str(tmp_path / "o.mp4"), "--box", BOX],
        "evaluate": ["evaluate", "--synthetic", "1", "--size", "16", "--frames", "2"],
        "plan": ["plan", "--frames", "60"],
    }
    given = [x for o in options for x in ("--option", o)]
    assert says in refused(capsys, monkeypatch, *calls[verb], *given)


def test_a_resumed_run_keeps_its_options(video: Path, model: Path, tmp_path: Path) -> None:
    def order(**options: bool | int) -> Order:
        sampling = SamplingConfig(window=6, step=3, calls=1, options=options)
        return Order(video, tmp_path / "o.mkv", boxes=(BOX,), sampling=sampling, lossless=True, resume=True)

    def run(order: Order, stop: bool = False) -> None:
        def report(_: object) -> None:
            if stop:
                raise KeyboardInterrupt

        files.run(order, make_job(check(order), load_painter(model, order.sampling, choose_device("cpu"))), report)

    with pytest.raises(KeyboardInterrupt):
        run(order(near=1), stop=True)
    with pytest.raises(SettingError, match="was begun with near 1, now it is 0"):
        run(order(near=0))
    run(order())  # near=1 is what it is anyway
    assert (tmp_path / "o.mkv").exists()


def test_settings_are_values() -> None:
    given = {"near": 3}
    one, two = SamplingConfig(options=given), SamplingConfig(options={"near": 3})
    given["near"] = 4
    assert one == two
    assert hash(one) == hash(two)
    assert one != SamplingConfig(options=given)
    assert one.sampling_scheme(16) != SamplingConfig(options=given).sampling_scheme(16)
    assert one.sampling_scheme(16).options() == {"near": 3, "far": 2, "use_lookahead": True}
    assert SamplingConfig(scheme=f"{__name__}:Backwards", options={"pause": 3}).sampling_scheme(8).window == 8
    for wrong in ({"window": 3}, {"name": "ar"}):
        with pytest.raises(SettingError, match="setting of its own"):
            SamplingConfig(options=wrong)
    with pytest.raises(PlanError, match="did you mean"):
        SamplingConfig(scheme="lookahead-ar+++")


def test_texts() -> None:
    read = parse_options(["a=2", "b=0.5", "c=True", "d=some/path", "e-f=null", "g=[1]"])
    assert read == {"a": 2, "b": 0.5, "c": True, "d": "some/path", "e_f": "null", "g": "[1]"}
    for wrong in ("near", "=3", "window=4", "a b=1"):
        with pytest.raises(SettingError, match="name=value"):
            parse_options([wrong])
