"""Weights stored in fewer bytes: how far they are off, and that a file that does not fit itself is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from inpaintdiff.checkpoint import load_denoiser, save_model
from inpaintdiff.errors import CheckpointError
from inpaintdiff.model_config import build_denoiser
from inpaintdiff.stored_weights import WEIGHT_TYPES, pack, unpack

CONFIG: dict[str, Any] = {
    "network": {
        "class": "VideoUNet",
        "args": {"width": 16, "multipliers": [1, 2], "blocks": 1, "attention_levels": [1], "heads": 2, "patch": 2},
    },
    "precondition": {"class": "EDMPrediction", "args": {}},
    "window": 4,
    "height": 8,
    "width": 8,
    "grid": {"class": "KarrasGrid", "args": {}},
}


def random_state(seed: int = 0) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {k: torch.randn(v.shape, generator=g) for k, v in build_denoiser(CONFIG).state_dict().items()}


@given(
    seed=st.integers(0, 2**16),
    shape=st.lists(st.integers(1, 5), min_size=2, max_size=5),
    exponent=st.floats(-6, 6),
    zeros=st.booleans(),
)
def test_int8_is_off_by_half_a_step_at_most(seed: int, shape: list[int], exponent: float, zeros: bool) -> None:
    g = torch.Generator().manual_seed(seed)
    weight = torch.randn(shape, generator=g) * 10**exponent
    if zeros:
        weight[0] = 0
    back = unpack(pack({"w": weight}, "int8"), "it")["w"]
    largest = weight.flatten(1).abs().amax(1).view(-1, *[1] * (weight.ndim - 1))
    assert bool(((back - weight).abs() <= largest / 254 * (1 + 1e-5)).all())
    assert back.dtype == torch.float32
    # packed again it stays what it is: a model that is loaded and exported loses nothing more
    torch.testing.assert_close(unpack(pack({"w": back}, "int8"), "it")["w"], back, rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", WEIGHT_TYPES)
def test_a_file_gives_back_what_its_type_promises(dtype: str, tmp_path: Path) -> None:
    state = random_state()
    denoiser, info = load_denoiser(save_model(tmp_path / "m.safetensors", CONFIG, state, {"name": "m"}, dtype))
    assert info.card == {"name": "m"}
    for name, weight in state.items():
        back = denoiser.state_dict()[name]
        assert back.dtype == torch.float32
        if dtype == "float32":
            assert torch.equal(back, weight)
        elif dtype == "float16" or weight.ndim == 1:
            assert torch.equal(back, weight.half().float())
        else:
            assert not torch.equal(back, weight)
            assert float((back - weight).abs().max()) <= float(weight.abs().max()) / 254 * (1 + 1e-5)


def test_int8_takes_little_more_than_a_quarter(tmp_path: Path) -> None:
    sizes = {t: save_model(tmp_path / t, CONFIG, random_state(), {}, t).stat().st_size for t in WEIGHT_TYPES}
    assert sizes["int8"] < 0.35 * sizes["float32"]
    assert sizes["int8"] < 0.7 * sizes["float16"]


def test_the_command_line_offers_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    from inpaintdiff.cli import main

    for verb in ("export", "average", "search-steps"):
        with pytest.raises(SystemExit):
            main(["models", verb, "--help"])
        assert f"{{{','.join(WEIGHT_TYPES)}}}" in capsys.readouterr().out


@pytest.mark.parametrize("fault", ["no scale", "scale of another length", "scale alone"])
def test_a_file_that_does_not_fit_itself_is_refused(fault: str, tmp_path: Path) -> None:
    path = save_model(tmp_path / "m.safetensors", CONFIG, random_state(), {}, "int8")
    tensors = load_file(path)
    scale = next(k for k in tensors if k.endswith(".int8_scale"))
    if fault == "no scale":
        del tensors[scale]
    elif fault == "scale of another length":
        tensors[scale] = tensors[scale][:-1].clone()
    else:
        del tensors[scale.removesuffix(".int8_scale")]
    save_file(tensors, path, {"inpaintdiff": json.dumps({"format": 2, "config": CONFIG, "card": {}})})
    with pytest.raises(CheckpointError, match=r"scale .* damaged"):
        load_denoiser(path)


@pytest.mark.parametrize("dtype", WEIGHT_TYPES)
def test_what_is_not_finite_is_never_stored(dtype: str, tmp_path: Path) -> None:
    state = random_state()
    matrix = next(k for k, v in state.items() if v.ndim > 1)
    state[matrix][0, 0] = float("nan")
    with pytest.raises(CheckpointError, match="not finite"):
        save_model(tmp_path / "m.safetensors", CONFIG, state, {}, dtype)
    assert not list(tmp_path.iterdir())


def test_an_unknown_type_is_one_sentence() -> None:
    with pytest.raises(CheckpointError, match="'int4'; expected one of float32, float16, int8"):
        pack({}, "int4")
