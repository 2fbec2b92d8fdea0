"""`inpaintdiff serve` as a process of its own, asked over HTTP: the same bytes, clear refusals, no mixing."""

import base64
import http.client
import io
import itertools
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import inpaintdiff
from inpaintdiff.cli import main
from inpaintdiff.data.video import write_video
from inpaintdiff.registry import register_model, resolve_model, tracking
from tests.painting.small import model_file, pictures
from tests.serving.requests_to import ROOT, base64_of, post, serving, wait_for

Server = tuple[str, int]
HOLE = np.zeros((6, 20, 24), dtype=np.uint8)
HOLE[1:5, 6:14, 8:18] = 1
PARAMS = {"steps": 2, "seed": 5, "samples": 2}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_file(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Server]:
    limits = ("--max-frames", "12", "--max-pixels", "2000", "--max-calls", "60", "--max-megabytes", "1")
    with serving(model.parent, str(model), *limits) as address:
        yield address


def request(frames: Any = None, hole: Any = None, **params: Any) -> dict[str, Any]:
    frames = pictures(6, 20, 24).tolist() if frames is None else frames
    return {
        "inputs": {"frames": frames, "hole": HOLE.tolist() if hole is None else hole},
        "params": {**PARAMS, **params},
    }


def test_arrays_give_the_bytes_of_the_package(server: Server, model: Path) -> None:
    status, answer = post(server, request())
    assert status == 200
    direct = inpaintdiff.inpaint(pictures(6, 20, 24), HOLE.astype(bool), model=model, device="cpu", **PARAMS).videos
    assert np.array_equal(np.array(answer["predictions"], dtype=np.uint8), direct)
    assert not np.array_equal(direct[0], direct[1])
    assert np.array_equal(direct[0][HOLE == 0], pictures(6, 20, 24)[HOLE == 0])


def test_files_give_the_bytes_of_the_command_line(server: Server, model: Path, tmp_path: Path) -> None:
    video, mask = tmp_path / "in.mp4", tmp_path / "mask.png"
    write_video(video, pictures(6, 20, 24), 25)
    Image.fromarray(HOLE[2] * 255).save(mask)
    for suffix, lossless in ((".mp4", []), (".mkv", ["--lossless"])):
        out = tmp_path / f"out{suffix}"
        told = ["--model", str(model), "--steps", "2", "--seed", "5", "--device", "cpu"]
        assert main(["inpaint", str(video), "--mask", str(mask), "-o", str(out), *told, *lossless]) == 0
        inputs = {"frames": base64_of(video), "hole": base64_of(mask), "lossless": bool(lossless)}
        status, answer = post(server, {"inputs": inputs, "params": {"steps": 2, "seed": 5}})
        assert status == 200, answer
        (served,) = answer["predictions"]
        assert base64.b64decode(served) == out.read_bytes()


def test_boxes_and_several_answers(server: Server, model: Path, tmp_path: Path) -> None:
    video = tmp_path / "in.mp4"
    write_video(video, pictures(5, 20, 24), 25)
    inputs = {"frames": base64_of(video), "boxes": ["8,6,18,14@1-3"], "lossless": True}
    status, answer = post(server, {"inputs": inputs, "params": PARAMS})
    assert status == 200, answer
    direct = inpaintdiff.inpaint(video, boxes=["8,6,18,14@1-3"], model=model, device="cpu", **PARAMS).videos
    for k, text in enumerate(answer["predictions"]):
        (tmp_path / f"{k}.mkv").write_bytes(base64.b64decode(text))
        assert np.array_equal(inpaintdiff.open_video(tmp_path / f"{k}.mkv").read(range(5)), direct[k])


def test_the_client_of_the_help_works(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    lines = capsys.readouterr().out.partition("nothing but Python:\n")[2].splitlines()
    code = textwrap.dedent("\n".join(itertools.takewhile(bool, lines)))
    assert "127.0.0.1:8080" in code
    monkeypatch.chdir(tmp_path)
    write_video("in.mp4", pictures(4, 20, 24), 25)
    code = (
        code.replace("8080", str(server[1]))
        .replace("200,120,330,230", "4,4,12,12")
        .replace('"seed"', '"steps": 2, "seed"')
    )
    # as a process: the client leaves its files to the end of it
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert len(inpaintdiff.open_video("out.mp4")) == 4


def test_concurrent_requests_do_not_mix(server: Server) -> None:
    """Other videos, sizes, seeds and numbers of answers at once, each as when it is alone."""
    asked = [
        request(pictures(6, 20 - k, 24, seed=k).tolist(), HOLE[:, : 20 - k].tolist(), seed=k, samples=1 + k % 2)
        for k in range(6)
    ]
    alone = [post(server, r) for r in asked]
    assert all(status == 200 for status, _ in alone)
    assert len({str(a) for _, a in alone}) == 6
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda r: post(server, r), asked)) == alone


