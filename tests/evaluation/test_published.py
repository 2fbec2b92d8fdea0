"""Weights from a real HTTP server on this machine: whole, corrupted, cut off, too long, missing, or no server at all."""

import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from inpaintdiff.cli import main
from inpaintdiff.errors import CheckpointError
from inpaintdiff.evaluation import find_networks, published
from inpaintdiff.evaluation.networks import KINDS, loader_of
from inpaintdiff.evaluation.published import PUBLISHED, Published, Remote, fetch, weights_folder
from inpaintdiff.metrics.lpips import LPIPS
from inpaintdiff.metrics.raft import RAFTSmall


def saved(state: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    torch.manual_seed(0)
    lpips = LPIPS().state_dict()
    backbone = {k: v for k, v in lpips.items() if k.startswith("features")} | {"classifier.1.weight": torch.zeros(3)}
    raft = saved({f"module.{k}": v for k, v in RAFTSmall().state_dict().items()})
    return {
        "/alexnet.pth": saved(backbone),
        "/alex.pth": saved({k: v for k, v in lpips.items() if k.startswith("lin")}),
        "/raft.pth": raft,
        "/flipped.pth": raft[:1000] + bytes([raft[1000] ^ 1]) + raft[1001:],
        "/cut.pth": raft[:-7],
        "/long.pth": raft + b"more",
        "/other.pth": saved({"a": torch.zeros(2)}),
    }


@pytest.fixture(scope="module")
def server(files: dict[str, bytes]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = files.get(self.path)
            self.send_response(200 if data is not None else 404)
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *args: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


def remote(server: str, path: str, right: bytes) -> Remote:
    return Remote(server + path, hashlib.sha256(right).hexdigest(), len(right))


def raft_of(server: str, files: dict[str, bytes], path: str = "/raft.pth") -> Published:
    return replace(PUBLISHED["raft"], remotes=(remote(server, path, files["/raft.pth"]),))


def test_what_is_published_is_whole() -> None:
    assert set(PUBLISHED) == set(KINDS)
    for kind, entry in PUBLISHED.items():
        assert kind in entry.name
        assert entry.licence
        for source in entry.remotes:
            assert source.url.startswith("https://")
            assert len(source.sha256) == 64
            assert int(source.sha256, 16)
            assert source.size > 1000


def test_fetched_once_and_found_from_then_on(
    server: str, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert find_networks(wanted=("raft",)).raft is None
    seen: list[int] = []
    entry = raft_of(server, files)
    path = fetch(entry, loader_of("raft"), told=lambda url, done, total: seen.append(done))
    assert path == tmp_path / "inpaintdiff" / "weights" / "raft-small.pth"
    assert path.read_bytes() == files["/raft.pth"]
    assert seen[-1] == len(files["/raft.pth"])
    found = find_networks(wanted=("raft",))
    assert found.raft is not None
    assert found.files["raft"]["sha256"] == entry.remotes[0].sha256
    dead = replace(entry, remotes=(replace(entry.remotes[0], url="http://127.0.0.1:9/x"),))
    assert fetch(dead, loader_of("raft")) == path, "it is there, so that nobody is asked"
    assert [p.name for p in path.parent.iterdir()] == ["raft-small.pth"]


def test_two_parts_make_one_network(server: str, files: dict[str, bytes], tmp_path: Path) -> None:
    parts = tuple(remote(server, p, files[p]) for p in ("/alexnet.pth", "/alex.pth"))
    path = fetch(replace(PUBLISHED["lpips"], remotes=parts), loader_of("lpips"), tmp_path)
    torch.manual_seed(0)
    expected = LPIPS().state_dict()
    state = torch.load(path, weights_only=True)
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[k], expected[k]) for k in state)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/flipped.pth", "sent something else: .* nothing was kept"),
        ("/cut.pth", "sent something else"),
        ("/long.pth", "bytes or more with SHA-256"),
        ("/none.pth", "the server says 404"),
    ],
)
def test_nothing_else_is_kept(server: str, files: dict[str, bytes], tmp_path: Path, path: str, words: str) -> None:
    with pytest.raises(CheckpointError, match=words) as info:
        fetch(raft_of(server, files, path), loader_of("raft"), tmp_path)
    assert "\n" not in str(info.value)
    assert list(tmp_path.iterdir()) == []


def test_the_network_must_take_them(server: str, files: dict[str, bytes], tmp_path: Path) -> None:
    other = replace(PUBLISHED["raft"], remotes=(remote(server, "/other.pth", files["/other.pth"]),))
    with pytest.raises(CheckpointError, match="has not the weights of RAFTSmall"):
        fetch(other, loader_of("raft"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_from_the_users_door(
    server: str,
    files: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(published.PUBLISHED, "raft", raft_of(server, files))
    assert main(["weights", "list"]) == 0
    assert f"would be kept: {weights_folder() / 'raft-small.pth'}" in capsys.readouterr().out
    assert main(["weights", "get", "raft"]) == 0
    out = capsys.readouterr().out
    assert server in out
    assert "BSD-3-Clause" in out
    assert "the hash is right" in out
    assert main(["weights", "list"]) == 0
    assert f"here: {weights_folder() / 'raft-small.pth'}" in capsys.readouterr().out
    offline = replace(PUBLISHED["raft"], remotes=(Remote("http://127.0.0.1:9/raft.pth", "0" * 64, 5000),))
    monkeypatch.setitem(published.PUBLISHED, "raft", offline)
    assert main(["weights", "get", "raft", "--overwrite"]) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if line.startswith("inpaintdiff: ")]
    assert len(err) == 1
    assert "cannot be fetched" in err[0]
    assert "--features raft=FILE" in err[0]
    for args, words in (([], "which weights?"), (["vgg"], "no published weights 'vgg'")):
        assert main(["weights", "get", *args]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.assets
def test_a_published_hash_is_that_of_a_file_at_hand(assets: Path) -> None:
    data = (assets / "weights" / "raft-small.pth").read_bytes()
    assert hashlib.sha256(data).hexdigest() == PUBLISHED["raft"].remotes[0].sha256


@pytest.mark.assets
def test_i3d_of_before_torch_0_4_is_taken(assets: Path, tmp_path: Path) -> None:
    """The published file has no counters of batches, which only came later."""
    state = torch.load(assets / "weights" / "i3d_rgb_kinetics400_from_tfhub.pt", weights_only=True)
    torch.save({k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}, tmp_path / "i3d.pt")
    assert find_networks(tmp_path, wanted=("i3d",)).i3d is not None
