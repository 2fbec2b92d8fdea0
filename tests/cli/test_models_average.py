"""`models average`: between two models, and nothing where there is no between."""

from pathlib import Path

import pytest
import torch

from inpaintdiff.checkpoint import load_denoiser, save_model
from inpaintdiff.cli import main
from inpaintdiff.model_config import build_denoiser
from tests.test_checkpoint import CARD, CONFIG


def _made(path: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    denoiser = build_denoiser(CONFIG)
    weights = {k: torch.randn_like(v) if v.is_floating_point() else v for k, v in denoiser.state_dict().items()}
    return save_model(path, CONFIG, weights, CARD)


def test_weights_lie_between_those_of_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b, out = _made(tmp_path / "a.safetensors", 0), _made(tmp_path / "b.safetensors", 1), tmp_path / "c.safetensors"
    assert main(["models", "average", str(a), str(b), "--weight", "0.25", "-o", str(out)]) == 0
    (first, _), (second, _), (between, info) = map(load_denoiser, (a, b, out))
    theirs, found = second.state_dict(), between.state_dict()
    for key, mine in first.state_dict().items():
        torch.testing.assert_close(found[key], 0.75 * mine + 0.25 * theirs[key])
        assert not mine.is_floating_point() or not torch.equal(found[key], mine)
    assert info.card["averaged"] == f"0.75 x {a} + 0.25 x {b}"
    assert "0.75 x" in capsys.readouterr().out
    # all of one is that one
    assert main(["models", "average", str(a), str(b), "--weight", "1", "-o", str(out), "--overwrite"]) == 0
    assert all(torch.equal(v, theirs[k]) for k, v in load_denoiser(out)[0].state_dict().items())


def test_what_has_no_between_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, out = _made(tmp_path / "a.safetensors", 0), tmp_path / "c.safetensors"
    for arguments, said in (
        (["builtin"], "expected two trainings of one network"),
        ([str(a), "--weight", "1.5"], "expected 0 to 1, got 1.5"),
    ):
        assert main(["models", "average", str(a), *arguments, "-o", str(out)]) == 2
        assert said in capsys.readouterr().err
        assert not out.exists()
    out.write_bytes(b"mine")
    assert main(["models", "average", str(a), str(a), "-o", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