def bad(path: str, value: Any) -> dict[str, Any]:
    r: Any = request()
    at = r
    *keys, last = path.split(".")
    for k in keys:
        at = at[k]
    at[last] = value
    return r


def without(*keys: str) -> dict[str, Any]:
    r = request()
    for k in keys:
        del r["inputs"][k]
    return r


def file_request(**inputs: Any) -> dict[str, Any]:
    return {"inputs": inputs}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def npy(array: np.ndarray) -> str:
    out = io.BytesIO()
    np.save(out, array)
    return b64(out.getvalue())


RAGGED = [*pictures(5, 20, 24).tolist(), pictures(1, 19, 24)[0].tolist()]
# what is sent, the status, and what the sentence says
MALFORMED: dict[str, tuple[Any, int, str]] = {
    "empty body": (b"", 400, "no JSON"),
    "no JSON": (b"{inputs: 1}", 400, "no JSON"),
    "broken UTF-8": (b'{"inputs": "\xff"}', 400, "no JSON"),
    "cut off": (b'{"inputs": {"frames": [[', 400, "no JSON"),
    "nested without end": (b"[" * 100_000, 400, "no JSON"),
    "a list": ([1, 2], 400, "the body is a list"),
    "another format of MLflow": ({"dataframe_split": {"columns": [], "data": []}}, 400, 'the body has "dataframe_split"'),
    "inputs are a list": ({"inputs": [1]}, 400, "inputs is [1]"),
    "params are a list": ({**request(), "params": [1]}, 400, "params is [1]"),
    "no frames": (without("frames"), 400, "inputs has no frames"),
    "no hole": (without("hole"), 400, "inputs has no hole"),
    "unknown input": (bad("inputs.mask", [[1]]), 400, 'no input "mask"'),
    "ragged": (request(RAGGED), 400, "frames is ragged"),
    "three levels": (request(pictures(1, 20, 24)[0].tolist()), 400, "frames has 3 levels of lists, expected 4"),
    "four channels": (request(np.zeros((6, 20, 24, 4), int).tolist()), 400, "frames have shape (6, 20, 24, 4)"),
    "no frames at all": (request([[[[]]]]), 400, "frames have shape (1, 1, 1, 0)"),
    "floats": (request((pictures(6, 20, 24) / 255).tolist()), 400, "no whole numbers"),
    "beyond 255": (request((pictures(6, 20, 24).astype(int) * 2).tolist()), 400, "expected 0 to 255"),
    "texts": (request([[[["a", "b", "c"]]]]), 400, "no whole numbers"),
    "hole of another length": (request(hole=HOLE[:4].tolist()), 400, "hole has shape (4, 20, 24)"),
    "hole of another size": (request(hole=HOLE[:, :10].tolist()), 400, "hole has shape (6, 10, 24)"),
    "nothing to fill": (request(hole=(0 * HOLE).tolist()), 400, "Nothing to fill"),
    "everything to fill": (request(hole=(0 * HOLE + 1).tolist()), 400, "marks every pixel"),
    "inverted": (request(hole=(1 - HOLE).tolist()), 400, "looks inverted"),
    "unknown parameter": (request(stepz=3), 400, "no parameter 'stepz'"),
    "steps a text": (request(steps="3"), 400, "steps is '3', expected a whole number"),
    "steps true": (request(steps=True), 400, "expected a whole number"),
    "no steps": (request(steps=-1), 400, "steps must be at least 1"),
    "seed below 0": (request(seed=-1), 400, "seed is -1"),
    "seed beyond 64 bits": (request(seed=2**70), 400, "expected 0 to 2^63 - 1"),
    "unknown scheme": (request(scheme="x"), 400, "scheme is 'x', expected one of"),
    "a module as scheme": (request(scheme="os:system"), 400, "scheme is 'os:system', expected one of"),
    "unknown solver": (request(solver="x"), 400, "solver"),
    "too many frames": (request(pictures(13, 4, 4).tolist(), np.ones((1, 4, 4), int).tolist()), 400, "13 frames; at most 12"),
    "too large frames": (request(pictures(1, 50, 50).tolist(), np.ones((1, 50, 50), int).tolist()), 400, "at most 2,000 pixels"),
    "too much to do": (request(steps=30), 400, "network calls; at most 60"),
    "no base64": (file_request(frames="?!", hole="AAAA"), 400, "frames is no base64"),
    "base64 of nothing": (file_request(frames="", hole="AAAA"), 400, "unknown kind of file"),
    "base64 of a text": (file_request(frames=b64(b"hello, world"), hole="AAAA"), 400, "unknown kind of file"),
    "damaged video": (file_request(frames=b64(b"\0\0\0\x18ftypmp42" + b"x" * 200), boxes=["1,1,3,3"]), 400, "frames.mp4"),
    "a mask as video": (file_request(frames=npy(HOLE), hole=npy(HOLE)), 400, "frames.npy"),
    "hole an array": (file_request(frames=b64(b"\0\0\0\x18ftypmp42"), hole=[[1]]), 400, "base64 of a mask"),
    "boxes a text": (file_request(frames=b64(b"\0\0\0\x18ftypmp42"), boxes="1,1,3,3"), 400, "a list of texts"),
    "too long": (b'{"inputs": "' + b"x" * 1_100_000 + b'"}', 413, "longer than 1 MB"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_gets_one_sentence(server: Server, name: str) -> None:
    body, wanted, sentence = MALFORMED[name]
    status, answer = post(server, body)
    assert (status, answer.keys()) == (wanted, {"error_code", "message"})
    assert sentence in answer["message"]
    assert "\n" not in answer["message"]
    assert len(answer["message"]) < 400
    assert "inpaintdiff-" not in answer["message"], "a path of the server's"


def test_video_faults_are_said_of_a_readable_video(server: Server, tmp_path: Path) -> None:
    write_video(tmp_path / "in.mp4", pictures(5, 20, 24), 25)
    video = base64_of(tmp_path / "in.mp4")
    for inputs, sentence in (
        ({}, "nothing says what to fill"),
        ({"boxes": ["1,1"]}, "box"),
        ({"boxes": ["100,100,110,110"]}, "box"),
        ({"hole": npy(HOLE[:, :5, :5])}, "Give a mask of the video's size"),
        ({"hole": b64(b"PK\x03\x04 no archive")}, "hole.npz"),
    ):
        status, answer = post(server, file_request(frames=video, **inputs))
        assert status == 400
        assert sentence in answer["message"]


def test_other_doors(server: Server) -> None:
    status, answer = post(server, request(), headers={})
    assert (status, answer["message"]) == (415, "the content type is missing, expected application/json")
    status, _ = post(server, request(), headers={"Content-Type": "text/csv"})
    assert status == 415
    for method, path, wanted in (("GET", "/invocations", 405), ("GET", "/nowhere", 404), ("GET", "/ping", 200)):
        connection = http.client.HTTPConnection(*server, timeout=20)
        connection.request(method, path)
        assert connection.getresponse().status == wanted
        connection.close()


@pytest.mark.slow
def test_a_crowd_is_told_to_come_again(model: Path) -> None:
    with serving(model.parent, str(model), "--max-waiting", "1") as address, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post(address, request(steps=40)), range(4)))
    assert {status for status, _ in answers} == {200, 503}
    assert all("try again later" in a["message"] for status, a in answers if status == 503)


def test_wrong_options_get_one_sentence(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for args, sentence in (
        (["nowhere.ckpt"], "there is no model file"),
        (["baseline:blur"], "no weights to serve"),
        (["--port", "70000"], "is no port"),
        (["--max-frames", "0"], "max_frames must be at least 1"),
        (["--max-waiting", "0"], "--max-waiting at least 1"),
        (["--device", "abacus"], "device 'abacus'"),
        (["--host", "203.0.113.1"], "cannot be listened at"),
    ):
        assert main(["serve", *args] if args[0][0] != "-" else ["serve", str(model), *args]) == 2
        err = capsys.readouterr().err
        assert sentence in err
        assert err.count("\n") == 1


@pytest.mark.slow
def test_mlflow_models_serve(model: Path, tmp_path: Path) -> None:
    """MLflow's own server with the registered version: the same bytes, and 400 with the same sentences."""
    store = tracking(tmp_path / "runs")
    version = register_model(model, "served", store=store)
    folder = resolve_model(f"models:/served/{version}", store).parents[1]
    address = ("127.0.0.1", 18731)
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(folder), "--env-manager", "local"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SERVING_MODEL_CONFIG": '{"max_frames": 12}'}
    log = tmp_path / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "--port", str(address[1])],
            env={**environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        wait_for(address, "/ping", process)
        status, answer = post(address, request())
        assert status == 200, answer
        direct = inpaintdiff.inpaint(pictures(6, 20, 24), HOLE.astype(bool), model=model, device="cpu", **PARAMS).videos
        assert np.array_equal(np.array(answer["predictions"], dtype=np.uint8), direct)
        named = (
            "empty body", "no JSON", "broken UTF-8", "cut off", "a list", "inputs are a list", "no frames", "no hole", "ragged",
            "three levels", "four channels", "no frames at all", "texts", "hole of another length", "hole of another size",
            "nothing to fill", "everything to fill", "inverted", "steps a text", "no steps", "seed below 0", "unknown scheme",
            "a module as scheme", "unknown solver", "too many frames",
        )  # fmt: skip
        for name in named:
            status, answer = post(address, MALFORMED[name][0])
            assert 400 <= status < 500, (name, answer)
            assert answer["message"], name
        _, answer = post(address, MALFORMED["too many frames"][0])
        assert answer["message"].endswith("Error: the video has 13 frames; at most 12 are painted here")
    finally:
        os.killpg(process.pid, 15)
        process.wait(20)
